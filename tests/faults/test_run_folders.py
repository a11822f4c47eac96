"""Damaged run folders: every repair is said, no file is lost, and the tables end the same."""

import json
import shutil

import pytest

from benchmark.results import CURVES, DONE, PREDICTIONS, SPEC, SPEC_COPY, STUDY, TRIALS, VALIDATION, cell_folders
from tests.faults.conftest import give

TABLES = (TRIALS, CURVES, VALIDATION, PREDICTIONS)


def content(place):
    """Cell -> the bytes of its tables."""
    run = place / "mlruns/run"
    return {str(c.relative_to(run)): [(c / name).read_bytes() for name in TABLES] for c in cell_folders(run)}


def flip(path, places=1):
    """Change some bytes of a file, in its middle."""
    data = bytearray(path.read_bytes())
    for place in range(places):
        data[len(data) // 2 + place] ^= 0xFF
    path.write_bytes(data)


def one_of(place, pattern):
    (path,) = place.glob(pattern)
    return path


@pytest.mark.slow
def test_damage_in_every_cell_and_in_the_cache_is_said_and_made_good(place, capsys):
    before = content(place)
    first, *others = cell_folders(place / "mlruns/run")
    (first / DONE).write_text("{}")
    (others[0] / DONE).write_bytes((others[0] / DONE).read_bytes()[:40])
    (others[1] / PREDICTIONS).write_bytes(b"")
    (others[2] / TRIALS).unlink()
    flip(others[3] / PREDICTIONS)
    flip(others[3] / VALIDATION)
    journal = others[4] / STUDY
    journal.write_bytes(journal.read_bytes().replace(b'"op_code"', b"\0" * 9, 1))
    (others[4] / PREDICTIONS).unlink()
    array = one_of(place, "mlruns/cache/*px-????????????????.npy")
    right = array.read_bytes()
    array.write_bytes(right[: len(right) // 2] + b"\0" * (len(right) - len(right) // 2))
    (place / "mlruns/run" / SPEC).write_text("{}")
    damaged = {path: path.read_bytes() for path in (others[3] / PREDICTIONS, journal, first / DONE)}
    assert give() == 0
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert content(place) == before
    assert array.read_bytes() == right
    assert "is damaged: set aside as spec.json.damaged; its copy is used" in said
    assert said.count("computed again from its journal") == 5 and "computed again from the start" in said
    assert "blocks are not what was written" in said and "decoded anew" in said
    for what in (
        f"{DONE} cannot be read",
        f"{PREDICTIONS} is empty",
        f"{TRIALS} is missing",
        f"{PREDICTIONS} has another content than was written",
        f"{VALIDATION} has another content than was written",
    ):
        assert what in said
    for path, bytes_before in damaged.items():
        assert path.with_name(f"{path.name}.damaged").read_bytes() == bytes_before, "set aside, not deleted"
    assert give() == 0
    said = capsys.readouterr().err
    assert "damaged" not in said and "set aside" not in said and "6 already finished" in said
    assert "nothing to do" in said and "indexed" not in said, "nothing was planned"


def tear_record(place):
    one_of(place, "mlruns/cache/*px-????????????????.json").write_text("{}")


def empty_hashes(place):
    one_of(place, "mlruns/cache/*.hashes.npy").write_bytes(b"")


def cut_array(place):
    array = one_of(place, "mlruns/cache/*px-????????????????.npy")
    array.write_bytes(array.read_bytes()[:100])


def folder_for_an_array(place):
    array = one_of(place, "mlruns/cache/*px-????????????????.npy")
    array.unlink()
    array.mkdir()


def no_spec(place):
    (place / "mlruns/run" / SPEC).unlink()


def list_for_a_spec(place):
    (place / "mlruns/run" / SPEC).write_text("[]")


def folder_for_a_spec(place):
    (place / "mlruns/run" / SPEC).unlink()
    (place / "mlruns/run" / SPEC).mkdir()


def both_specs(place):
    for name in (SPEC, SPEC_COPY):
        (place / "mlruns/run" / name).write_text("{}")


def sibling_without_a_spec(place):
    (place / "mlruns/other" / SPEC).mkdir(parents=True)


def file_for_the_cache(place):
    shutil.rmtree(place / "mlruns/cache")
    (place / "mlruns/cache").write_text("")


def file_for_the_weights(place):
    (place / "mlruns/weights").write_text("")


def file_for_the_report(place):
    shutil.rmtree(place / "mlruns/run/report")
    (place / "mlruns/run/report").write_text("")


def folder_for_done(place):
    done = cell_folders(place / "mlruns/run")[0] / DONE
    done.unlink()
    done.mkdir()


def journal_of_a_finished_cell(place):
    flip(cell_folders(place / "mlruns/run")[0] / STUDY)


def folder_for_a_journal(place):
    folder = cell_folders(place / "mlruns/run")[0]
    for name in (DONE, STUDY):
        (folder / name).unlink()
    (folder / STUDY).mkdir()


def foreign_journal(place):
    folder = cell_folders(place / "mlruns/run")[0]
    (folder / DONE).unlink()
    (folder / STUDY).write_text('{"op_code": 6, "trial_id": 7, "state": 1}\n[]\n{}\n')


def no_budget(place):
    done = cell_folders(place / "mlruns/run")[0] / DONE
    done.write_text(json.dumps(json.loads(done.read_text()) | {"budget": "two"}))


def odd_sums(place):
    done = cell_folders(place / "mlruns/run")[0] / DONE
    described = json.loads(done.read_text())
    described["files"][TRIALS] = ["?"]
    done.write_text(json.dumps(described))


def database_that_is_none(place):
    (place / "mlruns/mlflow.db").write_bytes(b"not a database" * 100)
    for suffix in ("-wal", "-shm"):
        (place / f"mlruns/mlflow.db{suffix}").unlink(missing_ok=True)
    (cell_folders(place / "mlruns/run")[0] / DONE).unlink()


#: what is damaged -> exit code, and words of the line that says it.
DAMAGE = {
    tear_record: (0, "its record has no sums"),
    empty_hashes: (0, "hashes.npy is empty"),
    cut_array: (0, "it has 100 bytes"),
    folder_for_an_array: (0, "it is no file"),
    no_spec: (0, "was missing; its copy is used"),
    list_for_a_spec: (0, "set aside as spec.json.damaged"),
    folder_for_a_spec: (0, "set aside as spec.json.damaged"),
    both_specs: (2, "Restore it from a copy"),
    sibling_without_a_spec: (0, ""),
    file_for_the_cache: (2, "cache is a file, and should be a folder"),
    file_for_the_weights: (2, "weights is a file, and should be a folder"),
    file_for_the_report: (2, "report is a file, and should be a folder"),
    folder_for_done: (0, "done.json cannot be read; set aside as done.json.damaged"),
    journal_of_a_finished_cell: (0, "tables are whole and stay"),
    folder_for_a_journal: (0, ""),
    foreign_journal: (0, ""),
    no_budget: (0, "done.json cannot be read"),
    odd_sums: (0, "trials.parquet has no sums that can be read"),
    database_that_is_none: (0, "MLflow does not follow"),
}


def journals(place):
    """What they hold, those that were set aside included."""
    return [path.read_bytes() for path in (place / "mlruns/run/cells").rglob("*.jsonl*") if path.is_file()]


@pytest.mark.faults
@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_damaged_folder_ends_with_the_same_tables_or_a_clear_error(finished, place, capsys, damage):
    (cell_folders(place / "mlruns/run")[-1] / DONE).unlink()  # with nothing to do, caches are not even looked at
    damage(place)
    code, words = DAMAGE[damage]
    kept = journals(place)
    assert give() == code
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert words in said
    now = journals(place)
    assert all(any(one.startswith(other) for one in now) for other in kept), "no journal was lost or changed"
    if code == 0:
        assert content(place) == content(finished)
