"""Fixtures of what is tested of studies."""

import dataclasses

import pytest
import torch

from benchmark.arm import Arm
from benchmark.seeds import seed_for
from benchmark.spec import Cell
from benchmark.training.streams import seeded
from benchmark.weights.find import find
from benchmark.weights.load import load_backbone
from studies.trainer import CellJob
from tests.conftest import make_block

BACKBONE = "resnet10t"


@pytest.fixture
def job_of(tiny_spec, tmp_path):
    """What makes the job of a cell by any method, from random weights where the method starts from some."""
    path = tmp_path / "weights.pth"
    with seeded(seed_for(0, "test")):
        torch.save(load_backbone(BACKBONE, None).state_dict(), path)
    weights = find(BACKBONE, None, path)

    def job(method="linear-probe", run="run", budget=3, metric="auroc", **block):
        backbone = {} if method == "scratch" else {"backbone": BACKBONE, "weights": str(path)}
        spec = dataclasses.replace(
            tiny_spec, arms=("mine",), definitions=(Arm("mine", method, **backbone),), budget=budget, tune_metric=metric
        )
        given = None if method == "scratch" else weights
        return CellJob(Cell("toy", 12, 0, "mine"), make_block(tmp_path, **block), given, spec, tmp_path / run, "cpu")

    return job
