"""All pairs of many arms."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.figures import _drawing, matrix
from analysis.predictions.block import Predictions
from analysis.study.study import study
from tests.analysis.conftest import make_block


def drawn(arms, metric="auroc"):
    block = make_block(auroc=tuple(np.linspace(0.65, 0.95, arms)), seeds=3, images=200)
    computed = study(
        Predictions((replace(block, arms=tuple(f"a{i}" for i in range(arms))),), {}, ()), metric, resamples=100
    )
    with _drawing.style():
        return computed, matrix.draw(computed)


def test_few_arms_need_none():
    assert drawn(6)[1] is None


@pytest.mark.parametrize("metric", ["auroc", "log_loss"])
def test_every_pair_stands_twice_with_number_and_verdict(metric):
    computed, figure = drawn(7, metric)
    (axes,) = figure.axes
    texts = {
        (round(text.get_position()[0]), round(text.get_position()[1] + 0.12, 6)): text.get_text() for text in axes.texts
    }
    names = [label.get_text() for label in axes.get_yticklabels()]
    means = dict(zip(computed.scored[0].block.arms, computed.scored[0].values.mean(axis=1), strict=True))
    assert names == sorted(means, key=means.get, reverse=metric == "auroc"), "from best to worst"
    for comparison in computed.comparisons:
        a, b = names.index(comparison.arm_a), names.index(comparison.arm_b)
        assert float(texts[a, b]) == pytest.approx(comparison.estimate, abs=6e-4)
        assert float(texts[b, a]) == pytest.approx(-comparison.estimate, abs=6e-4)
    marks = [text.get_text() for text in axes.texts if text.get_text() in matrix.MARKS.values()]
    decided = sum(comparison.verdict in ("better", "worse") for comparison in computed.comparisons)
    assert decided > 0 and marks.count("▲") == marks.count("▼") == decided


def test_a_wide_study_has_colours_alone():
    _, figure = drawn(24)
    assert not figure.axes[0].texts and len(figure.axes[0].get_xticklabels()) == 24
