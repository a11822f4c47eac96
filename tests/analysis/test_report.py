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
from benchmark.results import (
    COST_COLUMNS,
    COSTS,
    PREDICTION_COLUMNS,
    TRIAL_COLUMNS,
    TRIALS,
    read_info,
    read_table,
    write_json,
    write_table,
)
from tests.analysis.conftest import make_block, make_multiclass, make_multilabel

ARMS = "dataset,n_per_class,metric,arm,seeds,estimate,se,df,ci_low,ci_high,seed_sd"
PAIRWISE = "dataset,n_per_class,metric,arm_a,arm_b,seeds,difference,se,df,ci_low,ci_high,p,p_holm,verdict,"
PAIRWISE += "hedges_g,p_superior,mdd,rho"


def write_run(run):
    """Two data sets, two n, two arms, three seeds, with trials, costs and a specification."""
    arms = ("scratch", "imagenet")
    for d, dataset in enumerate(("made up", "<b>other</b>")):
        for n, more in ((100, 0.0), (200, 0.05)):
            whole = make_block(d, auroc=(0.7 + more, 0.8 + more), seeds=3, images=60)
            for s in range(3):
                for a, arm in enumerate(arms):
                    cell = run / f"cells/d{d}/n{n}/seed{s:02d}/{arm}"
                    one = replace(
                        whole,
                        dataset=dataset,
                        n_per_class=n,
                        arms=(arm,),
                        seeds=(s,),
                        scores=whole.scores[a : a + 1, s : s + 1],
                        rho=n / 1000,
                    )
                    write_block(cell / "predictions.parquet", one, {"synthetic": d == 0, "title": "<i>T</i>"})
                    write_trials(cell, {"dataset": dataset, "arm": arm, "n_per_class": n, "seed": s}, trials=6)
    tables = {
        "protocol": [{"item": "budget", "value": "<script>x</script>"}],
        "arms": [{"a": 1}],
        "leaks": [],
    }
    write_json(run / "spec.json", {"spec": {"metric": "auroc"}, "hash": "0", "git_commit": "1", "tables": tables})


def write_trials(cell, key, trials):
    rng = np.random.default_rng(key["seed"])
    rows = [
        {
            **key,
            "trial": t,
            "state": "COMPLETE",
            "value": 0.7 + 0.1 * rng.random(),
            "fold_values": [0.7, 0.8],
            "parameters": "{}",
            "epochs": 3,
            "images_seen": 100,
            "ended": "diverged: loss is nan" if t == 2 else "ok",
        }
        for t in range(trials)
    ]
    write_table(cell / TRIALS, pd.DataFrame(rows), TRIAL_COLUMNS)
    costs = [{**key, "trial": t, "seconds": 1.0 + t, "peak_memory_mb": 10.0} for t in range(trials)]
    write_table(cell / COSTS, pd.DataFrame(costs), COST_COLUMNS)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    write_run(folder)
    return folder, report.write_report(folder, folder / "report", resamples=300)


