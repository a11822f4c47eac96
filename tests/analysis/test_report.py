"""The report as a whole: the same from a run and from its predictions, whatever is in them."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import report
from analysis.simulation.simulate import write_block
from benchmark.errors import InputError
from benchmark.results import (
    DONE,
    PREDICTION_COLUMNS,
    SPEC,
    cell_folders,
    read_info,
    read_json,
    read_table,
    write_json,
    write_table,
)
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel
from tests.analysis.simulated_run import settings, write_run, write_trials

ARMS = "dataset,n_per_class,metric,arm,seeds,estimate,se,df,ci_low,ci_high,seed_sd,estimand"
PAIRWISE = "dataset,n_per_class,metric,arm_a,arm_b,seeds,difference,se,df,ci_low,ci_high,p,p_holm,verdict,"
PAIRWISE += "hedges_g,p_superior,mdd,rho,p_equivalent,ci_low_family,ci_high_family,mdd_unadjusted,estimand"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_run(folder)
    return folder, report.write_report(folder, folder / "report", resamples=300)


def test_tables_from_a_run_and_from_its_predictions_are_the_same_bytes(run, tmp_path):
    folder, _ = run
    files = [path / "predictions.parquet" for path in cell_folders(folder)]
    infos = [read_info(file) for file in files]
    frame = pd.concat([read_table(file) for file in reversed(files)], ignore_index=True)
    merged = infos[0]
    for info in infos[1:]:
        for name in info.tasks:
            known = merged.facts.get(name, {})
            facts = {
                **known,
                **info.facts[name],
                "overlap": {**known.get("overlap", {}), **info.facts[name]["overlap"]},
            }
            merged = replace(
                merged,
                classes={**merged.classes, name: info.classes[name]},
                tasks={**merged.tasks, name: info.tasks[name]},
                facts={**merged.facts, name: facts},
            )
    write_table(tmp_path / "all.parquet", frame, PREDICTION_COLUMNS, merged)
    alone = report.write_report(tmp_path / "all.parquet", tmp_path / "out", resamples=300)
    assert {"arms", "pairwise", "sensitivity", "variance"} <= set(alone.frames)
    for name in alone.frames:
        for kind in ("csv", "md", "tex"):
            one, other = (p / "tables" / f"{name}.{kind}" for p in (folder / "report", tmp_path / "out"))
            assert one.read_bytes() == other.read_bytes(), name
    for name in ("forest.png", "forest.svg", "roc.svg"):
        one, other = (p / "figures" / name for p in (folder / "report", tmp_path / "out"))
        assert one.read_bytes() == other.read_bytes(), name


def test_columns_are_the_documented_ones(run):
    folder, written = run
    tables = folder / "report" / "tables"
    assert (tables / "arms.csv").read_text().splitlines()[0] == ARMS
    assert (tables / "pairwise.csv").read_text().splitlines()[0] == PAIRWISE
    assert len(written.arms) == 8 and len(written.pairwise) == 4
    names = {"budget", "protocol", "optimism", "label_gain", "over_datasets", "run_arms", "bootstrap"}
    assert names <= set(written.frames)
    assert written.frames["budget"]["diverged"].tolist() == [3] * 8


def test_the_page_is_self_contained_escaped_and_says_synthetic(run):
    _, written = run
    page = written.index.read_text()
    assert "Synthetic data: made up" in page
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "<b>other" not in page and "&lt;i&gt;T" in page
    assert page.count("<svg") >= 9 and 'src="http' not in page and "<link" not in page
    assert "SYNTHETIC DATA (made up)" in report.summary_text(written)


def test_metadata_of_the_metric_reach_the_sentences(run):
    _, written = run
    assert len(written.sentences) == 4
    assert all("AUROC" in line for _, _, lines in written.sentences for line in lines)


@pytest.mark.parametrize(
    "block",
    [
        make_block(auroc=(0.8,), seeds=3, images=60),
        make_block(auroc=(0.7, 0.8), seeds=1, images=60),
        make_block(auroc=(0.7, 0.8), seeds=2, images=60),
        make_block(auroc=(0.75, 0.8), seeds=7, images=60),
        make_multiclass(images=60, refits=2),
        make_multilabel(images=90),
    ],
    ids=["one arm", "one seed", "two seeds", "seven seeds", "classes", "labels"],
)
def test_every_kind_of_study(tmp_path, block):
    write_block(tmp_path / "p.parquet", block)
    written = report.write_report(tmp_path / "p.parquet", tmp_path / "out", resamples=100)
    seeds = len(block.seeds)
    assert written.arms["estimate"].between(0.4, 1).all()
    assert (written.arms["ci_low"] < written.arms["estimate"]).all()
    if len(block.arms) > 1:
        assert written.pairwise["p"].isna().all() == (seeds < 3)
        assert (written.pairwise["verdict"] == "not tested").all() == (seeds < 3)
    assert any("p-values are refused" in line for line in written.remarks) == (seeds < 3)
    assert ("nothing to compare" in report.summary_text(written)) == (len(block.arms) == 1)


def test_perfect_identical_and_rare(tmp_path):
    """AUROC = 1, arms without any difference, and five positives."""
    base = make_block(auroc=(0.8, 0.8), seeds=3, images=60, images_per_patient=1, prevalence=0.08)
    y = base.truth[:, 1]
    perfect = np.stack([1 - (0.2 + 0.6 * y), 0.2 + 0.6 * y], axis=1)
    scores = np.broadcast_to(perfect, base.scores.shape).copy()
    write_block(tmp_path / "p.parquet", replace(base, scores=scores))
    written = report.write_report(tmp_path / "p.parquet", tmp_path / "out", resamples=100)
    row = written.pairwise.iloc[0]
    assert (row["difference"], row["p"], row["verdict"]) == (0, 1, "equivalent")
    assert (written.arms["estimate"] == 1).all() and (written.arms["ci_high"] == 1).all()
    assert written.arms["ci_low"].between(0.4, 0.95).all()


@pytest.mark.parametrize("metric", ["log_loss", "average_precision"])
def test_another_primary_metric(tmp_path, block, metric):
    write_block(tmp_path / "p.parquet", block)
    written = report.write_report(tmp_path / "p.parquet", tmp_path / "out", metric=metric, resamples=100)
    assert set(written.arms["metric"]) == {metric}
    assert "auroc" in set(written.frames["exploratory_arms"]["metric"])


def test_fifty_arms(tmp_path):
    whole = make_block(auroc=(0.8,) * 50, seeds=1, images=40)
    write_block(tmp_path / "p.parquet", replace(whole, seeds=(0,)))
    written = report.write_report(tmp_path / "p.parquet", tmp_path / "out", resamples=100)
    assert len(written.pairwise) == 50 * 49 // 2


def test_bad_flags(tmp_path, block, capsys):
    write_block(tmp_path / "p.parquet", block)
    args = [str(tmp_path / "p.parquet"), "--out", str(tmp_path / "out")]
    for more, message in (
        (["--metric", "aurok"], "Did you mean 'auroc'"),
        (["--margin", "0"], "must be positive"),
        (["--resamples", "5"], "too few"),
        (["--other-holdout", str(tmp_path / "nowhere")], "does not exist"),
    ):
        assert report.main(args + more) == 2
        assert message in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert report.main([args[0], "--out", str(tmp_path / "file" / "x")]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_the_command_prints_the_summary(tmp_path, capsys):
    write_block(tmp_path / "p.parquet", make_block(auroc=(0.7, 0.9), seeds=3, images=60))
    assert report.main([str(tmp_path / "p.parquet"), "--out", str(tmp_path / "out"), "--resamples", "100"]) == 0
    assert "difference: b minus a" in capsys.readouterr().out


def test_help_imports_nothing_heavy():
    heavy = {
        "torch",
        "optuna",
        "timm",
        "mlflow",
        "statsmodels",
        "matplotlib",
        "numba",
        "jinja2",
        "pandas",
        "numpy",
    }
    code = f"import sys, analysis.report; sys.exit(bool({heavy} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def files_of(folder):
    """Relative path -> bytes of every file in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """One run on the official holdout and its twin on another, in folders beside each other."""
    runs = tmp_path_factory.mktemp("runs")
    small = {"datasets": ("toy",), "n_per_class": (100,)}
    write_run(runs / "on-test", settings(**small))
    write_run(runs / "grouped", settings(**small, holdout="grouped"), aurocs=(0.9, 0.95), first_seed=5)
    write_run(runs / "another", settings(**small, root_seed=1))
    return runs


