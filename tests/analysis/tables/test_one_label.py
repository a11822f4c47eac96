"""A single label (``chexpert:labels=Edema``) has every table, figure and sentence that several have."""

from dataclasses import replace

import numpy as np
import pytest

from analysis import figures, tables
from analysis.page.chapters import chapters
from analysis.page.head import head
from analysis.predictions.reading import read_predictions
from analysis.simulation.simulate import write_block
from analysis.study.study import study
from tests.analysis.conftest import make_multilabel


@pytest.fixture(scope="module")
def predictions(tmp_path_factory):
    path = tmp_path_factory.mktemp("one") / "predictions.parquet"
    block = replace(make_multilabel(labels=1, arms=3, seeds=4), dataset="chexpert:labels=Edema")
    write_block(path, block, {"training_prior": {str(block.n_per_class): [0.5]}})
    return read_predictions(path)


@pytest.mark.parametrize("metric", ["auroc", "balanced_accuracy"])
def test_every_table_and_figure_can_be_made(predictions, metric, tmp_path):
    computed = study(predictions, metric, resamples=50)
    frames = tables.build_all(computed)
    assert {"arms", "pairwise", "calibration"} <= set(frames)
    assert np.isfinite(frames["arms"]["estimate"].astype(float)).all()
    assert chapters(frames, False) and head(computed, {}, []).answers
    if metric == "auroc":
        assert figures.draw_all(computed, tmp_path)
