"""The examples in CONTRIBUTING.md are complete: each is laid in its room, found there, and does its work."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark import arms, datasets, methods, metrics
from benchmark.results import PREDICTIONS, TRIALS, read_table
from benchmark.spec import BenchmarkSpec, Cell
from tests.simulated import info, predictions, written

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"<!-- file: (\S+) -->\n```(?:python|toml)\n(.*?)```", PAGE, flags=re.DOTALL))


def kinds():
    from analysis import figures, tables

    return (datasets.MODULES, methods.MODULES, metrics.MODULES, tables.MODULES, figures.MODULES)


@pytest.fixture
def examples(tmp_path, monkeypatch):
    """The page's files, each found in its package as if it lay there."""
    before = set(sys.modules)
    for name, text in EXAMPLES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        package = importlib.import_module(".".join(Path(name).parts[:-1]))
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(path.parent)])
    for kind in (*kinds(), arms):
        kind.forget()
    metrics.find.cache_clear()
    yield EXAMPLES
    monkeypatch.undo()
    for kind in (*kinds(), arms):
        kind.forget()
    metrics.find.cache_clear()
    for module in set(sys.modules) - before:
        if any(module == name.removesuffix(".py").replace("/", ".") for name in EXAMPLES):
            del sys.modules[module]


def test_there_is_one_example_of_each_kind():
    rooms = [str(Path(name).parent) for name in EXAMPLES]
    assert sorted(rooms) == [
        "analysis/figures",
        "analysis/tables",
        "benchmark/arms",
        "benchmark/datasets",
        "benchmark/methods",
        "benchmark/metrics",
    ]


def test_every_example_keeps_its_contract(examples):
    for kind in kinds():
        assert kind.problems() == ()
    assert "stripes" in datasets.names()
    assert arms.problems() == ()
    assert {"linear", "lite0-probe"} <= set(arms.names())
    assert metrics.names().index("accuracy") == metrics.names().index("balanced_accuracy") + 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear", "lite0-probe"])
def test_the_arm_learns_the_data_set_by_the_metric(name, examples, tmp_path):
    from benchmark.runs.planning import make_plan
    from benchmark.runs.request import Request, check_request
    from studies.cell import run_cell
    from studies.trainer import CellJob

    spec = BenchmarkSpec(
        datasets=("stripes",), arms=(name,), n_per_class=(30,), seeds=1, budget=2, image_size=16, min_epochs=2,
        max_epochs=8, tune_metric="accuracy",
    )  # fmt: skip
    spec = arms.with_definitions(spec)
    request = Request(spec, tmp_path / "run", tmp_path / "mlruns", None, {}, ("cpu",), False, ())
    check_request(request)
    plan = make_plan(request, lambda line: None)
    cell, weights = Cell("stripes", 30, 0, name), plan.weights["stripes", name]
    summary = run_cell(CellJob(cell, plan.blocks["stripes", 30, 0], weights, spec, request.out, "cpu"))
    values = read_table(cell.folder(request.out) / TRIALS)["value"]
    assert values.between(0, 1).all()
    assert 0 <= summary["holdout_accuracy"] <= 1
    rows = read_table(cell.folder(request.out) / PREDICTIONS)
    hits = [np.argmax(score) == np.argmax(truth) for score, truth in zip(rows["y_score"], rows["y_true"], strict=True)]
    assert summary["holdout_accuracy"] == pytest.approx(np.mean(hits))


def test_the_table_the_figure_and_the_metric_are_in_the_report(examples, tmp_path):
    from analysis.report import write_report

    source = written(tmp_path / "p.parquet", predictions(seeds=3), info(overlap={"100": 0.0}))
    write_report(source, tmp_path / "report", metric="accuracy", resamples=200)
    frame = pd.read_csv(tmp_path / "report/tables/seed_range.csv")
    assert set(frame["metric"]) == {"accuracy"}
    assert (frame["smallest"] <= frame["largest"]).all()
    assert (tmp_path / "report/figures/verdicts.png").is_file()
    page = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    assert "The worst and the best training sample" in page
    assert "Number of comparisons that end in each verdict" in page
