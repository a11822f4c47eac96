"""From a predictions table that we did not make: the same tables as from a run's folder, and clear refusals."""

import pytest

from analysis.report import main
from benchmark.results import PREDICTION_COLUMNS, PREDICTIONS, write_table
from tests.simulated import info, predictions, written


@pytest.fixture(scope="module")
def frame():
    return predictions(arms=("scratch", "imagenet", "medical"), shift=(0.8, 1.3, 1.4), seeds=3)


def test_a_runs_folder_and_its_predictions_alone_give_the_same_bytes(tmp_path, frame):
    about = info(overlap={"100": 0.05})
    alone = written(tmp_path / "all.parquet", frame, about)
    for (arm, seed), part in frame.groupby(["arm", "seed"]):
        write_table(
            tmp_path / f"run/cells/sim/n100/seed{seed:02d}/{arm}" / PREDICTIONS, part, PREDICTION_COLUMNS, about
        )
    assert main([str(alone), "--out", str(tmp_path / "one")]) == 0
    assert main([str(tmp_path / "run"), "--out", str(tmp_path / "two")]) == 0
    for name in ("arms", "pairwise", "sensitivity"):
        for kind in ("csv", "md", "tex"):
            one, two = (tmp_path / place / "tables" / f"{name}.{kind}" for place in ("one", "two"))
            assert one.read_bytes() == two.read_bytes(), f"{name}.{kind}"
    header = (tmp_path / "one/tables/pairwise.csv").read_text().splitlines()[0]
    assert header == (
        "dataset,n_per_class,metric,arm_a,arm_b,seeds,difference,se,df,ci_low,ci_high,p,p_holm,verdict,hedges_g,"
        "p_superior,mdd,rho,p_equivalent,ci_low_family,ci_high_family,mdd_unadjusted,estimand"
    )
    assert (tmp_path / "one/tables/arms.csv").read_text().splitlines()[0] == (
        "dataset,n_per_class,metric,arm,seeds,estimate,se,df,ci_low,ci_high,seed_sd,estimand"
    )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: f.drop(columns="group_id"), "group_id"),
        (lambda f: f.assign(y_score=[[2.0, -1.0]] * len(f)), r"\[0, 1\]"),
        (lambda f: f.assign(y_score=[[float("nan"), 0.5]] * len(f)), "NaN"),
        (lambda f: f[~((f["arm"] == "medical") & (f["seed"] == 1))], "medical"),
        (lambda f: f.iloc[:-1], "image"),
    ],
)
def test_bad_predictions_end_with_a_message_and_code_2(tmp_path, frame, capsys, spoil, said):
    import re

    spoilt = spoil(frame.copy())
    path = tmp_path / "bad.parquet"
    columns = {name: kind for name, kind in PREDICTION_COLUMNS.items() if name in spoilt}
    write_table(path, spoilt, columns, info())
    assert main([str(path), "--out", str(tmp_path / "out")]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert not list((tmp_path / "out").rglob("*.*"))
