"""The weights of a run's arms: found, or for the built-in comparison made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
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
    return dataset == BUILT_IN and request.arm(arm).weights == "medical" and _named(dataset, arm, request) is None


def needs(request: Request) -> list[Need]:
    """The files that must be there: none that the run makes, and none for random weights."""
    wanted: dict[tuple[str, Path | None], list[str]] = {}
    for arm in request.spec.arms:
        for dataset in request.spec.datasets:
            if arms.starts_from_weights(request.arm(arm)) and not is_made(dataset, arm, request):
                wanted.setdefault((arm, _named(dataset, arm, request)), []).append(dataset)
    return [Need(arm, tuple(datasets), named) for (arm, named), datasets in wanted.items()]


def find_weights(need: Need, request: Request, download: bool = True) -> WeightFile:
    """Find what an arm starts from, and try it with images of the run's size.

    Raises:
        InputError: there is nothing, with the ways out.
    """
    role = arms.role_of(request.arm(need.arm))
    size = request.spec.image_size
    return find(request.backbone(need.arm), role, need.named, request.root / "weights", download, size)


def refuse_same_file(dataset: str, files: Mapping[str, WeightFile | None], request: Request) -> None:
    """Refuse to compare a file with itself: two arms of one method and network, or of two roles, from the same bytes.

    Args:
        dataset: the data set.
        files: arm -> what it starts from on this data set.
        request: the run, which says what the arms are.

    Raises:
        InputError: both arms and their files are named.
    """
    there = {arm: file for arm, file in files.items() if file is not None}
    for (one, before), (other, file) in combinations(there.items(), 2):
        if before.sha256 != file.sha256:
            continue
        first, second = request.arm(one), request.arm(other)
        roles = {arms.role_of(first), arms.role_of(second)} - {None}
        same = (first.method, request.backbone(one)) == (second.method, request.backbone(other))
        if same or len(roles) > 1:
            why = (
                "so any difference between them is chance"
                if same
                else f"which cannot be both {' and '.join(sorted(map(str, roles)))}"
            )
            raise InputError(
                f"{dataset}: the arms {one} and {other} start from the same file ({before.path} and {file.path}, "
                f"SHA-256 {file.sha256[:12]}), {why}. Give one of them another "
                f"file: --weights {other}=PATH, or --weights {other}@{dataset}=PATH for this data set alone."
            )


def _named(dataset: str, arm: str, request: Request) -> Path | None:
    """The file or source that the user named for an arm on a data set, or for the arm; None: one of its role."""
    named = request.weights.get(f"{arm}@{dataset}", request.weights.get(arm))
    of_arm = request.arm(arm)
    if named is None and of_arm.weights is not None and arms.role_of(of_arm) is None:
        return Path(of_arm.weights)
    return named


def make_weights(request: Request, arm: str, report: Callable[[str], None]) -> WeightFile:
    """The medical weights of the built-in comparison: pretrained now, or kept from before.

    Args:
        request: the run.
        arm: whose they are.
        report: takes a line on what is done.
    """
    backbone = request.backbone(arm)
    path = _pretrain_built_in(request, backbone, report)
    return find(backbone, "medical", path, image_size=request.spec.image_size)


def pretraining_left(request: Request) -> list[PretrainSpec]:
    """What the run has to pretrain before its first study: none of what has been done."""
    spec = request.spec
    backbones = [request.backbone(arm) for arm in spec.arms for name in spec.datasets if is_made(name, arm, request)]
    wanted = [_built_in_spec(request, backbone) for backbone in dict.fromkeys(backbones)]
    return [one for one in wanted if not (_built_in_folder(request) / f"{one.name}.safetensors").exists()]


def _pretrain_built_in(request: Request, backbone: str, report: Callable[[str], None]) -> Path:
    folder = _built_in_folder(request)
    places = Places(
        data_root=None,
        weights=folder,
        cache=request.root / "cache",
        device=request.driver_device,
        imagenet=request.weights.get("imagenet") if backbone == request.spec.backbone else None,
    )
    spec = _built_in_spec(request, backbone)
    made = folder / f"{spec.name}.safetensors"
    with turn(folder / LEASES):  # of several runs that begin together one makes it
        if made.exists() and not is_intact(made):
            moved = [path.name for file in (made, card_path(made)) if (path := set_aside(file)) is not None]
            report(f"{made} is damaged: set aside as {', '.join(moved)}, and made anew")
        if not made.exists():
            report(f"pretraining the medical arm's backbone on {BUILT_IN_CORPUS}; it is kept in {folder}")
        return pretrain(spec, places, target=BUILT_IN)


def _built_in_folder(request: Request) -> Path:
    return request.root / "weights" / BUILT_IN


def _built_in_spec(request: Request, backbone: str) -> PretrainSpec:
    return PretrainSpec(
        sources=(BUILT_IN_CORPUS,),
        backbone=backbone,
        image_size=request.spec.image_size,
        epochs=BUILT_IN_EPOCHS,
        root_seed=request.spec.root_seed,
    )
