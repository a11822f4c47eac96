"""Spending the level over looks at planned numbers of seeds."""

import numpy as np
import pytest
from scipy.stats import norm

from analysis.statistics.power import Components, detectable_with, power_of
from analysis.statistics.sequential import Looks, levels, over_looks, spent, stopping

PARTS = Components(seeds=4e-4, patients=2e-4, interaction=1e-4)


def test_the_spending_function_is_the_first_of_lan_and_demets():
    assert spent([0.5, 1.0]) == pytest.approx([2 - 2 * norm.cdf(norm.ppf(0.975) / np.sqrt(0.5)), 0.05])
    assert spent([0.5])[0] == pytest.approx(0.00557, abs=1e-5)


@pytest.mark.parametrize("seeds", [(3, 5, 10), (5, 10), (10,), tuple(range(3, 31))])
def test_the_levels_of_all_looks_add_up_to_alpha(seeds):
    assert levels(seeds).sum() == pytest.approx(0.05) and (levels(seeds) > 0).all()
    looks = Looks(seeds, seeds[-1])
    assert looks.spent == pytest.approx(0.05) and looks.last and looks.reached == seeds


def test_a_look_knows_its_place():
    looks = Looks((3, 5, 10), 5)
    assert (looks.number, looks.last, looks.reached) == (2, False, (3, 5))
    assert looks.level == levels((3, 5, 10))[1] and looks.spent == pytest.approx(spent([0.5])[0])


@pytest.mark.parametrize("seeds", [(), (5, 3), (5, 5), (2, 5)])
def test_what_cannot_be_looks_is_refused(seeds):
    with pytest.raises(ValueError, match=r"rise|at least 3"):
        Looks(seeds, 5)
    with pytest.raises(ValueError, match="none of the looks"):
        Looks((3, 5), 4)


def test_a_claim_is_made_where_a_look_is_below_its_level_and_stays():
    of_looks = levels((3, 5, 10))
    p = np.array([[1e-5, 0.01, 0.2], [0.5, 0.005, 0.2], [0.5, 0.9, 0.044]])
    below = np.logical_or.accumulate(p < of_looks[:, None], axis=0)
    over = over_looks(p, of_looks)
    assert ((over < 0.05) == below).all() and (np.diff(over, axis=0) <= 0).all() and over.max() <= 1
    assert over_looks(p[:2], of_looks) == pytest.approx(over[:2])


def test_one_look_is_the_fixed_design():
    true = detectable_with(PARTS, 10, 1)
    chance = stopping(true, PARTS, (10,), 1, np.random.default_rng(0))
    assert chance == pytest.approx([power_of(true, PARTS, 10)], abs=0.01)


def test_looks_cost_little_and_never_more_than_the_level():
    true = detectable_with(PARTS, 10, 1, alpha=0.05 / 3)
    chances = stopping(true, PARTS, (3, 5, 10), 3, np.random.default_rng(0))
    assert 0.76 < chances[-1] < 0.81 and (np.diff(chances) > 0).all()
    false = stopping(0.0, PARTS, (3, 5, 10), 3, np.random.default_rng(0))
    assert (false <= np.cumsum(levels((3, 5, 10))) / 3 + 0.002).all()
