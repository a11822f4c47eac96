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


def test_the_default_epochs_are_the_geometric_middle_and_not_the_cap():
    assert spaces.default(arms.find("scratch"), 15, 60)["epochs"] == 30
    epochs = next(d for d in spaces.space(arms.find("scratch"), 15, 60) if d.name == "epochs")
    assert (epochs.low, epochs.high, epochs.log) == (15, 60, True)


def test_the_records_for_the_report_say_which_ends_are_natural():
    records = {record["name"]: record for record in spaces.as_records(["scratch"], 15, 60)["scratch"]}
    assert records["augmentation"]["natural_ends"] == ("low", "high")
    assert records["label_smoothing"]["natural_ends"] == ("low",)
    assert not any(records[name]["natural_ends"] for name in ("learning_rate", "weight_decay", "epochs"))
