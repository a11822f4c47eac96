"""Runs that are inserted together are those that MLflow's client makes one call at a time."""

import math

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import DatasetInput, Metric, Param, RunTag

from benchmark.tracking.bulk import BulkClient
from benchmark.tracking.database import open_database
from benchmark.tracking.rebuild import rebuild
from tests.benchmark.tracking.mirrored_run import mirrored
from tests.benchmark.tracking.test_tracking import content


def write(client, experiment, file):
    """What `Mirror` calls, with values that MLflow treats in its own way, before and after `part` is logged."""
    made = client.create_run(experiment, start_time=5, tags={"mlflow.runName": "a", "kind": "trial"})
    run_id = made.info.run_id
    values = [0.5, math.nan, math.inf, -math.inf, 0.25]
    client.log_batch(
        run_id,
        metrics=[Metric("value", value, 7, step) for step, value in enumerate(values)]
        + [Metric("tied", value, 7, 0) for value in (2.0, 3.0, 1.0, 3.0)]
        + [Metric("nan", math.nan, 7, 0)],
        params=[Param("arm", "scratch")],
        tags=[RunTag("kind", "study")],
    )
    client.set_tag(run_id, "ended", "ok")
    frame = pd.DataFrame([{"n": 1}])
    client.log_inputs(run_id, datasets=[DatasetInput(from_pandas(frame, name="d", digest="1")._to_mlflow_entity())])
    client.log_artifact(run_id, str(file))
    client.set_terminated(run_id, "FINISHED", end_time=9)
    return run_id


def read(client, run_id):
    """Everything that MLflow shows of a run, without its identity."""
    shown = client.get_run(run_id)
    history = {
        name: sorted((m.step, m.timestamp, m.value) for m in client.get_metric_history(run_id, name))
        for name in shown.data.metrics
    }
    info = {name: value for name, value in dict(shown.info).items() if name not in ("run_id", "run_uuid")}
    info["artifact_uri"] = info["artifact_uri"].replace(run_id, "")
    inputs = [(item.dataset.name, item.dataset.digest) for item in shown.inputs.dataset_inputs]
    files = [item.path for item in client.list_artifacts(run_id)]
    return repr([info, shown.data.tags, shown.data.params, shown.data.metrics, history, inputs, files])


def test_what_is_inserted_together_reads_as_what_was_logged_one_by_one(tmp_path):
    client = open_database(tmp_path)
    experiment = client.create_experiment("e", artifact_location=(tmp_path / "artifacts").as_uri())
    file = tmp_path / "table.csv"
    file.write_text("x")
    expected = write(client, experiment, file)
    bulk = BulkClient(client)
    run_id = write(bulk, experiment, file)
    bulk.flush()
    assert read(client, run_id) == read(client, expected)
    for writer, written in ((client, expected), (bulk, run_id)):  # a run that is in the database already
        writer.log_batch(written, metrics=[Metric("value", 0.75, 8, 9)])
        writer.set_tag(written, "ended", "late")
        writer.set_terminated(written, "FAILED", end_time=11)
    assert read(client, run_id) == read(client, expected)


def test_a_rebuild_does_without_a_call_for_every_run(run, monkeypatch):
    mirrored(run)
    live = content(run.parent)
    for name in ("create_run", "log_batch", "set_terminated"):
        monkeypatch.setattr(MlflowClient, name, lambda *_, name=name, **__: pytest.fail(name))
    assert rebuild(run.parent) == 1
    assert content(run.parent) == live
