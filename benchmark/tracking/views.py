"""MLflow's saved views: which runs, columns and charts a link opens. Their form is that of MLflow 3's own pages.

A view is a tag of its experiment, JSON under the name that a link gives as `viewStateShareKey`. What a page does not
understand it ignores, and shows its defaults.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

MODE = "workflowType=machine_learning"  # of MLflow's pages; their other mode hides runs
VIEW = "mlflow.sharedViewState."  # and a view's key: the tag that holds it
ANSWER, TRIALS = "answer", "trials"  # views
NAME_WIDTH, VERDICT_WIDTH = 270, 330  # pixels of columns
VERDICT = "verdict"  # tag of an arm's run
STUDY = "study"  # tag of a trial's run: the cell's name

COLOUR = "mlflow.runColor"  # tag
COLOURS = ("#5b6875", "#0072b2", "#d55e00", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#000000")  # of arms

#: How an answer's columns stand from left to right; others can be ticked.
ANSWER_COLUMNS = (
    ("metrics", "holdout_{metric}"),
    ("metrics", "ci_low"),
    ("metrics", "ci_high"),
    ("tags", VERDICT),
    ("params", "dataset"),
    ("params", "n_per_class"),
    ("params", "arm"),
    ("params", "seed"),
    ("metrics", "best_validation"),
    ("metrics", "seconds"),
)
TRIAL_COLUMNS = (
    ("metrics", "value"),
    *(("params", name) for name in ("epochs", "learning_rate")),
    ("metrics", "seconds"),
    ("tags", STUDY),
)


def answer_view(metric: str) -> str:
    """The arms, which are the oldest runs, with mean, interval and verdict; their studies are folded beneath."""
    columns = [(kind, name.format(metric=metric)) for kind, name in ANSWER_COLUMNS]
    value = f"holdout_{metric}"
    charts = [
        _chart("BAR", value, metricKey=value),
        _chart(
            "SCATTER",
            f"{value} by labelled images per class",
            xaxis={"key": "n_per_class", "type": "PARAM"},
            yaxis={"key": value, "type": "METRIC"},
        ),
        _chart("LINE", "best validation value so far, by trial (mean over seeds)", **_line("best_so_far")),
    ]
    return _view(True, columns, charts, "")


def trials_view(names: Sequence[str] = (), arm: str = "") -> str:
    """Trials, the last one first: parallel coordinates over their parameters, and curves by epoch.

    Args:
        names: parameters that the coordinates show.
        arm: whose trials; all where empty.
    """
    charts = [
        *([_parallel(names)] if names else []),
        _chart("LINE", "validation, by epoch (mean over folds)", **_line("validation")),
        _chart("LINE", "training loss, by epoch (mean over folds)", **_line("train_loss")),
    ]
    return _view(False, TRIAL_COLUMNS, charts, f"params.arm = '{arm}'" if arm else "")


def colour(arms: Sequence[str], arm: str) -> str:
    """The colour of an arm and its studies in every chart, by its place among the run's arms."""
    return COLOURS[arms.index(arm) % len(COLOURS) if arm in arms else 0]


def view_key(name: str) -> str:
    """A name as the key of a view, which a tag's name and a link take."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def link_to_view(experiment: str, key: str, charts: bool = False) -> str:
    """The part of an address after the hash that opens a view of an experiment."""
    mode = "CHART" if charts else "TABLE"
    return (
        f"/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={key}&compareRunsMode={mode}"
    )


def link_to_study(experiment: str, study: str) -> str:
    """The part of an address after the hash that opens the trials of a study, in MLflow's own charts."""
    search = quote(f"tags.{STUDY} = '{study}'")
    return f"/experiments/{experiment}/runs?{MODE}&compareRunsMode=CHART&searchFilter={search}"


def link_to_run(experiment: str, run: str, place: str = "") -> str:
    """The part of an address after the hash that opens a run, or one of its artifacts."""
    return f"/experiments/{experiment}/runs/{run}{f'/artifacts/{place}' if place else ''}?{MODE}"


def _parallel(names: Sequence[str]) -> dict[str, Any]:
    return _chart(
        "PARALLEL", "parameters and value", selectedParams=list(names), selectedMetrics=["value"], showAllRuns=True
    )


def _line(metric: str) -> dict[str, Any]:
    return {"metricKey": metric, "selectedMetricKeys": [metric], "useGlobalXaxisKey": False, "xAxisKey": "step"}


def _chart(kind: str, title: str, **settings: Any) -> dict[str, Any]:
    return {
        "uuid": view_key(f"{kind} {title}"),
        "type": kind,
        "runsCountToCompare": 100,
        "metricSectionId": "charts",
        "deleted": False,
        "isGenerated": False,
        "displayName": title,
        **settings,
    }


def _view(
    ascending: bool,
    columns: Sequence[tuple[str, str]],
    charts: Sequence[Mapping[str, Any]],
    search: str,
) -> str:
    shown = [f"{kind}.`{name}`" for kind, name in columns]
    return json.dumps(
        {
            "searchFilter": search,
            "orderByKey": "attributes.start_time",  # runs are nested under this order alone
            "orderByAsc": ascending,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "datasetsFilter": [],
            "modelVersionFilter": "All Runs",
            "selectedColumns": shown,
            "columnOrder": ["attributes.`Run Name`", *shown, "runDateAndNestInfo", "duration"],
            "columnWidths": {"attributes.`Run Name`": NAME_WIDTH, f"tags.`{VERDICT}`": VERDICT_WIDTH},
            "runsHiddenMode": "SHOW_ALL",
            "compareRunCharts": list(charts),
            "compareRunSections": [
                {"uuid": "charts", "name": "Charts", "display": True, "isReordered": False, "deleted": False}
                | {"isGenerated": False}
            ],
        },
        separators=(",", ":"),
    )
