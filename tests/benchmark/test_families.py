"""The table of families: what it says is tried, and stands in the docs as it comes out."""

from pathlib import Path

import pytest

from benchmark.methods import NetworkSpec, scratch
from benchmark.runs.families import FAMILIES, row
from studies import spaces

DOCS = Path(__file__).parents[2] / "docs" / "backbones.md"


@pytest.mark.parametrize("family", ["MobileNetV3", "EVA-X"])
def test_a_family_runs_as_the_docs_say(family):
    line = row(family)
    assert line in DOCS.read_text().splitlines()
    assert line.count("`head`, `last`, `all`") == 2


def test_the_docs_have_a_row_for_every_family():
    rows = [line for line in DOCS.read_text().splitlines() if line.startswith("| ")][1:]
    assert [line.split(" | ")[0].removeprefix("| ") for line in rows] == list(FAMILIES)


@pytest.mark.parametrize("value", spaces.space(scratch, 1, 2, "densenet121")[-1].choices)
def test_the_control_can_be_built_with_a_backbone_that_has_no_stochastic_depth(value):
    import torch

    spec = NetworkSpec("densenet121", 1, 2, 32)
    network = scratch.build(scratch.prepare(spec, None), spec, {"dropout": value})
    rates = [module.p for module in network.learned[-1] if isinstance(module, torch.nn.Dropout)]
    assert rates == [value]
    assert network.learned.eval()(torch.zeros(2, 1, 32, 32)).shape == (2, 2)
