"""MLflow's client for many new runs at once: they are kept, and inserted together through MLflow's own tables.

A call of the client takes five to ten transactions, each with its own look at what is there. For runs that nobody else
can know yet, as in a database that is being made anew, all that is needless.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric, Param, RunTag

MOST_ROWS = 100_000  # kept before they are written

Row = dict[str, Any]


@dataclass
class _Run:
    """What will be written of one run.

    Attributes:
        run: its row in MLflow's table of runs.
        tags, params: by name.
        metrics: (name, time, step, value, is NaN), each once, as MLflow's table demands; in the order of logging.
    """

    run: Row
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[tuple[str, int, int, float, bool], None] = field(default_factory=dict)


class BulkClient:
    """What `Mirror` calls of MLflow's client, for runs that are made by this object; `flush` writes what is kept.

    Any other method, and any call for another run, is the client's own, after a flush.
    """

    def __init__(self, client: MlflowClient) -> None:
        """Write to the database of this client."""
        self._client = client
        self._store: Any = client._tracking_client.store
        self._runs: dict[str, _Run] = {}
        self._inputs: list[tuple[str, Sequence[DatasetInput]]] = []
        self._places: dict[str, str] = {}  # experiment -> where its artifacts lie
        self._rows = 0

    def __getattr__(self, name: str) -> Any:
        self.flush()
        return getattr(self._client, name)

    def create_run(
        self,
        experiment_id: str,
        start_time: int | None = None,
        tags: Mapping[str, str] | None = None,
        run_name: str | None = None,
    ) -> Any:
        """As the client's, with a name; only `info.run_id` of what it returns is there."""
        from mlflow.entities import LifecycleStage, RunStatus, SourceType
        from mlflow.utils.mlflow_tags import MLFLOW_RUN_NAME

        if self._rows > MOST_ROWS:
            self.flush()
        if experiment_id not in self._places:
            self._places[experiment_id] = str(self._client.get_experiment(experiment_id).artifact_location)
        run_id, tags = uuid.uuid4().hex, dict(tags or {})
        tags.setdefault(MLFLOW_RUN_NAME, run_name or "")
        row = {
            "run_uuid": run_id,
            "experiment_id": int(experiment_id),
            "name": tags[MLFLOW_RUN_NAME],
            "artifact_uri": f"{self._places[experiment_id]}/{run_id}/{self._store.ARTIFACTS_FOLDER_NAME}",
            "source_type": SourceType.to_string(SourceType.UNKNOWN),
            "source_name": "",
            "entry_point_name": "",
            "source_version": "",
            "user_id": "unknown",
            "status": RunStatus.to_string(RunStatus.RUNNING),
            "start_time": start_time or _now(),
            "end_time": None,
            "deleted_time": None,
            "lifecycle_stage": LifecycleStage.ACTIVE,
        }
        self._runs[run_id] = _Run(row, tags)
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id))

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """As the client's."""
        kept = self._runs.get(run_id)
        if kept is None:
            self._client.log_batch(run_id, metrics, params, tags)
            return
        for metric in metrics:
            is_nan, value = self._store.sanitize_metric_value(metric.value)
            kept.metrics[metric.key, metric.timestamp, metric.step, float(value), is_nan] = None
        kept.params |= {param.key: param.value for param in params}
        kept.tags |= {tag.key: tag.value for tag in tags}
        self._rows += len(metrics) + len(params) + len(tags)

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        """As the client's."""
        kept = self._runs.get(run_id)
        if kept is None:
            self._client.set_tag(run_id, key, value)
        else:
            kept.tags[key] = value

    def set_experiment_tag(self, experiment_id: str, key: str, value: str) -> None:
        """As the client's, at once: no run is needed for it."""
        self._client.set_experiment_tag(experiment_id, key, value)

    def set_terminated(self, run_id: str, status: str = "FINISHED", end_time: int | None = None) -> None:
        """As the client's."""
        kept = self._runs.get(run_id)
        if kept is None:
            self._client.set_terminated(run_id, status, end_time)
        else:
            kept.run |= {"status": status, "end_time": end_time or _now()}

    def log_inputs(self, run_id: str, datasets: Sequence[DatasetInput]) -> None:
        """As the client's."""
        self._inputs.append((run_id, datasets))

    def log_artifact(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        """As the client's."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        kept = self._runs.get(run_id)
        if kept is None:
            self._client.log_artifact(run_id, local_path, artifact_path)
        else:
            repository: Any = get_artifact_repository(kept.run["artifact_uri"])
            repository.log_artifact(local_path, artifact_path)

    def flush(self) -> None:
        """Write what is kept, in one transaction, and the data sets of runs after it."""
        runs, self._runs, self._rows = self._runs, {}, 0
        if runs:
            from mlflow.store.tracking.dbmodels import models
            from sqlalchemy import insert

            tables: dict[Any, list[Row]] = {
                models.SqlRun: [kept.run for kept in runs.values()],
                models.SqlTag: [_named(run_id, *item) for run_id, kept in runs.items() for item in kept.tags.items()],
                models.SqlParam: [
                    _named(run_id, *item) for run_id, kept in runs.items() for item in kept.params.items()
                ],
                models.SqlMetric: [_measured(run_id, *row) for run_id, kept in runs.items() for row in kept.metrics],
                models.SqlLatestMetric: [
                    _measured(run_id, *row) for run_id, kept in runs.items() for row in _latest(kept.metrics)
                ],
            }
            with self._store.ManagedSessionMaker(read_only=False) as session:
                for table, rows in tables.items():
                    if rows:
                        session.execute(insert(table), rows)
        inputs, self._inputs = self._inputs, []
        for run_id, datasets in inputs:
            self._client.log_inputs(run_id, datasets=list(datasets))


def _now() -> int:
    return time.time_ns() // 1_000_000


def _named(run_id: str, key: str, value: str) -> Row:
    return {"run_uuid": run_id, "key": key, "value": value}


def _measured(run_id: str, key: str, timestamp: int, step: int, value: float, is_nan: bool) -> Row:
    return {
        "run_uuid": run_id,
        "key": key,
        "timestamp": timestamp,
        "step": step,
        "value": value,
        "is_nan": is_nan,
    }


def _latest(
    metrics: Iterable[tuple[str, int, int, float, bool]],
) -> Iterable[tuple[str, int, int, float, bool]]:
    """Of every metric the value that MLflow shows: of the last step, then the last time, then the largest."""
    latest: dict[str, tuple[str, int, int, float, bool]] = {}
    for row in metrics:
        key, timestamp, step, value, _ = row
        before = latest.setdefault(key, row)
        if (step, timestamp, value) > (before[2], before[1], before[3]):
            latest[key] = row
    return latest.values()