def test_tables_from_a_run_and_from_its_predictions_are_the_same_bytes(run, tmp_path):
    folder, _ = run
    files = sorted(folder.glob("cells/*/*/*/*/predictions.parquet"))
    infos = [read_info(file) for file in files]
    frame = pd.concat([read_table(file) for file in reversed(files)], ignore_index=True)
    merged = infos[0]
    for info in infos[1:]:
        for name in info.tasks:
            known = merged.facts.get(name, {})
            notes = {
                **known,
                **info.facts[name],
                "overlap": {**known.get("overlap", {}), **info.facts[name]["overlap"]},
            }
            merged = replace(
                merged,
                classes={**merged.classes, name: info.classes[name]},
                tasks={**merged.tasks, name: info.tasks[name]},
                facts={**merged.facts, name: notes},
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
    folder, found = run
    tables = folder / "report" / "tables"
    assert (tables / "arms.csv").read_text().splitlines()[0] == ARMS
    assert (tables / "pairwise.csv").read_text().splitlines()[0] == PAIRWISE
    assert len(found.arms) == 8 and len(found.pairwise) == 4
    names = {"budget", "protocol", "optimism", "label_gain", "over_datasets", "run_arms", "bootstrap"}
    assert names <= set(found.frames)
    assert found.frames["budget"]["diverged"].tolist() == [3] * 8


def test_the_page_is_self_contained_escaped_and_says_synthetic(run):
    _, found = run
    page = found.index.read_text()
    assert "Synthetic data: made up" in page
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "<b>other" not in page and "&lt;i&gt;T" in page
    assert page.count("<svg") >= 9 and 'src="http' not in page and "<link" not in page
    assert "SYNTHETIC DATA (made up)" in report.summary_text(found)


def test_metadata_of_the_metric_reach_the_sentences(run):
    _, found = run
    assert len(found.sentences) == 4
    assert all("AUROC" in line for _, _, lines in found.sentences for line in lines)


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
    found = report.write_report(tmp_path / "p.parquet", tmp_path / "out", resamples=100)
    seeds = len(block.seeds)
    assert found.arms["estimate"].between(0.4, 1).all()
    assert (found.arms["ci_low"] < found.arms["estimate"]).all()
    if len(block.arms) > 1:
        assert found.pairwise["p"].isna().all() == (seeds < 3)
        assert (found.pairwise["verdict"] == "not tested").all() == (seeds < 3)
    assert any("p-values are refused" in line for line in found.remarks) == (seeds < 3)
    assert ("nothing to compare" in report.summary_text(found)) == (len(block.arms) == 1)


def test_perfect_identical_and_rare(tmp_path):
    """AUROC = 1, arms without any difference, and five positives."""
    base = make_block(auroc=(0.8, 0.8), seeds=3, images=60, images_per_patient=1, prevalence=0.08)
    y = base.truth[:, 1]
    perfect = np.stack([1 - (0.2 + 0.6 * y), 0.2 + 0.6 * y], axis=1)
    scores = np.broadcast_to(perfect, base.scores.shape).copy()
    write_block(tmp_path / "p.parquet", replace(base, scores=scores))
    found = report.write_report(tmp_path / "p.parquet", tmp_path / "out", resamples=100)
    row = found.pairwise.iloc[0]
    assert (row["difference"], row["p"], row["verdict"]) == (0, 1, "equivalent")
    assert (found.arms["estimate"] == 1).all() and (found.arms["ci_high"] == 1).all()
    assert found.arms["ci_low"].between(0.4, 0.95).all()


@pytest.mark.parametrize("metric", ["log_loss", "average_precision"])
def test_another_primary_metric(tmp_path, block, metric):
    write_block(tmp_path / "p.parquet", block)
    found = report.write_report(tmp_path / "p.parquet", tmp_path / "out", metric=metric, resamples=100)
    assert set(found.arms["metric"]) == {metric}
    assert "auroc" in set(found.frames["exploratory_arms"]["metric"])


def test_fifty_arms(tmp_path):
    whole = make_block(auroc=(0.8,) * 50, seeds=1, images=40)
    write_block(tmp_path / "p.parquet", replace(whole, seeds=(0,)))
    found = report.write_report(tmp_path / "p.parquet", tmp_path / "out", resamples=100)
    assert len(found.pairwise) == 50 * 49 // 2


def test_bad_flags(tmp_path, block, capsys):
    write_block(tmp_path / "p.parquet", block)
    args = [str(tmp_path / "p.parquet"), "--out", str(tmp_path / "out")]
    for more, message in (
        (["--metric", "aurok"], "Did you mean 'auroc'"),
        (["--margin", "0"], "must be positive"),
        (["--resamples", "5"], "too few"),
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


def test_the_analysis_sees_only_the_ground_floor_of_the_benchmark():
    for file in (Path(__file__).parents[2] / "analysis").glob("*.py"):
        for line in file.read_text().splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                assert words[1].split(".")[0] not in ("torch", "optuna", "timm", "mlflow", "studies"), file
                if words[1].startswith("benchmark"):
                    assert words[1] in ("benchmark.results", "benchmark.errors", "benchmark.seeds"), file