def test_the_report_of_a_run_and_the_report_again_are_the_same_bytes(twins, tmp_path, monkeypatch, capsys):
    """What `benchmark.run` writes at its end, and the command, from a relative path and with the twin named or not."""
    run = twins / "on-test"
    written = report.write_report(run, run / "report")
    assert set(written.frames["shift"]["other_holdout"]) == {"grouped"}
    assert "The table 'shift' is against the run in the folder grouped." in written.remarks
    first = files_of(run / "report")
    monkeypatch.chdir(twins)
    assert report.main(["on-test", "--out", str(tmp_path / "again")]) == 0
    assert files_of(tmp_path / "again") == first
    assert report.main([str(run), "--out", str(tmp_path / "named"), "--other-holdout", "grouped"]) == 0
    assert files_of(tmp_path / "named") == first
    assert "shift.csv" in {Path(name).name for name in first}


def test_a_twin_that_cannot_be_read_is_named_and_left_out(tmp_path):
    for name in ("on-test", "grouped"):
        holdout = "grouped" if name == "grouped" else "official"
        write_run(tmp_path / name, settings(datasets=("toy",), n_per_class=(100,), holdout=holdout))
    broken = cell_folders(tmp_path / "grouped")[0] / "predictions.parquet"
    broken.write_bytes(b"cut off")
    written = report.write_report(tmp_path / "on-test", tmp_path / "out", resamples=100)
    assert "shift" not in written.frames
    assert any(remark.startswith("grouped, the same run on another holdout, is left out") for remark in written.remarks)
    (broken.parent / DONE).unlink()
    written = report.write_report(tmp_path / "on-test", tmp_path / "out", resamples=100)
    assert not any("grouped" in remark for remark in written.remarks)


