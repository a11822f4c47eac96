"""The command, as a user gives it: a small comparison of one's own images, start to end."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec

import pandas as pd
import pytest
import torch

from benchmark import command_line, run
from benchmark.results import PICTURES, PREDICTIONS, TRIALS
from benchmark.run import main
from benchmark.runs.flags import devices_of, make_parser, resolve
from benchmark.runs.status import read_status
from tests.chexpert_tree import write_chexpert
from tests.conftest import write_images

PRESET = """
arms = ["scratch", "scratch-same"]
n_per_class = [8]
seeds = 3
budget = 2
folds = 2
image_size = 16
backbone = "resnet10t"
min_epochs = 1
max_epochs = 2
batch_size = 8
min_per_class = 4
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with a preset and images of two classes in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    write_images(tmp_path / "mine", [f"{name}/{i}.png" for name in ("benign", "malign") for i in range(60)])
    (tmp_path / "mine.toml").write_text(PRESET)
    return tmp_path


def give(*flags):
    return main(["--preset", "mine.toml", "--datasets", "folder:mine", "--workers", "1", *flags])


def cells(place):
    (folder,) = place.glob("mlruns/folder*")
    return folder, {(path.parent.name, path.parent.parent.name): path.parent for path in folder.rglob(PREDICTIONS)}


@pytest.mark.slow
def test_a_comparison_its_continuation_and_its_extension(place, capsys):
    assert give() == 0
    said = capsys.readouterr()
    assert "scratch-same" in said.out
    assert "index.html" in said.out
    folder, found = cells(place)
    assert len(found) == 6 and (folder / PICTURES).is_file(), "noise is often taken for the wrong class"
    assert all(len(pd.read_parquet(cell / TRIALS)) == 2 for cell in found.values())
    before = {key: [(cell / name).read_bytes() for name in (TRIALS, PREDICTIONS)] for key, cell in found.items()}
    report = (folder / "report" / "tables" / "pairwise.csv").read_bytes()
    assert json.loads((folder / "spec.json").read_text())["tables"]["protocol"]

    assert give() == 0
    assert "6 already finished" in capsys.readouterr().err
    assert (folder / "report" / "tables" / "pairwise.csv").read_bytes() == report

    assert give("--out", "again") == 0
    for (arm, seed), (trials, predictions) in before.items():
        (again,) = (place / "again").glob(f"cells/*/n8/{seed}/{arm}")
        assert (again / TRIALS).read_bytes() == trials
        assert (again / PREDICTIONS).read_bytes() == predictions

    assert give("--budget", "3") == 0
    for cell in found.values():
        assert len(pd.read_parquet(cell / TRIALS)) == 3
    capsys.readouterr()
    assert give("--budget", "2") == 2
    assert "budget: 3 there, 2 now" in capsys.readouterr().err
    assert give("--folds", "3", "--out", str(folder)) == 2
    assert "folds: 2 there, 3 now" in capsys.readouterr().err


@pytest.mark.slow
def test_the_same_run_on_another_holdout_shows_the_shift(place, capsys):
    files = sorted((place / "mine").rglob("*.png"))
    rows = [f"{path.relative_to(place / 'mine')},p{i},{('pool', 'holdout')[i % 2]}" for i, path in enumerate(files)]
    (place / "mine" / "groups.csv").write_text("\n".join(["file,group,split", *rows]))
    assert give("--arms", "scratch", "--budget", "1") == 0
    assert not list(place.glob("mlruns/*/report/tables/shift.csv"))
    for name, text in (("broken", "{"), ("foreign", '{"spec": []}'), ("other", "[]")):
        (place / "mlruns" / name).mkdir()
        (place / "mlruns" / name / "spec.json").write_text(text)
    assert give("--arms", "scratch", "--budget", "1", "--holdout", "grouped") == 0
    (table,) = place.glob("mlruns/*/report/tables/shift.csv")
    (row,) = pd.read_csv(table).to_dict("records")
    assert (row["holdout"], row["other_holdout"]) == ("grouped", "official")


