"""What is measured: the cases, their sizes, and the parameters that both sides are given."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.errors import InputError, unknown_name
from benchmark.methods import Dimension, Parameters
from benchmark.spec import BenchmarkSpec, Cell

if TYPE_CHECKING:
    from benchmark.images.contract import Images
    from benchmark.images.training_block import TrainingBlock
    from benchmark.methods import Trained
    from studies.tune import Search

#: Trials that the sampler draws before it looks at values: so many are the same on both sides, whatever they reach.
BLIND_TRIALS = 10

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True, slots=True)
class Case:
    """An arm, and the value that its own dimension is held at; None leaves it to the search."""

    name: str
    arm: str
    own: str | None = None


CASES = {
    case.name: case
    for case in (
        Case("scratch", "scratch"),
        Case("all", "imagenet", "all"),
        Case("last", "imagenet", "last"),
        Case("head", "imagenet", "head"),
    )
}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of a study: training images, trials, the range of their epochs, and what they share."""

    images: int = 96
    trials: int = 3
    min_epochs: int = 10
    max_epochs: int = 30
    folds: int = 3
    batch_size: int = 16
    image_size: int = 64
    backbone: str = "tf_efficientnet_lite0"


SHORT = Sizes(images=48, trials=2, min_epochs=2, max_epochs=4)


def chosen(names: Sequence[str]) -> list[Case]:
    """The cases of these names. Raises `InputError` for another, with the near miss."""
    for name in names:
        if name not in CASES:
            raise unknown_name("case", name, CASES)
    return [CASES[name] for name in names]


def spec_of(case: Case, sizes: Sizes, dataset: str, precision: str) -> BenchmarkSpec:
    """The settings of a run with this case alone."""
    if sizes.trials > BLIND_TRIALS:
        raise InputError(
            f"{sizes.trials} trials: from trial {BLIND_TRIALS + 1} on the parameters follow from the values before, "
            f"and the two sides would search differently. Use {BLIND_TRIALS} at most."
        )
    return BenchmarkSpec(
        datasets=(dataset,),
        arms=(case.arm,),
        n_per_class=(sizes.images // 2,),
        seeds=1,
        budget=sizes.trials,
        folds=sizes.folds,
        refits=1,
        image_size=sizes.image_size,
        backbone=sizes.backbone,
        min_epochs=sizes.min_epochs,
        max_epochs=sizes.max_epochs,
        batch_size=sizes.batch_size,
        precision=precision,
    )


def block_of(images: Images, spec: BenchmarkSpec) -> TrainingBlock:
    """All images of the pool as one subsample, with its folds; they have not been decoded."""
    from benchmark.images import folds
    from benchmark.images.training_block import TrainingBlock
    from benchmark.seeds import rng_for

    rows, holdout = np.flatnonzero(images.pool), np.flatnonzero(images.holdout)
    return TrainingBlock(
        dataset=images.dataset,
        n_per_class=spec.n_per_class[0],
        seed=0,
        task=images.task,
        classes=images.classes,
        flip=images.flip,
        pixels=Path(),
        subsample=rows,
        labels=images.labels[rows],
        folds=folds.assign(images, rows, spec.folds, rng_for(spec.root_seed, "folds")),
        subsample_ids=images.sample_ids[rows],
        subsample_groups=images.groups[rows],
        holdout=holdout,
        holdout_labels=images.labels[holdout],
        holdout_ids=images.sample_ids[holdout],
        holdout_groups=images.groups[holdout],
        facts=images.facts,
    )


def of_case(case: Case, spec: BenchmarkSpec) -> tuple[Trained, str]:
    """A case's method, and its network in a run of these settings."""
    from benchmark import arms, methods

    arm = arms.find(case.arm)
    return methods.trained(arms.method_of(arm)), arms.backbone_of(arm, spec.backbone)


def search_of(case: Case, spec: BenchmarkSpec, journal: Path) -> Search:
    """The study that a run makes of this case, its own dimension held."""
    from studies import spaces
    from studies.tune import Search

    method, backbone = of_case(case, spec)
    limits = (spec.min_epochs, spec.max_epochs, backbone)
    space, default = spaces.space(method, *limits), spaces.default(method, *limits)
    if case.own is not None:
        own = space[-1].name
        space, default = (*space[:-1], Dimension(own, "choice", choices=(case.own,))), default | {own: case.own}
    cell = Cell(spec.datasets[0], spec.n_per_class[0], 0, case.arm)
    return Search(journal, cell.key, space, default, spec.sampler, True, spec.root_seed)


def parameters_of(case: Case, spec: BenchmarkSpec) -> list[Parameters]:
    """The parameters of the study's trials: of one whose trials train nothing, as values do not decide them yet."""
    from studies.tune import Outcome, tune

    nothing = Outcome(0.5, (0.5,) * spec.folds, 0, 0, "ok", 0.0, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        search = search_of(case, spec, Path(folder) / "study.jsonl")
        return [trial.parameters for trial in tune(search, spec.budget, lambda number, parameters: nothing)]
