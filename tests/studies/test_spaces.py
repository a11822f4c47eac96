import math

import pytest

from benchmark import arms
from studies import spaces

BACKBONE = "resnet10t"


@pytest.mark.parametrize("name", arms.names())
def test_every_arm_has_the_same_number_and_widths_of_dimensions(name):
    ours = spaces.space(arms.find(name), 15, 60, BACKBONE)
    theirs = spaces.space(arms.find("scratch"), 15, 60, BACKBONE)
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
    default = spaces.default(arm, 15, 60, BACKBONE)
    dimensions = spaces.space(arm, 15, 60, BACKBONE)
    assert set(default) == {dimension.name for dimension in dimensions}
    assert all(dimension.holds(default[dimension.name]) for dimension in dimensions)


@pytest.mark.parametrize("name", arms.names())
def test_a_backbone_without_stochastic_depth_gets_another_dimension_of_as_many_values(name):
    arm = arms.find(name)
    usual, here = spaces.space(arm, 15, 60, BACKBONE), spaces.space(arm, 15, 60, "densenet121")
    assert usual[:-1] == here[:-1] and len(usual[-1].choices) == len(here[-1].choices)
    assert here[-1].holds(spaces.default(arm, 15, 60, "densenet121")[here[-1].name])
    assert (here[-1].name == "dropout") == (name == "scratch-same")


def test_the_report_shows_the_dimension_that_was_searched():
    rows = spaces.side_by_side(["scratch-same"], 15, 60, "densenet121")
    assert rows[-2]["scratch-same"] == "dropout {0.0, 0.25, 0.5}"
    records = spaces.as_records(["scratch-same"], 15, 60, "densenet121")
    assert records["scratch-same"][-1]["name"] == "dropout"


def test_the_default_epochs_are_the_geometric_middle_and_not_the_cap():
    assert spaces.default(arms.find("scratch"), 15, 60, BACKBONE)["epochs"] == 30
    epochs = next(d for d in spaces.space(arms.find("scratch"), 15, 60, BACKBONE) if d.name == "epochs")
    assert (epochs.low, epochs.high, epochs.log) == (15, 60, True)


def test_the_records_for_the_report_say_which_ends_are_natural():
    records = {record["name"]: record for record in spaces.as_records(["scratch"], 15, 60, BACKBONE)["scratch"]}
    assert records["augmentation"]["natural_ends"] == ("low", "high")
    assert records["label_smoothing"]["natural_ends"] == ("low",)
    assert not any(records[name]["natural_ends"] for name in ("learning_rate", "weight_decay", "epochs"))
