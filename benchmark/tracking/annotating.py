"""What runs and experiments of MLflow are given beside numbers: data sets, verdicts, notes, views and the report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from benchmark.spec import Cell
from benchmark.tracking import notes, views
from benchmark.tracking.answer import ArmAnswer, place_report
from benchmark.tracking.database import WRITTEN

if TYPE_CHECKING:
    from mlflow import MlflowClient


NOTE = "mlflow.note.content"  # tag


def log_dataset(
    client: MlflowClient, run_id: str, cell: Cell, facts: Mapping[str, Any], described: Mapping[str, Any]
) -> None:
    """Name the data set that a study learns from, with one digest for one set of images, whatever is drawn from it."""
    from mlflow.entities import Dataset, DatasetInput

    of_all = {name: value for name, value in facts.items() if name not in notes.OF_SUBSAMPLES}
    content = described.get("inputs", {}).get(f"data {cell.dataset}") or of_all
    digest = hashlib.sha256(json.dumps([cell.dataset, content], sort_keys=True).encode()).hexdigest()[:8]
    source = json.dumps({"content": content}, sort_keys=True)
    profile = json.dumps({name: notes.short(value) for name, value in of_all.items()}, sort_keys=True)
    client.log_inputs(run_id, datasets=[DatasetInput(Dataset(cell.dataset, digest, "local", source, profile=profile))])


def log_answer(
    client: MlflowClient,
    experiment: str,
    run_id: str,
    answer: ArmAnswer,
    described: Mapping[str, Any],
    report: Path,
) -> None:
    """Give an arm's run its verdict, its note and the report's files, and end it."""
    page = views.link_to_run(experiment, run_id, "report/index.html")
    tags = {
        views.VERDICT: answer.verdict,
        NOTE: notes.arm_note(described, answer.arm, answer, page),
    }
    for name, text in tags.items():
        client.set_tag(run_id, name, text)
    artifacts = url2pathname(urlsplit(str(client.get_run(run_id).info.artifact_uri)).path)
    place_report(report, Path(artifacts) / "report")
    client.set_terminated(run_id, "FINISHED")


def log_notes(
    client: MlflowClient,
    results: str,
    trials: str,
    described: Mapping[str, Any],
    run: str,
    metric: str,
    answers: Sequence[ArmAnswer],
    written: float,
) -> None:
    """Give a run's two experiments their notes and their views.

    Args:
        client: of the database.
        results: the experiment of arms and studies.
        trials: the experiment of trials.
        described: the run's spec.json.
        run: its name.
        metric: that the studies tune; the report's own is shown where there is one.
        answers: of the report; empty before it is written.
        written: when, in seconds since 1970: the newest run is shown first.
    """
    shown = answers[0].metric if answers else metric
    back, forth = views.link_to_view(results, views.ANSWER), views.link_to_view(trials, views.TRIALS, charts=True)
    for experiment, view, state, note in (
        (results, views.ANSWER, views.answer_view(shown), notes.answer_note(described, answers, forth)),
        (trials, views.TRIALS, views.trials_view(), notes.trials_note(run, back)),
    ):
        client.set_experiment_tag(experiment, f"{views.VIEW}{view}", state)
        client.set_experiment_tag(experiment, NOTE, note)
    for arm, spaces in described.get("spaces", {}).items():  # not for every study: each trial loads all of these tags
        names = [str(space["name"]) for space in spaces]
        client.set_experiment_tag(trials, f"{views.VIEW}{views.view_key(arm)}", views.trials_view(names, arm))
    client.set_experiment_tag(results, WRITTEN, f"{written:.3f}")
