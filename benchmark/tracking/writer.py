"""One run's studies written to MLflow, each once however often they are told. Everything here may raise."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.results import COSTS, PREDICTIONS, TRIALS, read_table
from benchmark.tracking import layout
from benchmark.tracking.layout import CellLike

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

Row = Mapping[str, Any]


@dataclass(slots=True)
class _Told:
    """What MLflow holds of a trial, to see whether it is told again or is another one of the same number."""

    parameters: Mapping[str, str]
    metric: float | None
    sound: bool


@dataclass(slots=True)
class _Study:
    """A study's run, and its trials so far."""

    run_id: str
    experiment_id: str
    facts: Row
    trials: dict[int, _Told] = field(default_factory=dict)
    ended: bool = False

    def best_until(self, number: int) -> float | None:
        values = [
            told.metric
            for trial, told in self.trials.items()
            if trial <= number and told.sound and told.metric is not None
        ]
        return max(values, default=None)


class Writer:
    """Writes the studies of one run."""

    def __init__(self, client: MlflowClient, root: Path, run: str) -> None:
        """Write to a client of the database under `root`."""
        self._client, self._root, self._run = client, root.resolve(), run
        self._experiments: dict[str, str] = {}
        self._studies: dict[str, _Study] = {}

    def start_study(self, cell: CellLike, facts: Row, at: float | None = None) -> None:
        """Open a study's run, or find it where an earlier process left it."""
        self._study(cell, facts, at)

    def finish_trial(self, cell: CellLike, trial: Row, cost: Row, at: float | None = None) -> None:
        """Write a finished trial beneath its study.

        Args:
            cell: the study.
            trial, cost: its rows of the trials and of the costs table.
            at: when it ended, in seconds since the epoch.
        """
        study, number = self._study(cell), int(trial["trial"])
        parameters = layout.trial_parameters(trial)
        metrics = layout.trial_metrics(trial, cost)
        told = _Told(parameters, metrics.get(layout.VALIDATION), layout.is_sound(trial))
        if number in study.trials:
            if study.trials[number] == told:
                return
            study = self._restart(cell, study)
        self._write_trial(cell, study, trial, metrics, told, at)

    def finish_study(
        self, cell: CellLike, metrics: Row, paths: Iterable[Path], at: float | None = None
    ) -> None:
        """Complete a study: the trials that were not told, its summary, the final run with its files."""
        from mlflow.entities import Metric

        at = at or time.time()
        study = self._study(cell)
        files = {path.name: path for path in paths if path.exists()}
        trials = self._complete(cell, study, files[TRIALS], at) if TRIALS in files else []
        study = self._study(cell)
        sound = [trial for trial in trials if layout.is_sound(trial)]
        best = max(sound, key=lambda trial: (trial["value"], -trial["trial"]), default=None)
        summary = layout.finite(metrics)
        if best is not None:
            summary.setdefault(layout.BEST, float(best["value"]))
        stamp = _millis(at)
        self._client.log_batch(
            study.run_id,
            metrics=[Metric(name, value, stamp, 0) for name, value in summary.items()],
            synchronous=True,
        )
        if PREDICTIONS in files:
            self._describe_holdout(study, cell.dataset, files[PREDICTIONS])
        self._write_final(cell, study, summary, best, files.values(), stamp)
        self._end(study, "FINISHED", stamp)

    def fail_study(self, cell: CellLike, reason: str, at: float | None = None) -> None:
        """A study that the machine could not finish."""
        study = self._study(cell)
        self._client.set_tag(study.run_id, "benchmark.failed", reason[-5000:])
        self._end(study, "FAILED", _millis(at or time.time()))

    def close(self) -> None:
        """Mark the studies that did not end; the continued run opens them again."""
        for study in self._studies.values():
            if not study.ended:
                self._end(study, "KILLED", _millis(time.time()))

    def _study(self, cell: CellLike, facts: Row | None = None, at: float | None = None) -> _Study:
        key = layout.study_key(self._run, cell)
        if key not in self._studies:
            experiment = self._experiment(cell)
            self._studies[key] = self._find(experiment, key, facts or {}) or self._create(
                experiment, cell, facts or {}, at
            )
        return self._studies[key]

    def _experiment(self, cell: CellLike) -> str:
        name = layout.experiment_name(cell)
        if name not in self._experiments:
            self._experiments[name] = self._open_experiment(name)
        return self._experiments[name]

    def _open_experiment(self, name: str) -> str:
        artifacts = self._root / layout.ARTIFACTS
        found = self._client.get_experiment_by_name(name)
        if found is None:
            # A folder of the same name belongs to a database that was removed: a rebuild clears it away.
            folder, count = artifacts / layout.folder_name(name), 1
            while folder.exists():
                count += 1
                folder = artifacts / f"{layout.folder_name(name)}-{count}"
            return str(self._client.create_experiment(name, artifact_location=folder.as_uri()))
        if not found.artifact_location.startswith(artifacts.as_uri()):
            raise RuntimeError(
                f"experiment '{name}' keeps its files in {found.artifact_location}, not under {artifacts}: "
                "the folder was moved or copied"
            )
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _find(self, experiment: str, key: str, facts: Row) -> _Study | None:
        found = self._client.search_runs([experiment], f"tags.`{layout.KEY}` = {_quoted(key)}", max_results=1)
        if not found:
            return None
        run_id = found[0].info.run_id
        study = _Study(run_id, experiment, facts)
        for child in self._children(study):
            number = child.data.tags.get(layout.TRIAL)
            if number is not None:
                metric = child.data.metrics.get(layout.VALIDATION)
                sound = metric is not None and child.info.status == "FINISHED"
                study.trials[int(number)] = _Told(child.data.params, metric, sound)
        self._client.update_run(run_id, status="RUNNING")
        return study

    def _children(self, study: _Study) -> list[Run]:
        beneath = f"tags.`{layout.PARENT}` = '{study.run_id}'"
        children: list[Run] = []
        token = None
        while True:
            page = self._client.search_runs(
                [study.experiment_id], beneath, max_results=1000, page_token=token
            )
            children.extend(page)
            token = page.token
            if not token:
                return children

    def _create(self, experiment: str, cell: CellLike, facts: Row, at: float | None) -> _Study:
        from mlflow.entities import Param

        run = self._client.create_run(
            experiment,
            start_time=_millis(at or time.time()),
            tags=layout.study_tags(self._run, cell, facts),
            run_name=layout.study_name(cell),
        )
        parameters = layout.study_parameters(cell, facts)
        self._client.log_batch(
            run.info.run_id, params=[Param(*pair) for pair in parameters.items()], synchronous=True
        )
        return _Study(run.info.run_id, experiment, facts)

    def _restart(self, cell: CellLike, study: _Study) -> _Study:
        """Forget a study that is not the one told: its folder was removed, and the name used again."""
        for child in self._children(study):
            self._client.delete_run(child.info.run_id)
        self._client.delete_run(study.run_id)
        self._studies[layout.study_key(self._run, cell)] = fresh = self._create(
            study.experiment_id, cell, study.facts, None
        )
        return fresh

    def _write_trial(
        self, cell: CellLike, study: _Study, trial: Row, metrics: Row, told: _Told, at: float | None
    ) -> None:
        from mlflow.entities import Metric, Param

        number = int(trial["trial"])
        end = at or time.time()
        stamp = _millis(end)
        run = self._client.create_run(
            study.experiment_id,
            start_time=_millis(end - metrics.get("seconds", 0.0)),
            tags={
                layout.KEY: f"{layout.study_key(self._run, cell)}/trial{number:03d}",
                layout.TRIAL: str(number),
                layout.PARENT: study.run_id,
                "benchmark.kind": "trial",
                "benchmark.ended": str(trial.get("ended", "ok"))[:5000],
            },
            run_name=f"trial {number:03d}",
        )
        self._client.log_batch(
            run.info.run_id,
            metrics=[Metric(name, value, stamp, 0) for name, value in metrics.items()],
            params=[Param(*pair) for pair in told.parameters.items()],
            synchronous=True,
        )
        # A diverged trial has spent its budget like any other; the red mark only makes it easy to see.
        self._client.set_terminated(run.info.run_id, "FINISHED" if told.sound else "FAILED", stamp)
        study.trials[number] = told
        best = study.best_until(number)
        if best is not None:
            self._client.log_batch(
                study.run_id, metrics=[Metric(layout.BEST_SO_FAR, best, stamp, number)], synchronous=True
            )

    def _complete(self, cell: CellLike, study: _Study, path: Path, at: float) -> list[dict[str, Any]]:
        """Write the trials of the finished table that were not told, for example those before a crash."""
        trials = [{str(k): v for k, v in row.items()} for row in read_table(path).to_dict("records")]
        trials.sort(key=lambda trial: int(trial["trial"]))
        costs: dict[int, Row] = {}
        if path.with_name(COSTS).exists():
            for row in read_table(path.with_name(COSTS)).to_dict("records"):
                costs[int(row["trial"])] = {str(name): value for name, value in row.items()}
        if sorted(study.trials) != list(range(len(study.trials))):  # a hole: `best_so_far` passed it by
            self._restart(cell, study)
        left = at  # the tables hold no clock times: the trials are laid end to end up to now
        ends = {}
        for trial in reversed(trials):
            number = int(trial["trial"])
            ends[number] = left
            left -= float(costs.get(number, {}).get("seconds", 0.0))
        for trial in trials:
            number = int(trial["trial"])
            self.finish_trial(cell, trial, costs.get(number, {}), ends[number])
        return trials

    def _describe_holdout(self, study: _Study, dataset: str, path: Path) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        rows = read_table(path)
        rows = rows[rows["refit"] == rows["refit"].min()]
        columns = [{"type": "string", "name": name, "required": True} for name in ("sample_id", "group_id")]
        holdout = Dataset(
            name=dataset[:500],
            digest=hashlib.sha256("\n".join(rows["sample_id"]).encode()).hexdigest()[:12],
            source_type="local",
            source=json.dumps({"uri": str(path.resolve())}),
            schema=json.dumps({"mlflow_colspec": columns}),
            profile=json.dumps({"num_rows": len(rows), "num_groups": int(rows["group_id"].nunique())}),
        )
        tag = InputTag("mlflow.data.context", "holdout")
        self._client.log_inputs(study.run_id, datasets=[DatasetInput(holdout, [tag])])

    def _write_final(
        self, cell: CellLike, study: _Study, summary: Row, best: Row | None, files: Iterable[Path], stamp: int
    ) -> None:
        from mlflow.entities import Metric, Param

        key = f"{layout.study_key(self._run, cell)}/final"
        for old in self._client.search_runs([study.experiment_id], f"tags.`{layout.KEY}` = {_quoted(key)}"):
            self._client.delete_run(old.info.run_id)  # of a smaller budget
        run = self._client.create_run(
            study.experiment_id,
            start_time=stamp,
            tags={layout.KEY: key, layout.PARENT: study.run_id, "benchmark.kind": "final"},
            run_name="final",
        )
        parameters = {**layout.trial_parameters(best), "best_trial": str(best["trial"])} if best else {}
        self._client.log_batch(
            run.info.run_id,
            metrics=[Metric(name, value, stamp, 0) for name, value in summary.items()],
            params=[Param(*pair) for pair in parameters.items()],
            synchronous=True,
        )
        for path in files:
            self._client.log_artifact(run.info.run_id, str(path))
        self._client.set_terminated(run.info.run_id, "FINISHED", stamp)

    def _end(self, study: _Study, status: str, stamp: int) -> None:
        self._client.set_terminated(study.run_id, status, stamp)
        study.ended = True


def _millis(seconds: float) -> int:
    return int(seconds * 1000)


def _quoted(text: str) -> str:
    """A string of MLflow's filter language, which knows two quotes and no escape."""
    return f'"{text}"' if "'" in text else f"'{text}'"
