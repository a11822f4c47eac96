"""The weights of a run's arms: found, or for the built-in comparison made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmark import arms
from benchmark.pretraining.pretrain import Places, PretrainSpec, pretrain
from benchmark.runs.request import Request
from benchmark.weights.find import WeightFile, find

#: The built-in comparison makes its own medical checkpoint, from the corpus that goes with its data set.
BUILT_IN = "phantom"
BUILT_IN_CORPUS = "phantom-corpus"
BUILT_IN_EPOCHS = 6


def is_made(dataset: str, arm: str, request: Request) -> bool:
    """Whether the run pretrains this arm's weights itself: the medical ones of the built-in comparison."""
    return dataset == BUILT_IN and arms.find(arm).ROLE == "medical" and arm not in request.weights


def is_needed(arm: str, request: Request) -> bool:
    """Whether an arm starts from a file that must be there; none that the run makes, and not random weights."""
    return arms.find(arm).ROLE is not None and not all(is_made(name, arm, request) for name in request.spec.datasets)


def find_weights(arm: str, request: Request, download: bool = True) -> WeightFile:
    """Find what an arm starts from, the same for every data set.

    Raises:
        InputError: there is nothing, with the ways out.
    """
    role = arms.find(arm).ROLE
    assert role is not None
    return find(request.spec.backbone, role, request.weights.get(arm), request.root / "weights", download)


def make_weights(request: Request, report: Callable[[str], None]) -> WeightFile:
    """The medical weights of the built-in comparison: pretrained now, or kept from before.

    Args:
        request: the run.
        report: takes a line on what is done.
    """
    return find(request.spec.backbone, "medical", _pretrain_built_in(request, report))


def pretraining_left(request: Request) -> PretrainSpec | None:
    """What the run has to pretrain before its first study; None where nothing, or where it has been done."""
    made = any(is_made(name, arm, request) for name in request.spec.datasets for arm in request.spec.arms)
    spec = _built_in_spec(request)
    return spec if made and not (_built_in_folder(request) / f"{spec.name}.safetensors").exists() else None


def _pretrain_built_in(request: Request, report: Callable[[str], None]) -> Path:
    folder = _built_in_folder(request)
    if pretraining_left(request):
        report(f"pretraining the medical arm's backbone on {BUILT_IN_CORPUS}; it is kept in {folder}")
    places = Places(
        data_root=None,
        weights=folder,
        cache=request.root / "cache",
        device=request.device,
        imagenet=request.weights.get("imagenet"),
    )
    return pretrain(_built_in_spec(request), places, target=BUILT_IN)


def _built_in_folder(request: Request) -> Path:
    return request.root / "weights" / BUILT_IN


def _built_in_spec(request: Request) -> PretrainSpec:
    return PretrainSpec(
        sources=(BUILT_IN_CORPUS,),
        backbone=request.spec.backbone,
        image_size=request.spec.image_size,
        epochs=BUILT_IN_EPOCHS,
        root_seed=request.spec.root_seed,
    )
