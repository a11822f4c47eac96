"""What the arms of a run are, for its report: method, network, weights, and what the weights began from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmark import arms
from benchmark.runs.records import started_from

if TYPE_CHECKING:
    from benchmark.arm import Arm
    from benchmark.runs.request import Request
    from benchmark.weights.find import WeightFile

Weights = Mapping[tuple[str, str], "WeightFile | None"]


def arm_record(arm: Arm, request: Request, weights: Weights) -> dict[str, Any]:
    """An arm as the report reads it.

    A record has "title", "method", "architecture", "weights" (data set -> the file's name and the beginning of its
    SHA-256; empty for random weights) and "started_from" (what a checkpoint of ours began from; "" where nobody says).

    Args:
        arm: the arm.
        request: the run.
        weights: the plan's, by data set and arm.
    """
    files = {name: weights.get((name, arm.name)) for name in request.spec.datasets}
    here = {name: file for name, file in files.items() if file is not None}
    began = list(dict.fromkeys(filter(None, map(started_from, here.values()))))
    return {
        "title": "; ".join(
            [arms.title_of(arm), *(f"the checkpoint's training started from {start}" for start in began)]
        ),
        "method": arm.method,
        "architecture": request.backbone(arm.name),
        "weights": {name: f"{file.name} {file.sha256[:12]}" for name, file in here.items()},
        "started_from": ", ".join(began),
    }
