"""The weights of a run's arms: found, or for the built-in comparison made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmark import arms
from benchmark.errors import InputError
from benchmark.intact import set_aside
from benchmark.leases import turn
from benchmark.pretraining.pretrain import Places, PretrainSpec, pretrain
from benchmark.results import LEASES
from benchmark.runs.request import Request
from benchmark.weights.checkpoint import card_path, is_intact
from benchmark.weights.find import WeightFile, find

#: The built-in comparison makes its own medical checkpoint, from the corpus that goes with its data set.
BUILT_IN = "phantom"
BUILT_IN_CORPUS = "phantom-corpus"
BUILT_IN_EPOCHS = 6


@dataclass(frozen=True, slots=True)
class Need:
    """A file that an arm must start from: the one that the user named for these data sets, or one to search for."""

    arm: str
    datasets: tuple[str, ...]
    named: Path | None


def is_made(dataset: str, arm: str, request: Request) -> bool:
    """Whether the run pretrains this arm's weights itself: the medical ones of the built-in comparison."""
    return dataset == BUILT_IN and arms.find(arm).ROLE == "medical" and _named(dataset, arm, request) is None


def needs(request: Request) -> list[Need]:
    """The files that must be there: none that the run makes, and none for random weights."""
    wanted: dict[tuple[str, Path | None], list[str]] = {}
    for arm in request.spec.arms:
        for dataset in request.spec.datasets:
            if arms.find(arm).ROLE is not None and not is_made(dataset, arm, request):
                wanted.setdefault((arm, _named(dataset, arm, request)), []).append(dataset)
    return [Need(arm, tuple(datasets), named) for (arm, named), datasets in wanted.items()]


def find_weights(need: Need, request: Request, download: bool = True) -> WeightFile:
    """Find what an arm starts from, and try it with images of the run's size.

    Raises:
        InputError: there is nothing, with the ways out.
    """
    spec = request.spec
    role = arms.find(need.arm).ROLE
    assert role is not None
    return find(spec.backbone, role, need.named, request.root / "weights", download, spec.image_size)


def refuse_same_file(dataset: str, files: Mapping[str, WeightFile | None]) -> None:
    """Refuse to compare a file with itself: two arms that fit alike, from the same bytes.

    Args:
        dataset: the data set.
        files: arm -> what it starts from on this data set.

    Raises:
        InputError: both arms and their files are named.
    """
    first: dict[tuple[object, str], str] = {}
    for arm, file in files.items():
        if file is None:
            continue
        other = first.setdefault((arms.find(arm).build, file.sha256), arm)
        if other != arm:
            before = files[other]
            assert before is not None
            raise InputError(
                f"{dataset}: the arms {other} and {arm} start from the same file ({before.path} and {file.path}, "
                f"SHA-256 {file.sha256[:12]}), so any difference between them is chance. Give one of them another "
                f"file: --weights {arm}=PATH, or --weights {arm}@{dataset}=PATH for this data set alone."
            )


def _named(dataset: str, arm: str, request: Request) -> Path | None:
    """The file that the user named for an arm on a data set, or for the arm; None: neither."""
    return request.weights.get(f"{arm}@{dataset}", request.weights.get(arm))


def make_weights(request: Request, report: Callable[[str], None]) -> WeightFile:
    """The medical weights of the built-in comparison: pretrained now, or kept from before.

    Args:
        request: the run.
        report: takes a line on what is done.
    """
    path = _pretrain_built_in(request, report)
    return find(request.spec.backbone, "medical", path, image_size=request.spec.image_size)


def pretraining_left(request: Request) -> PretrainSpec | None:
    """What the run has to pretrain before its first study; None where nothing, or where it has been done."""
    made = any(is_made(name, arm, request) for name in request.spec.datasets for arm in request.spec.arms)
    spec = _built_in_spec(request)
    return spec if made and not (_built_in_folder(request) / f"{spec.name}.safetensors").exists() else None


def _pretrain_built_in(request: Request, report: Callable[[str], None]) -> Path:
    folder = _built_in_folder(request)
    places = Places(
        data_root=None,
        weights=folder,
        cache=request.root / "cache",
        device=request.driver_device,
        imagenet=request.weights.get("imagenet"),
    )
    made = folder / f"{_built_in_spec(request).name}.safetensors"
    with turn(folder / LEASES):  # of several runs that begin together one makes it
        if made.exists() and not is_intact(made):
            moved = [path.name for file in (made, card_path(made)) if (path := set_aside(file)) is not None]
            report(f"{made} is damaged: set aside as {', '.join(moved)}, and made anew")
        if pretraining_left(request):
            report(f"pretraining the medical arm's backbone on {BUILT_IN_CORPUS}; it is kept in {folder}")
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