@pytest.mark.slow
def test_a_test_set_from_elsewhere_is_added_to_a_finished_run(place, capsys):
    write_images(place / "far", [f"{name}/{i}.png" for name in ("good", "bad", "odd") for i in range(12)], seed=5)
    flags = ["--arms", "scratch", "--budget", "1"]
    assert give(*flags) == 0
    folder, found = cells(place)
    before = {cell: (cell / PREDICTIONS).read_bytes() for cell in found.values()}
    external = ["--external", "folder:far::benign=good,malign=bad", "--out", str(folder)]
    assert give(*flags, *external, "--dry-run") == 0
    said = capsys.readouterr().out
    assert "3 cells, 0 finished" in said and "24 images, 24 groups; benign 12, malign 12; left out: no class 12" in said
    assert give(*flags, *external) == 0
    assert {cell: (cell / PREDICTIONS).read_bytes() for cell in found.values()} == before
    (name,) = {path.name for path in folder.rglob("external/*.parquet")}
    assert all(len(pd.read_parquet(cell / "external" / name)) == 24 * 3 for cell in before)
    leaks = pd.read_csv(folder / "report/tables/leaks.csv")
    assert "exact duplicates in both pool and the test set from elsewhere" in set(leaks["check"])
    (row,) = pd.read_csv(folder / "report/tables/external_sets.csv").to_dict("records")
    assert row["left_out"] == "no class 12" and row["images"] == 24
    assert len(pd.read_csv(folder / "report/tables/external_drop.csv")) == 1
    assert read_status(folder).complete
    capsys.readouterr()

    assert give(*flags, *external) == 0
    assert "nothing to do" in capsys.readouterr().err
    damaged = next(iter(before)) / "external" / name
    whole = damaged.read_bytes()
    damaged.write_bytes(b"x" + whole[1:])
    assert give(*flags, *external) == 0
    assert "predicted again by refits from its journal" in capsys.readouterr().err
    assert damaged.read_bytes() == whole and {cell: (cell / PREDICTIONS).read_bytes() for cell in before} == before
    assert give(*flags, "--out", str(folder)) == 2
    assert "external: " in capsys.readouterr().err, "what a run has predicted is not forgotten"
    assert give("--external", "folder:far::benign=good", "--out", "other") == 2
    assert "the map says nothing of malign" in capsys.readouterr().err


@pytest.mark.slow
def test_chexpert_with_uncertain_and_blank_labels_ends_in_multilabel_tables(place):
    write_chexpert(place, images=160, size=24)
    flags = ["--datasets", "chexpert", "--data-root", ".", "--arms", "scratch", "--budget", "1", "--workers", "1"]
    assert main(["--preset", "mine.toml", *flags]) == 0
    (tables,) = place.glob("mlruns/chexpert*/report/tables")
    (arm,) = pd.read_csv(tables / "arms.csv").to_dict("records")
    assert arm["seeds"] == 3 and 0.3 < arm["estimate"] < 1 and arm["ci_low"] < arm["estimate"] < arm["ci_high"]
    holdout = pd.read_csv(tables / "holdout.csv")
    assert set(holdout["task"]) == {"multilabel"} and len(holdout) == 5
    assert (holdout["unknown"] > 0).all(), "what its owner left uncertain is masked"
    drawn = pd.read_csv(tables / "subsamples.csv")
    assert len(set(drawn["overlap"])) == 1 and drawn["overlap"].between(0, 0.99).all()
    assert drawn["overlap_by_class"].str.contains("Edema 0.").all()
    assert drawn["n_per_class"].tolist() == [8] * 3 and (drawn["images"] >= 8).all()


def test_a_dry_run_counts_and_writes_nothing(place, capsys):
    assert give("--dry-run", "--workers", "2") == 0
    said, progress = capsys.readouterr()
    assert progress.startswith("folder:mine: reading its index\n"), "something is said before anything takes long"
    assert "6 of 6 timed: scratch-same, " in progress
    assert "6 cells" in said
    assert "benign 8, malign 8" in said
    assert "overlap between seeds 0.00 (benign 0.00, malign 0.00)" in said
    assert re.search(r"studies     folder:mine: scratch \d.*, scratch-same \d.*; together \d.*device-hours", said)
    assert re.search(r"disk        about \d.* more under mlruns, where .* are free", said)
    assert re.search(r"memory      about \d.* for 2 workers, of ", said)
    assert re.search(r"expected    \d+ .* with 2 workers on cpu \(start .*decoding .*studies .*report ", said)
    assert not (place / "mlruns").exists()


@pytest.mark.parametrize(
    ("flags", "devices"),
    [
        (["--device", "cuda:0,cuda:1"], ("cuda:0", "cuda:1", "cuda:0", "cuda:1")),
        (["--device", "cuda:0,cuda:1", "--workers-per-device", "1"], ("cuda:0", "cuda:1")),
        (["--device", "cuda:0,cuda:1", "--workers", "3"], ("cuda:0", "cuda:1", "cuda:0")),
        (["--device", "cpu", "--workers", "3"], ("cpu",) * 3),
    ],
)
def test_workers_are_dealt_over_the_devices(monkeypatch, flags, devices):
    monkeypatch.setattr(command_line, "device_name", lambda wanted: wanted)
    assert devices_of(make_parser().parse_args(flags)) == devices


