import multiprocessing
import os
import re
import signal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.results import (
    PREDICTION_COLUMNS,
    TableInfo,
    atomic_path,
    cell_folders,
    clear_temporary,
    path_name,
    read_info,
    read_json,
    read_table,
    write_json,
    write_table,
)
from benchmark.spec import Cell


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "dataset": "d",
            "arm": "a",
            "n_per_class": 100,
            "seed": 0,
            "refit": 0,
            "sample_id": ["x", "y"],
            "group_id": ["p", "q"],
            "y_true": [[1.0, 0.0], [0.0, np.nan]],
            "y_score": [[0.25, 0.75], [0.5, 0.5]],
        }
    )


def test_predictions_come_back_as_they_were_written(tmp_path, frame):
    info = TableInfo({"d": ("no", "yes")}, {"d": "binary"}, {"d": {"overlap": {"100": 0.1}}})
    write_table(tmp_path / "p.parquet", frame, PREDICTION_COLUMNS, info)
    back = read_table(tmp_path / "p.parquet")
    assert list(back.columns) == list(PREDICTION_COLUMNS)
    np.testing.assert_array_equal(np.stack(back["y_true"]), np.stack(frame["y_true"]))
    assert back["y_score"][0].dtype == np.float32
    assert read_info(tmp_path / "p.parquet") == info


def test_the_same_table_is_the_same_bytes(tmp_path, frame):
    for name in ("one", "two"):
        write_table(tmp_path / name, frame, PREDICTION_COLUMNS)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


@given(st.lists(st.text(min_size=1, max_size=60), min_size=2, max_size=8, unique=True))
def test_names_in_paths_are_safe_and_differ_as_their_names_do(names):
    parts = [path_name(name) for name in names]
    assert len(set(parts)) == len(parts)
    for part in parts:
        assert re.fullmatch(r"[A-Za-z0-9_=+,:~-][A-Za-z0-9_.=+,:~-]*", part)
        assert len(part.encode()) <= 120


def test_names_in_paths_stay_readable():
    assert path_name("folder:a/b") != path_name("folder:a_b")
    assert path_name("chexpert:labels=edema+fracture") == "chexpert:labels=edema+fracture"
    assert path_name("..") == "~2E."
    assert path_name("a" * 300) != path_name("a" * 301)


def test_one_walk_finds_the_cells_of_a_run(tmp_path):
    cells = [Cell(name, n, seed, "scratch") for name in ("b", "a/c") for n in (8, 100) for seed in (1, 0)]
    for cell in cells:
        cell.folder(tmp_path).mkdir(parents=True)
    (tmp_path / "cells" / "stray.txt").touch()
    assert cell_folders(tmp_path) == sorted(cell.folder(tmp_path) for cell in cells)
    assert cell_folders(tmp_path / "nowhere") == []


def test_truncated_files_are_named(tmp_path, frame):
    path = tmp_path / "p.parquet"
    write_table(path, frame, PREDICTION_COLUMNS)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"p\.parquet"):
        read_table(path)
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InputError, match=r"x\.json"):
        read_json(tmp_path / "x.json")


def _killed_while_writing(path):
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_killed_writers_left_is_cleared_and_nothing_else(tmp_path):
    process = multiprocessing.get_context("fork").Process(target=_killed_while_writing, args=(tmp_path / "a" / "x",))
    process.start()
    process.join()
    (left,) = (tmp_path / "a").iterdir()
    others = left.with_name(left.name.replace(f".{process.pid}.", f"-elsewhere.{process.pid}."))
    others.write_text("another machine is still writing")
    with atomic_path(tmp_path / "b") as mine:
        mine.write_text("so am I")
        assert clear_temporary(tmp_path) == 1
        assert not left.exists() and others.exists() and mine.exists()
    assert (tmp_path / "b").read_text() == "so am I"
