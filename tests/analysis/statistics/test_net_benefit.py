"""Net benefit against its definition."""

import numpy as np
import pytest

from analysis.statistics.net_benefit import net_benefit, treat_all

AT = np.array([0.1, 0.25, 0.5, 0.8])


def drawn(count=200):
    rng = np.random.default_rng(4)
    truth = (rng.random(count) < 0.3).astype(float)
    return truth, np.round(np.clip(0.3 + 0.3 * truth + rng.normal(0, 0.2, count), 0, 1), 2), np.arange(count) // 3


def test_it_is_hits_less_false_alarms_at_the_odds_of_the_threshold():
    truth, score, groups = drawn()
    value, parts = net_benefit(truth, score, AT, groups, groups.max() + 2)
    acted = score >= AT[:, None]
    expected = (acted & (truth == 1)).mean(1) - (acted & (truth == 0)).mean(1) * AT / (1 - AT)
    assert value == pytest.approx(expected, abs=1e-12)
    assert parts.sum(axis=1) == pytest.approx(0, abs=1e-12) and (parts[:, -1] == 0).all()


def test_contributions_give_the_variance_of_a_bootstrap_over_groups():
    truth, score, groups = drawn(300)
    count = groups.max() + 1
    _, parts = net_benefit(truth, score, AT, groups, count)
    rng = np.random.default_rng(0)
    rows = [np.flatnonzero(groups == g) for g in range(count)]
    draws = []
    for _ in range(600):
        chosen = np.concatenate([rows[g] for g in rng.integers(0, count, count)])
        draws.append(net_benefit(truth[chosen], score[chosen], AT, np.zeros(len(chosen), int), 1)[0])
    assert (parts**2).sum(axis=1) == pytest.approx(np.var(draws, axis=0), rel=0.2)


def test_acting_on_all_is_zero_at_the_prevalence():
    truth = np.repeat([0.0, 1.0], [75, 25])
    value, _ = treat_all(truth, AT, np.arange(100), 100)
    assert value[1] == pytest.approx(0) and value[0] == pytest.approx(0.25 - 0.75 / 9)
    perfect, _ = net_benefit(truth, truth, AT, np.arange(100), 100)
    assert perfect == pytest.approx(0.25)
