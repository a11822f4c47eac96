"""Reading predictions: what is refused, and how clearly."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis import report
from analysis.predictions.reading import read_predictions
from analysis.simulation.simulate import write_block
from benchmark.errors import InputError
from benchmark.results import PREDICTION_COLUMNS, read_info, read_table, write_table
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel


@pytest.fixture
def small():
    return make_block(auroc=(0.7, 0.8), seeds=2, images=20)


@pytest.fixture
def path(tmp_path, small):
    write_block(tmp_path / "p.parquet", small)
    return tmp_path / "p.parquet"


def rewrite(path, change):
    """Change a predictions file's frame, keeping its metadata."""
    info, frame = read_info(path), read_table(path)
    frame = change(frame)
    write_table(path, frame, PREDICTION_COLUMNS, info)


def test_round_trip(path, small):
    predictions = read_predictions(path)
    (block,) = predictions.blocks
    assert block.arms == small.arms and block.seeds == small.seeds and block.task == "binary"
    np.testing.assert_allclose(block.scores, small.scores, rtol=1e-6)
    assert (block.truth == small.truth).all() and (block.groups == small.groups).all()
    assert predictions.remarks == () and block.rho_known


def test_order_of_rows_and_names_of_groups_do_not_matter(path):
    base = read_predictions(path).blocks[0]

    def change(frame):
        frame = frame.sample(frac=1, random_state=0)
        frame["group_id"] = "x" + frame["group_id"].str[::-1]
        return frame

    rewrite(path, change)
    other = read_predictions(path).blocks[0]
    assert (other.scores == base.scores).all() and (other.groups == base.groups).all()


def test_known_arms_come_first(tmp_path, small):
    write_block(tmp_path / "p.parquet", replace(small, arms=("zebra", "scratch")))
    assert read_predictions(tmp_path / "p.parquet").blocks[0].arms == ("scratch", "zebra")


def test_a_foreign_file_without_metadata(path):
    frame = read_table(path)
    frame["y_true"] = [np.asarray(value, dtype=np.int64) for value in frame["y_true"]]
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, path)
    predictions = read_predictions(path)
    assert predictions.blocks[0].task == "binary" and predictions.blocks[0].classes == ("class 0", "class 1")
    assert not predictions.blocks[0].rho_known
    assert any("taken from the rows" in line for line in predictions.remarks)


@pytest.mark.parametrize(("make", "task"), [(make_multiclass, "multiclass"), (make_multilabel, "multilabel")])
def test_the_task_is_inferred_from_rows(tmp_path, make, task):
    write_block(tmp_path / "p.parquet", make())
    table = pq.read_table(tmp_path / "p.parquet").replace_schema_metadata(None)
    pq.write_table(table, tmp_path / "p.parquet")
    assert read_predictions(tmp_path / "p.parquet").blocks[0].task == task


def scores(frame, row, value):
    frame.at[row, "y_score"] = np.array(value, dtype=np.float32)
    return frame


def cells(column, value):
    def change(frame):
        frame.loc[3, column] = value
        return frame

    return change


BAD = {
    "NaN or infinite scores in 1 row.*row 3": lambda f: scores(f, 3, [np.nan, 0.5]),
    "outside \\[0, 1\\] in 1 row.*row 3": lambda f: scores(f, 3, [-1.0, 2.0]),
    "do not sum to 1 in 1 row": lambda f: scores(f, 3, [0.5, 0.2]),
    "y_score has \\[3\\] entries instead of 2 in 1 row": lambda f: scores(f, 3, [0.5, 0.2, 0.3]),
    "group_id is missing in 1 row.*repeat sample_id": cells("group_id", None),
    "sample_id is missing in 1 row": cells("sample_id", ""),
    "dataset is missing": cells("dataset", None),
    "stands twice in arm.*duplicates in 1 row": lambda f: pd.concat([f, f.iloc[[5]]], ignore_index=True),
    "lacks 1 images \\('image000019'\\)": lambda f: f.drop(index=79).reset_index(drop=True),
    "lacks 20 images.*adds 20 images": lambda f: f.assign(
        sample_id=np.where(f["arm"] == "arm 1", "new " + f["sample_id"], f["sample_id"])
    ),
    "group_id differs from the first arm's for 1 image": lambda f: f.assign(
        group_id=np.where(f.index == 79, "other", f["group_id"])
    ),
    "1 cells are missing: arm 1/seed01.*--common-seeds": lambda f: f[(f["arm"] != "arm 1") | (f["seed"] != 1)],
    "1 refits are missing: arm 1/seed01/refit1": lambda f: pd.concat(
        [f, f[(f["arm"] != "arm 1") | (f["seed"] != 1)].assign(refit=1)]
    ),
    "holds no rows": lambda f: f.iloc[:0],
}


