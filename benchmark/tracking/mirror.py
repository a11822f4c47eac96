"""MLflow: a mirror of the run folders, written by one thread of the driver, rebuilt from the folders at any time.

A failing tracker warns once and never stops a study. One experiment a (data set, n); in it a run a study, and beneath
that a run a trial and the final run.
"""

from __future__ import annotations

import hashlib
import json
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from benchmark.metrics import Metric
from benchmark.results import COSTS, PREDICTIONS, TRIALS, path_name, read_table
from benchmark.spec import Cell
from benchmark.tracking.curves import by_epoch, curves_of
from benchmark.tracking.database import ARTIFACTS, open_database

if TYPE_CHECKING:
    from mlflow import MlflowClient

LONGEST_WAIT = 1.0  # seconds, for a piece that is being written when the run is ended by an error

KEY, RUN = "benchmark.key", "benchmark.run"  # tags that make mirroring the same thing twice harmless


class Mirror:
    """Writes what happens in a run to MLflow. Calls return at once; a thread of its own does the work, in order.

    Use it as a context manager: leaving it waits for the work that is queued, or, after an error, for no more than
    the piece that is being written. MLflow is imported with the first work: until then it would only keep the workers
    from starting.
    """

    def __init__(self, root: Path, run: str, metric: Metric, client: MlflowClient | None = None) -> None:
        """Mirror the run of this name, whose studies tune `metric`, into `root`'s database, or through a client."""
        self._root = root.resolve()
        self._run = run
        self._metric = metric
        self._given = client
        self._tasks: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="mlflow mirror", daemon=True)
        self._client: MlflowClient
        self._known: dict[str, dict[str, str]] = {}  # experiment -> key -> MLflow run id
        self._identities: dict[str, str] = {}  # experiment -> MLflow's identity
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
        known = self._experiment(cell)
        if key not in known:
            described = [f"**{cell.arm}** on {cell.dataset}, n = {cell.n_per_class}, seed {cell.seed}", ""]
            described += [f"- {name}: {_short(value)}" for name, value in facts.items()]
            known[key] = self._create(
                cell,
                key,
                f"{cell.arm} seed {cell.seed}",
                {"mlflow.note.content": "\n".join(described), "kind": "study"},
                params={"arm": cell.arm, "n_per_class": cell.n_per_class, "seed": cell.seed},
            )
            self._log_dataset(known[key], cell, facts)
        return known[key]

    def _trial(
        self, cell: Cell, trial: Mapping[str, Any], cost: Mapping[str, Any], curves: Sequence[Mapping[str, Any]]
    ) -> None:
        study = self._study(cell, {})
        key = f"{self._key(cell)}/trial{trial['trial']:03d}"
        known = self._experiment(cell)
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
        metrics |= {"epochs_run": trial["epochs"], "images_seen": trial["images_seen"]}
        metrics |= {f"fold_{i}": fold for i, fold in enumerate(trial["fold_values"])}
        known[key] = self._create(
            cell,
            key,
            f"trial {number:03d}",
            {"mlflow.parentRunId": study, "kind": "trial", "ended": str(trial["ended"])},
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
        key = f"{self._key(cell)}/final"
        known = self._experiment(cell)
        if key not in known:
            known[key] = self._create(
                cell,
                key,
                "final",
                {"mlflow.parentRunId": study, "kind": "final"},
                params={"arm": cell.arm, "seed": cell.seed},
                metrics=metrics,
            )
        for name in (TRIALS, PREDICTIONS):
            self._client.log_artifact(known[key], str(folder / name))
        self._log(study, metrics)  # again after an extension: MLflow keeps the history
        self._client.set_terminated(study, "FINISHED")

    def _create(
        self,
        cell: Cell,
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
            self._identities[_experiment_name(cell)],
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

    def _log_dataset(self, run_id: str, cell: Cell, facts: Mapping[str, Any]) -> None:
        import pandas as pd
        from mlflow.data.pandas_dataset import from_pandas
        from mlflow.entities import DatasetInput

        described = {"name": cell.dataset, "n_per_class": cell.n_per_class, "seed": cell.seed}
        digest = hashlib.sha256(json.dumps([described, dict(facts)], sort_keys=True).encode()).hexdigest()[:8]
        frame = pd.DataFrame([{name: _short(value) for name, value in (described | dict(facts)).items()}])
        entity = from_pandas(frame, name=cell.dataset, digest=digest)._to_mlflow_entity()
        self._client.log_inputs(run_id, datasets=[DatasetInput(entity)])

    def _experiment(self, cell: Cell) -> dict[str, str]:
        """The MLflow runs that this run has in the cell's experiment already, by key; the experiment is made."""
        from mlflow.exceptions import MlflowException

        name = _experiment_name(cell)
        if name not in self._known:
            experiment = self._client.get_experiment_by_name(name)
            if experiment is None:
                place = (self._root / ARTIFACTS / name).as_uri()
                try:
                    identity = self._client.create_experiment(name, artifact_location=place)
                except MlflowException:
                    experiment = self._client.get_experiment_by_name(name)
                    if experiment is None:
                        raise
            if experiment is not None:  # before, or by another run just now
                identity = experiment.experiment_id
            self._identities[name] = identity
            self._known[name] = dict(self._recorded(identity))
        return self._known[name]

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


def _experiment_name(cell: Cell) -> str:
    return path_name(f"{cell.dataset}-n{cell.n_per_class}")


def _short(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    return text if len(text) <= 200 else f"{text[:197]}..."