def test_the_metric_is_the_runs_own_unless_another_is_named(tmp_path):
    run = write_run(tmp_path, settings(datasets=("toy",), n_per_class=(100,), report_metric="brier"))
    own = report.write_report(run, tmp_path / "own", resamples=100)
    assert set(own.arms["metric"]) == {"brier"} and set(own.frames["optimism"]["metric"]) == {"auroc"}
    named = report.write_report(run, tmp_path / "named", metric="mcc", resamples=100)
    assert set(named.arms["metric"]) == {"mcc"}
    described = read_json(run / SPEC)
    write_json(run / SPEC, described | {"spec": {"metric": "auroc"}})  # as runs were described before
    assert set(report.write_report(run, tmp_path / "old", resamples=100).arms["metric"]) == {"auroc"}
    write_json(run / SPEC, [1])
    with pytest.raises(InputError, match="does not describe a run"):
        report.write_report(run, tmp_path / "none", resamples=100)


def test_unequal_budgets_are_remarked(tmp_path):
    run = write_run(tmp_path, settings(datasets=("toy",), n_per_class=(100,)))
    folder = cell_folders(run)[0]
    write_trials(folder, {"dataset": "toy", "arm": folder.name, "n_per_class": 100, "seed": 0}, trials=4)
    written = report.write_report(run, tmp_path / "out", resamples=100)
    assert any("(4 to 6)" in remark for remark in written.remarks)


def test_the_old_flag_names_its_successor(capsys):
    with pytest.raises(SystemExit) as ended:
        report.main(["run", "--out", "out", "--beside", "other"])
    assert ended.value.code == 2
    assert "give --other-holdout RUN" in capsys.readouterr().err