@pytest.mark.parametrize("message", list(BAD))
def test_bad_rows_are_named(path, message):
    rewrite(path, BAD[message])
    with pytest.raises(InputError, match=message):
        read_predictions(path)


def truth(frame, rows, value):
    for row in rows:
        frame.at[row, "y_true"] = np.array(value, dtype=np.float32)
    return frame


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([0.5, 0.5], "neither 0, 1 nor NaN"),
        ([1, 1], "not one-hot"),
        ([np.nan, 1], "not one-hot"),
    ],
)
def test_bad_truth_is_named(path, value, message):
    rewrite(path, lambda f: truth(f, [3], value))
    with pytest.raises(InputError, match=message):
        read_predictions(path)


def test_another_truth_for_the_same_image(path):
    rewrite(path, lambda f: truth(f, [79], 1 - f.at[79, "y_true"]))
    with pytest.raises(InputError, match=r"y_true\) differs from the first arm's for 1 images"):
        read_predictions(path)


@pytest.mark.parametrize(("positives", "message"), [(0, "is absent from the holdout"), (1, "has 1 positive image")])
def test_a_class_that_is_absent_or_alone(tmp_path, small, positives, message):
    y = (np.arange(20) < positives).astype(float)
    write_block(tmp_path / "p.parquet", replace(small, truth=np.stack([1 - y, y], axis=1)))
    with pytest.raises(InputError, match=f"'positive' {message}"):
        read_predictions(tmp_path / "p.parquet")


def test_no_shared_seed(path):
    rewrite(path, lambda f: f.assign(seed=f["seed"] + 10 * (f["arm"] == "arm 1")))
    with pytest.raises(InputError, match="No seed is shared"):
        read_predictions(path, common_seeds=True)


def test_common_seeds_are_paired_and_named(path):
    rewrite(path, lambda f: f[(f["arm"] != "arm 1") | (f["seed"] != 1)])
    predictions = read_predictions(path, common_seeds=True)
    assert predictions.blocks[0].seeds == (0,)
    assert "paired on the 1 common" in predictions.remarks[0]


def test_missing_column(path):
    frame = read_table(path).drop(columns=["group_id", "refit"])
    frame.to_parquet(path)
    with pytest.raises(
        InputError,
        match=r"lacks the column group_id; it has dataset, arm, n_per_class, seed, sample_id, y_true, y_score\. ",
    ):
        read_predictions(path)


@pytest.mark.parametrize(("column", "value"), [("y_score", 0.5), ("seed", "one")])
def test_wrong_type(path, column, value):
    read_table(path).assign(**{column: value}).to_parquet(path)
    with pytest.raises(InputError, match=f"column {column} has the type"):
        read_predictions(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ("a", "b", "c")}, "name 3 classes"),
        ({"rho": 1.5}, "overlap rho"),
        ({"task": "ranking"}, "unknown task"),
    ],
)
def test_wrong_metadata(tmp_path, small, change, message):
    write_block(tmp_path / "p.parquet", replace(small, **change))
    with pytest.raises(InputError, match=message):
        read_predictions(tmp_path / "p.parquet")


def test_metadata_of_another_form(path):
    table = pq.read_table(path).replace_schema_metadata({b"benchmark": b'["no"]'})
    pq.write_table(table, path)
    with pytest.raises(InputError, match="documented form"):
        read_predictions(path)


def test_wrong_width_for_the_task(tmp_path):
    write_block(tmp_path / "p.parquet", replace(make_multiclass(), task="binary"))
    with pytest.raises(InputError, match="two entries"):
        read_predictions(tmp_path / "p.parquet")


def test_files_of_different_studies(tmp_path, small):
    for seed, classes in enumerate((("a", "b"), ("a", "c"))):
        part = replace(small, seeds=(seed,), scores=small.scores[:1, :1], arms=("x",), classes=classes)
        write_block(tmp_path / f"cells/toy/n100/seed0{seed}/x/predictions.parquet", part)
    with pytest.raises(InputError, match="different studies"):
        read_predictions(tmp_path)


def test_no_such_place(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_predictions(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no predictions"):
        read_predictions(tmp_path)
    (tmp_path / "p.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_predictions(tmp_path / "p.parquet")


def test_a_folder_with_one_file(path):
    path.rename(path.with_name("predictions.parquet"))
    assert len(read_predictions(path.parent).blocks) == 1


def test_the_command_line_ends_with_code_2(path, tmp_path, capsys):
    rewrite(path, BAD["do not sum to 1 in 1 row"])
    assert report.main([str(path), "--out", str(tmp_path / "out")]) == 2
    assert "error: toy: the scores do not sum to 1" in capsys.readouterr().err
