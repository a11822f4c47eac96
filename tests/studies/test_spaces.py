import math

import pytest

from benchmark import arms
from studies import spaces


@pytest.mark.parametrize("name", arms.names())
def test_every_arm_has_the_same_number_and_widths_of_dimensions(name):
    ours = spaces.space(arms.find(name), 15, 60)
    theirs = spaces.space(arms.find("scratch"), 15, 60)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours[:-1], theirs[:-1], strict=True):
        assert mine.name == other.name
        if mine.log:
            assert math.isclose(mine.high / mine.low, other.high / other.low)
        else:
            assert (mine.low, mine.high, mine.step) == (other.low, other.high, other.step)
    assert len(ours[-1].choices) == len(theirs[-1].choices)


@pytest.mark.parametrize("name", arms.names())
def test_the_default_lies_in_the_space(name):
    arm = arms.find(name)
    default = spaces.default(arm, 15, 60)
    dimensions = spaces.space(arm, 15, 60)
    assert set(default) == {dimension.name for dimension in dimensions}
    assert all(dimension.holds(default[dimension.name]) for dimension in dimensions)