def test_a_dry_run_of_the_study_lists_all_that_is_missing_and_the_ways_to_get_it(place, capsys):
    assert run.main(["--preset", "study", "--data-root", "mine", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "3 data sets x 2 n x 10 seeds x 4 arms = 240 cells" in said and "240 x 50 = 12,000" in said
    for missing in ("chest-xray: no chest_xray/", "ham10000: no HAM10000/", "chexpert: no CheXpert-v1.0-small/"):
        assert missing in said
    assert "register at" in said  # CheXpert's steps by hand
    assert "no imagenet weights for resnet50" in said and "benchmark.weights fetch" in said
    assert "no medical weights for resnet50" in said and "benchmark.pretrain" in said
    assert "device-hours" not in said and "not known, as it is missing" in said
    assert not (place / "mlruns").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--arms", "scrach"], "Did you mean 'scratch'"),
        (["--datasets", "fantom"], "Did you mean 'phantom'"),
        (["--datasets", "chest-xray"], "--data-root"),
        (["--data-root", "nowhere"], "does not exist"),
        (["--preset", "buildin"], "Did you mean 'builtin'"),
        (["--weights", "medical"], "ARM=PATH"),
        (["--weights", "scratch=x.pth"], "no arm 'scratch' that starts from weights"),
        (["--weights", "medical@mime=x.pth", "--arms", "medical"], "unknown data set of --weights 'mime'"),
        (["--arms", "medical"], "no medical weights for resnet10t"),
        (
            ["--arms", "scratch-same", "--backbone", "vit_small_patch14_dinov2"],
            "cannot take images of 16 px: its patches of 14 px would leave out the last 2 px. Sizes that work: 14 px, "
            "28 px, 518 px",
        ),
        (["--n-per-class", "300", "--budget", "0"], "budget"),
        (["--device", "abacus"], "--device cpu"),
        (["--out", "/proc/nowhere"], "cannot write"),
        (["--tune-metric", "auroq"], "Did you mean 'auroc'"),
        (["--out", "mlruns"], "is the folder of all runs"),
        (["--datasets", "folder:mine/benign"], "at least two"),
        (["--backbone", "resnet51", "--arms", "scratch-same"], "resnet51"),
    ],
)
def test_bad_input_ends_with_a_message_and_code_2(place, capsys, flags, said):
    assert give(*flags) == 2
    assert said in capsys.readouterr().err


def test_a_folder_of_something_else_is_refused_before_images_are_read(place, monkeypatch, capsys):
    monkeypatch.setattr("benchmark.runs.planning.make_plan", None)  # indexes, decodes, pretrains
    assert give("--out", "mine") == 2
    assert "not a run's folder" in capsys.readouterr().err


def test_a_renamed_flag_names_its_successor(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--metric", "log_loss"])
    assert end.value.code == 2
    assert "--tune-metric" in capsys.readouterr().err


def test_too_few_images_are_said_before_any_study(place, capsys):
    for path in list((place / "mine" / "malign").iterdir())[3:]:
        path.unlink()
    assert give() == 2
    assert "images of 'malign'" in capsys.readouterr().err


def test_a_holdout_of_one_patient_is_refused_before_any_study(place, capsys):
    rows = []
    for i, path in enumerate(sorted((place / "mine").rglob("*.png"))):
        malign = path.parent.name == "malign"
        held = i % (6 if malign else 2) == 0
        group, split = "one" if malign and held else i, "holdout" if held else "pool"
        rows.append(f"{path.relative_to(place / 'mine')},{group},{split}")
    (place / "mine" / "groups.csv").write_text("\n".join(["file,group,split", *rows]))
    assert give() == 2
    assert "the class 'malign' has 10 positive images of 1 group in the holdout" in capsys.readouterr().err
    assert not list(place.glob("mlruns/*/cells"))
    assert give("--dry-run") == 0
    assert "10 positive images of 1 group" in capsys.readouterr().out


def test_a_plan_that_cannot_be_read_is_refused_before_any_study(place, capsys):
    (place / "run").mkdir()
    (place / "run" / "plan.toml").write_text("metric = ")
    assert give("--out", "run") == 2
    assert "is not valid TOML" in capsys.readouterr().err
    assert not (place / "run" / "cells").exists()


@pytest.mark.parametrize(
    "module",
    [
        *(f"benchmark.{name}" for name in ("run", "pretrain", "ui", "tracking", "status", "doctor", "data")),
        "analysis.report",
        "analysis.plan",
    ],
)
def test_help_imports_nothing_heavy(module):
    code = (
        f"import sys, runpy; sys.argv = ['x', '--help']\n"
        f"try: runpy.run_module('{module}', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'timm', 'mlflow', 'optuna', 'pandas', 'scipy', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_without_flags_the_real_data_sets_that_are_found_are_taken(tmp_path, monkeypatch):
    monkeypatch.delenv("BENCHMARK_DATA", raising=False)
    monkeypatch.setattr("benchmark.runs.preset.lacking", lambda devices, folder: "")
    spec = resolve(make_parser().parse_args([])).spec
    assert spec.datasets == ("phantom",)
    assert spec.backbone == "tf_efficientnet_lite0:2"
    (tmp_path / "chest_xray").mkdir()
    request = resolve(make_parser().parse_args(["--data-root", str(tmp_path)]))
    assert request.spec.datasets == ("chest-xray",)
    assert request.spec.backbone == "resnet50"
    assert "preset 'real'" in request.remark and "--preset laptop" in request.remark


@pytest.mark.skipif(find_spec("submitit") is None, reason="the extra 'slurm' is not installed")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_a_dry_run_where_other_machines_have_the_cards_times_nothing_and_says_so(place, capsys):
    assert give("--engine", "submitit", "--device", "cuda", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "not timed: workers compute on cuda, and there is none here" in said and "disk " in said
