"""MLflow: a mirror of the run folders, written by one thread of the driver, rebuilt from the folders at any time.

A failing tracker warns once and never stops a study. Two experiments a run folder: in the one, a run an arm of every
(data set, n), with what the report concludes, and beneath it a run a study; in the other a run a trial, apart, so that
thousands of trials never hide the answer.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from benchmark.errors import InputError
from benchmark.metrics import Metric
from benchmark.results import COSTS, PREDICTIONS, REPORT, SPEC, TRIALS, path_name, read_json, read_table
from benchmark.spec import Cell
from benchmark.tracking import answer, notes, views
from benchmark.tracking.annotating import log_answer, log_dataset, log_notes
from benchmark.tracking.curves import by_epoch, curves_of
from benchmark.tracking.database import ARTIFACTS, KIND, RESULTS, RUN, open_database

if TYPE_CHECKING:
    from mlflow import MlflowClient

LONGEST_WAIT = 1.0  # seconds, for a piece that is being written when the run is ended by an error

KEY = "benchmark.key"  # tag that makes mirroring the same thing twice harmless
OF_TRIALS = "trials"  # kind of experiment, beside RESULTS


class Mirror:
    """Writes what happens in a run to MLflow. Calls return at once; a thread of its own does the work, in order.

    Use it as a context manager: leaving it waits for the work that is queued, or, after an error, for no more than
    the piece that is being written. MLflow is imported with the first work: until then it would only keep the workers
    from starting.
    """

    def __init__(self, root: Path, run: Path, metric: Metric, client: MlflowClient | None = None) -> None:
        """Mirror the run in this folder, whose studies tune `metric`, into `root`'s database, or through a client."""
        self._root = root.resolve()
        self._folder = run.resolve()
        self._run = run.name
        self._metric = metric
        self._given = client
        self._tasks: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="mlflow mirror", daemon=True)
        self._client: MlflowClient
        self._described: Mapping[str, Any] = {}  # the run's spec.json
        self._known: dict[str, dict[str, str]] = {}  # kind of experiment -> key -> MLflow run id
        self._identities: dict[str, str] = {}  # kind of experiment -> MLflow's identity
        self._best: dict[str, float] = {}
        self._best_points: dict[str, list[tuple[int, float]]] = {}  # study's MLflow run -> (trial, best so far)
        self.failure: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.ident is None:
            return
        if error is not None:
            self._drop()
        self._tasks.put(None)
        self._thread.join(None if error is None else LONGEST_WAIT)
        if self.failure:
            sys.stderr.write("MLflow lacks part of this run: python -m benchmark.tracking --rebuild\n")

    def study_started(self, cell: Cell, facts: Mapping[str, Any]) -> None:
        """A study has begun, or goes on. `facts` of its data are shown with it."""
        self._put(lambda: self._study(cell, facts))

    def trial_finished(
        self, cell: Cell, trial: Mapping[str, Any], cost: Mapping[str, Any], curves: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """A trial has finished: its rows of the trials, the costs and the curves table."""
        self._put(lambda: self._trial(cell, trial, cost, curves))

    def study_finished(self, cell: Cell, metrics: Mapping[str, float], folder: Path) -> None:
        """A cell is complete in its folder. Trials that were never sent (the driver had died) are added now."""
        self._put(lambda: self._finish(cell, metrics, folder))

    def report_written(self, report: Path) -> None:
        """The run's report is complete in its folder: the arms are given its numbers, its verdicts and its pages."""
        self._put(lambda: self._report(report))

    def _put(self, task: Callable[[], object]) -> None:
        if self._thread.ident is None:
            self._thread.start()
        self._tasks.put(task)

    def _drop(self) -> None:
        """Forget what is queued: the trials are in the folder, and are sent when the study is continued."""
        with suppress(queue.Empty):
            while True:
                self._tasks.get_nowait()

    def _work(self) -> None:
        """Do the tasks until None comes; after a failure, only wait for None."""
        try:
            self._client = self._given or open_database(self._root)
            with suppress(OSError, InputError):
                self._described = dict(read_json(self._folder / SPEC))
        except Exception as error:
            self._fail(error)
        while (task := self._tasks.get()) is not None:
            if self.failure is None:
                try:
                    task()
                    if self._tasks.empty():
                        self._log_best()
                except Exception as error:
                    self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.failure = str(error) or type(error).__name__
        reason = self.failure.strip().splitlines()[0][:300]
        sys.stderr.write(f"MLflow does not follow from here on ({reason}); the run itself goes on\n")

    def _study(self, cell: Cell, facts: Mapping[str, Any]) -> str:
        key = self._key(cell)
        known = self._experiment(RESULTS)
        if key not in known:
            arm = self._arm(cell.dataset, cell.n_per_class, cell.arm)
            self._experiment(OF_TRIALS)
            trials = self._identities[OF_TRIALS]
            links = (
                views.link_to_study(trials, cell.key),
                views.link_to_view(trials, views.view_key(cell.arm), charts=True),
            )
            note = notes.study_note(cell, facts, *links)
            tags = {"mlflow.parentRunId": arm, "kind": "study", views.COLOUR: self._colour(cell.arm)}
            known[key] = self._create(
                RESULTS,
                key,
                f"{cell.arm} seed {cell.seed}",
                {**tags, "mlflow.note.content": note},
                params=asdict(cell),
            )
            log_dataset(self._client, known[key], cell, facts, self._described)
        return known[key]

    def _arm(self, dataset: str, n_per_class: int, arm: str) -> str:
        """The run of an arm on one (data set, n), above its studies."""
        known = self._experiment(RESULTS)
        key = _arm_key(self._run, dataset, n_per_class, arm)
        if key not in known:
            size = f", n = {n_per_class}" if n_per_class else ""
            known[key] = self._create(
                RESULTS,
                key,
                f"{arm}: {dataset}{size}",
                {
                    "kind": "arm",
                    views.COLOUR: self._colour(arm),
                    "mlflow.note.content": notes.arm_note(self._described, arm),
                },
                params={"dataset": dataset, "n_per_class": n_per_class, "arm": arm},
            )
        return known[key]

    def _all_arms(self) -> None:
        """Make the runs of all arms before any study's: the oldest stand first, and are read first, on the page."""
        spec = self._described.get("spec", {})
        for dataset in spec.get("datasets", ()):
            for n_per_class in spec.get("n_per_class", ()):
                for arm in spec.get("arms", ()):
                    self._arm(dataset, n_per_class, arm)

    def _colour(self, arm: str) -> str:
        return views.colour(list(self._described.get("spec", {}).get("arms", ())), arm)

    def _trial(
        self, cell: Cell, trial: Mapping[str, Any], cost: Mapping[str, Any], curves: Sequence[Mapping[str, Any]]
    ) -> None:
        study = self._study(cell, {})
        key = f"{self._key(cell)}/trial{trial['trial']:03d}"
        known = self._experiment(OF_TRIALS)
        value = float(trial["value"])
        better = max if self._metric.higher_is_better else min
        best = self._best[self._key(cell)] = better(value, self._best.get(self._key(cell), value))
        if key in known:
            return
        number = int(trial["trial"])
        metrics = {
            "value": value,
            "seconds": cost.get("seconds"),
            "peak_memory_mb": cost.get("peak_memory_mb"),
        }
        metrics |= {"epochs_all_folds": trial["epochs"], "images_seen": trial["images_seen"]}
        metrics |= {f"fold_{i}": fold for i, fold in enumerate(trial["fold_values"])}
        known[key] = self._create(
            OF_TRIALS,
            key,
            f"{cell.arm} seed {cell.seed} trial {number:03d}",
            {views.STUDY: cell.key, "kind": "trial", "ended": str(trial["ended"])},
            params={"arm": cell.arm, "seed": cell.seed, **json.loads(trial["parameters"])},
            metrics=metrics,
            by_epoch=by_epoch(curves),
            seconds=float(cost.get("seconds") or 0.0),
        )
        self._best_points.setdefault(study, []).append((number, best))

    def _log_best(self) -> None:
        """Write the best values so far, of several trials together where trials come fast."""
        from mlflow.entities import Metric

        now = time.time_ns() // 1_000_000
        for study, points in self._best_points.items():
            self._client.log_batch(study, metrics=[Metric("best_so_far", value, now, step) for step, value in points])
        self._best_points.clear()

    def _finish(self, cell: Cell, metrics: Mapping[str, float], folder: Path) -> None:
        trials, costs = read_table(folder / TRIALS), read_table(folder / COSTS)
        curves = curves_of(folder)
        for (_, trial), (_, cost) in zip(trials.iterrows(), costs.iterrows(), strict=True):
            self._trial(cell, dict(trial), dict(cost), curves.get(int(trial["trial"]), ()))
        self._log_best()
        study = self._study(cell, {})
        for name in (TRIALS, PREDICTIONS):
            self._client.log_artifact(study, str(folder / name))
        self._log(study, answer.rounded(metrics))  # again after an extension: MLflow keeps the history
        self._client.set_terminated(study, "FINISHED")

    def _report(self, report: Path) -> None:
        answers = answer.read_answers(self._folder, report)
        for of_arm in answers:
            run_id = self._arm(of_arm.dataset, of_arm.n_per_class, of_arm.arm)
            numbers, course = answer.of_cells(self._folder, of_arm, self._metric)
            self._log(run_id, answer.rounded({**of_arm.numbers, **numbers}), by_epoch={"best_so_far": course})
            log_answer(self._client, self._identities[RESULTS], run_id, of_arm, self._described, report)
        self._note(answers)

    def _note(self, answers: Sequence[answer.ArmAnswer] = ()) -> None:
        """Write the notes and the views of both experiments."""
        self._experiment(OF_TRIALS)
        places = self._identities[RESULTS], self._identities[OF_TRIALS]
        file = self._folder / (f"{REPORT}/index.html" if answers else SPEC)
        written = file.stat().st_mtime if file.is_file() else 0.0
        log_notes(self._client, *places, self._described, self._run, self._metric.name, answers, written)

    def _create(
        self,
        kind: str,
        key: str,
        name: str,
        tags: Mapping[str, str],
        params: Mapping[str, Any],
        metrics: Mapping[str, Any] | None = None,
        by_epoch: Mapping[str, Mapping[int, float]] | None = None,
        seconds: float = 0.0,
    ) -> str:
        """One MLflow run. With metrics it is complete, and ends now."""
        now = time.time_ns() // 1_000_000
        created = self._client.create_run(
            self._identities[kind],
            start_time=now - int(seconds * 1000),
            tags={"mlflow.runName": name, KEY: key, RUN: self._run, **tags},
        )
        run_id = str(created.info.run_id)
        self._log(run_id, metrics or {}, params, by_epoch)
        if metrics is not None:
            self._client.set_terminated(run_id, "FINISHED", end_time=now)
        return run_id

    def _log(
        self,
        run_id: str,
        metrics: Mapping[str, Any],
        params: Mapping[str, Any] | None = None,
        by_epoch: Mapping[str, Mapping[int, float]] | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param

        now = time.time_ns() // 1_000_000
        numbers = [Metric(name, float(value), now, 0) for name, value in metrics.items() if value is not None]
        for name, points in (by_epoch or {}).items():
            numbers += [Metric(name, value, now, epoch) for epoch, value in points.items()]
        self._client.log_batch(
            run_id,
            metrics=numbers,
            params=[Param(name, str(value)) for name, value in (params or {}).items()],
        )

    def _experiment(self, kind: str) -> dict[str, str]:
        """The MLflow runs that this run has in one of its experiments already, by key; the experiment is made."""
        from mlflow.exceptions import MlflowException

        if kind not in self._known:
            name = self._run if kind == RESULTS else f"{self._run} {kind}"
            experiment = self._client.get_experiment_by_name(name)
            if experiment is None:
                place = (self._root / ARTIFACTS / path_name(name)).as_uri()
                try:
                    identity = self._client.create_experiment(name, artifact_location=place)
                except MlflowException:
                    experiment = self._client.get_experiment_by_name(name)
                    if experiment is None:
                        raise
            if experiment is not None:  # before, or by another run just now
                identity = experiment.experiment_id
            self._identities[kind] = identity
            self._known[kind] = dict(self._recorded(identity))
            if experiment is None or KIND not in experiment.tags:
                self._client.set_experiment_tag(identity, KIND, kind)
                self._client.set_experiment_tag(identity, RUN, self._run)
                if kind == RESULTS:
                    self._note()
                    self._all_arms()
        return self._known[kind]

    def _recorded(self, experiment: str) -> Iterator[tuple[str, str]]:
        token = None
        while True:
            page = self._client.search_runs(
                [experiment], f"tags.`{RUN}` = '{self._run}'", max_results=1000, page_token=token
            )
            yield from ((run.data.tags[KEY], run.info.run_id) for run in page if KEY in run.data.tags)
            token = page.token
            if not token:
                return

    def _key(self, cell: Cell) -> str:
        return f"{self._run}/{cell.key}"


def _arm_key(run: str, dataset: str, n_per_class: int, arm: str) -> str:
    return f"{run}/{path_name(dataset)}/n{n_per_class}/{path_name(arm)}"
