"""Scores that are no probabilities: the message says what was seen."""

import re

import numpy as np
import pytest

from analysis.predictions.ranges import out_of_range
from analysis.predictions.reading import read_predictions
from analysis.simulation.simulate import write_block
from benchmark.errors import InputError
from benchmark.results import PREDICTION_COLUMNS, read_info, read_table, write_table
from tests.analysis.conftest import make_block


@pytest.mark.parametrize(
    ("scores", "task", "message"),
    [
        ([-3.2, 4.1], "binary", "run from -3.2 to 4.1. Values below 0 are likely logits, .* apply the softmax"),
        ([-3.2, 4.1], "multilabel", "apply the sigmoid"),
        ([12.5, 87.5], "binary", "run from 12.5 to 87.5. Within 0 and 100 they are likely percentages: divide by 100"),
        ([0.2, 512.0], "binary", "counts, votes or distances"),
        ([-1e-7, 1.0000001], "binary", "as rounding leaves them: clip"),
    ],
)
def test_the_range_and_its_likely_cause_are_named(scores, task, message):
    assert re.search(message, out_of_range(np.array([scores]), task))


def test_percentages_are_not_called_logits(tmp_path):
    path = tmp_path / "p.parquet"
    write_block(path, make_block(auroc=(0.7, 0.8), seeds=2, images=20))
    info, frame = read_info(path), read_table(path)
    frame["y_score"] = [100 * score for score in frame["y_score"]]
    write_table(path, frame, PREDICTION_COLUMNS, info)
    with pytest.raises(InputError, match=r"outside \[0, 1\] in .*likely percentages") as raised:
        read_predictions(path)
    assert "softmax" not in str(raised.value)
