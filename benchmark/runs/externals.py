"""A run's test sets from elsewhere: indexed in the classes of its data sets, and handed to the cells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from benchmark import datasets
from benchmark.enough_patients import require_patients
from benchmark.external import External
from benchmark.images.contract import Images, LoadOptions
from benchmark.images.decoding import Decoded
from benchmark.images.mapping import in_classes_of
from benchmark.images.training_block import ExternalSet, TrainingBlock
from benchmark.runs.request import Request


def load_external(request: Request, external: External, target: Images) -> Images:
    """The index of a test set from elsewhere: all of its images that belong to classes of the target.

    Args:
        request: the run.
        external: which.
        target: the run's data set, whose models predict it.

    Raises:
        InputError: it is not there, the map does not fit, or a class has too few patients to be judged.
    """
    options = LoadOptions(
        image_size=request.spec.image_size, root_seed=request.spec.root_seed, memory=request.root / "cache"
    )
    source = datasets.load(request.located(external.source), request.data_root, options)
    images = in_classes_of(target, source, external.classes, external.label)
    require_patients(images.dataset, images.task, images.classes, images.labels, images.groups)
    return images


def with_external(block: TrainingBlock, external: External, decoded: Decoded) -> TrainingBlock:
    """A block whose models predict one more test set from elsewhere."""
    images = decoded.images
    kept = tuple(block.classes.index(name) for name in images.classes)
    added = ExternalSet(
        name=images.dataset,
        file=external.file,
        kept=kept,
        classes=images.classes,
        pixels=decoded.path.absolute(),
        labels=images.labels,
        ids=images.sample_ids,
        groups=images.groups,
        facts={**images.facts, **_of_training(block, kept)},
    )
    return replace(block, external=(*block.external, added))


def _of_training(block: TrainingBlock, kept: tuple[int, ...]) -> dict[str, Any]:
    """What the predictions file says of the training samples: the target's, in the classes that are kept."""
    priors = {}
    for size, shares in block.facts["training_prior"].items():
        some = [shares[k] for k in kept]
        whole = 1.0 if block.task == "multilabel" else sum(some)
        priors[size] = [share / whole for share in some]
    return {"overlap": block.facts["overlap"], "training_prior": priors}
