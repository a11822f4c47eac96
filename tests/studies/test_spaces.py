import math

import pytest

from benchmark import methods
from benchmark.spec import BenchmarkSpec
from studies import spaces

BACKBONE = "resnet10t"
TRAINED = [
    (method.NAME, backbone)
    for method in methods.all_methods()
    if methods.is_trained(method)
    for backbone in (BACKBONE, *methods.networks(method))
]


def spec_of(*arms, backbone=BACKBONE):
    return BenchmarkSpec(datasets=("phantom",), arms=arms, backbone=backbone)


@pytest.mark.parametrize(("name", "backbone"), TRAINED)
def test_every_trained_method_has_the_same_number_and_widths_of_dimensions(name, backbone):
    ours = spaces.space(methods.find(name), 15, 60, backbone)
    theirs = spaces.space(methods.find("scratch"), 15, 60, "simple-cnn")
    assert len(ours) == len(theirs)
    for mine, other in zip(ours[:-1], theirs[:-1], strict=True):
        assert mine.name == other.name
        if mine.log:
            assert math.isclose(mine.high / mine.low, other.high / other.low)
        else:
            assert (mine.low, mine.high, mine.step) == (other.low, other.high, other.step)
    assert len(ours[-1].choices) == len(theirs[-1].choices)


@pytest.mark.parametrize("name", methods.names())
def test_every_method_searches_six_dimensions_and_its_default_lies_in_them(name):
    method = methods.find(name)
    default = spaces.default(method, 15, 60, BACKBONE)
    dimensions = spaces.space(method, 15, 60, BACKBONE)
    assert len(dimensions) == methods.SEARCHED == 6
    assert set(default) == {dimension.name for dimension in dimensions}
    assert all(dimension.holds(default[dimension.name]) for dimension in dimensions)


@pytest.mark.parametrize("name", methods.names())
def test_a_backbone_without_stochastic_depth_gets_another_dimension_of_as_many_values(name):
    method = methods.find(name)
    usual, here = spaces.space(method, 15, 60, BACKBONE), spaces.space(method, 15, 60, "densenet121")
    assert usual[:-1] == here[:-1] and len(usual[-1].choices) == len(here[-1].choices)
    assert here[-1].holds(spaces.default(method, 15, 60, "densenet121")[here[-1].name])
    assert (here[-1].name == "dropout") == (name == "scratch")


def test_the_report_shows_the_dimension_that_was_searched():
    spec = spec_of("scratch-same", backbone="densenet121")
    assert spaces.side_by_side(spec)[-2]["scratch-same"] == "dropout {0.0, 0.25, 0.5}"
    assert spaces.as_records(spec)["scratch-same"][-1]["name"] == "dropout"


def test_what_takes_the_place_of_a_shared_dimension_stands_in_its_row_with_its_name():
    rows = spaces.side_by_side(spec_of("scratch", "knn"))
    assert [row["dimension"] for row in rows][:2] == ["learning_rate", "weight_decay"]
    assert rows[0]["knn"] == "k [1, 64] log"
    assert rows[-1] == {"dimension": "count", "scratch": "6", "knn": "6"}
    assert [row["dimension"] for row in spaces.side_by_side(spec_of("knn"))][:2] == ["1", "2"]


def test_the_default_epochs_are_the_geometric_middle_and_not_the_cap():
    scratch = methods.find("scratch")
    assert spaces.default(scratch, 15, 60, BACKBONE)["epochs"] == 30
    epochs = next(d for d in spaces.space(scratch, 15, 60, BACKBONE) if d.name == "epochs")
    assert (epochs.low, epochs.high, epochs.log) == (15, 60, True)


def test_the_records_for_the_report_say_which_ends_are_natural():
    records = {record["name"]: record for record in spaces.as_records(spec_of("scratch"))["scratch"]}
    assert records["augmentation"]["natural_ends"] == ("low", "high")
    assert records["label_smoothing"]["natural_ends"] == ("low",)
    assert not any(records[name]["natural_ends"] for name in ("learning_rate", "weight_decay", "epochs"))
