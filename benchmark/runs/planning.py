"""From a request to a plan: data indexed and decoded, subsamples drawn, weights found, leaks refused.

Everything that can be wrong with the input is found here, before any long work starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmark import arms, datasets
from benchmark.audit import leaks, merging
from benchmark.enough_patients import require_patients, unknown_patients
from benchmark.external import of_target
from benchmark.images import decoding, folds, subsample
from benchmark.images.contract import Images, LoadOptions
from benchmark.images.decoding import Decoded
from benchmark.images.subsample import Overlap, Subsample
from benchmark.images.training_block import TrainingBlock
from benchmark.leases import turn
from benchmark.results import LEASES, path_name
from benchmark.runs.externals import load_external, with_external
from benchmark.runs.records import (
    Record,
    characteristic_records,
    data_records,
    pretraining_records,
    subsample_record,
    weight_record,
)
from benchmark.runs.request import Request
from benchmark.runs.weights import find_weights, is_made, make_weights, needs, refuse_same_file
from benchmark.seeds import rng_for
from benchmark.spec import BenchmarkSpec
from benchmark.weights.checkpoint import card_path, is_card_lost
from benchmark.weights.find import WeightFile
from studies.progress import paced

Draws = Mapping[tuple[int, int], Subsample]  # (n per class, seed) -> the training subsample


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, ready to start.

    Attributes:
        blocks: by (dataset, n per class, seed).
        weights: by (dataset, arm); None for arms that start from random weights.
        inputs: name -> hash of every input that decides the results beside the settings.
        tables: records for the report, by table name.
        images: data set -> its index.
    """

    blocks: Mapping[tuple[str, int, int], TrainingBlock]
    weights: Mapping[tuple[str, str], WeightFile | None]
    inputs: Mapping[str, str]
    tables: Mapping[str, list[Record]]
    images: Mapping[str, Images]


def make_plan(request: Request, report: Callable[[str], None]) -> Plan:
    """Index and decode the data, draw every block, find or make the weights, and refuse leaks.

    Args:
        request: what was asked for.
        report: takes a line on what is done.

    Raises:
        InputError: anything wrong with the data or the weights, before any study begins.
    """
    spec = request.spec
    located: dict[tuple[str, str], WeightFile] = {}
    for need in needs(request):
        report(f"{need.arm}: looking for its weights, and trying them")
        file_of_arm = find_weights(need, request)
        located |= {(name, need.arm): file_of_arm for name in need.datasets}
    for name in spec.datasets:
        refuse_same_file(name, {arm: located.get((name, arm)) for arm in spec.arms}, request)
    data = {name: decode(request, name, report) for name in spec.datasets}
    draws = {name: draw_all(spec, images) for name, (images, _) in data.items()}
    overlaps = {name: measure_overlaps(images, draws[name]) for name, (images, _) in data.items()}
    weights: dict[tuple[str, str], WeightFile | None] = {}
    blocks: dict[tuple[str, int, int], TrainingBlock] = {}
    inputs = {f"arm {arm.name}": f"{arm.method} on {request.backbone(arm.name)}" for arm in spec.definitions}
    names = ("data", "characteristics", "subsamples", "weights", "pretraining", "leaks")
    tables: dict[str, list[Record]] = {name: [] for name in names}
    for name, (images, decoded) in data.items():
        inputs[f"data {name}"] = images.fingerprint
        tables["data"] += data_records(images)
        tables["characteristics"] += characteristic_records(images)
        priors = training_priors(images, draws[name])
        for (n, seed), drawn in draws[name].items():
            blocks[name, n, seed] = _block(spec, images, decoded, n, seed, drawn.indices, overlaps[name], priors)
            tables["subsamples"].append(subsample_record(images, n, seed, drawn, overlaps[name][n]))
        for arm in spec.arms:
            file = make_weights(request, arm, report) if is_made(name, arm, request) else located.get((name, arm))
            weights[name, arm] = file
            if file is not None:
                inputs[f"weights {name}/{arm}"] = file.sha256
                tables["weights"].append(weight_record(name, request.arm(arm), file))
        trained_on = {
            arm: arms.trained_on(request.arm(arm), file)
            for arm in spec.arms
            if (file := weights[name, arm]) is not None
        }
        records = leaks.audit(
            images,
            decoded,
            folds=[(f"n = {n}, seed {seed}", b.subsample, b.folds) for (d, n, seed), b in blocks.items() if d == name],
            trained_on=trained_on,
        )
        for external in of_target(spec.external, name):
            elsewhere = decode_index(request, load_external(request, external, images), report, joined=True)
            inputs[f"external {external.label}"] = elsewhere.images.fingerprint
            records += leaks.audit_external(images, decoded, elsewhere, trained_on)
            for key in [key for key in blocks if key[0] == name]:
                blocks[key] = with_external(blocks[key], external, elsewhere)
        tables["leaks"] += leaks.refuse(records, request.allowed_leaks)
    for file in {file.path: file for file in weights.values() if file is not None}.values():
        if is_card_lost(file.path):
            report(f"{card_path(file.path)} is missing or damaged: what it says is read from the checkpoint itself")
        tables["pretraining"] += pretraining_records(file)
    return Plan(blocks, weights, inputs, tables, {name: images for name, (images, _) in data.items()})


def load_images(request: Request, name: str) -> Images:
    """A data set's index, checked for leaks between pool and holdout, and for what the analysis needs."""
    options = LoadOptions(
        image_size=request.spec.image_size,
        holdout=request.spec.holdout,
        root_seed=request.spec.root_seed,
        memory=request.root / "cache",
    )
    images = datasets.load(request.located(name), request.data_root, options)
    leaks.refuse_shared_groups(images)
    _require_patients(images)
    return images


def _require_patients(images: Images) -> None:
    held = images.holdout
    require_patients(images.dataset, images.task, images.classes, images.labels[held], images.groups[held])


def draw_all(spec: BenchmarkSpec, images: Images) -> Draws:
    """The training subsamples of a data set."""
    return {
        (n, seed): subsample.draw(
            images,
            n,
            seed,
            seeds=spec.seeds,
            largest_n=max(spec.n_per_class),
            root_seed=spec.root_seed,
            min_per_class=spec.min_per_class,
        )
        for n in spec.n_per_class
        for seed in range(spec.seeds)
    }


def measure_overlaps(images: Images, draws: Draws) -> dict[int, Overlap]:
    """n per class -> what the seeds' subsamples share."""
    sizes = dict.fromkeys(n for n, _ in draws)
    return {n: subsample.measure_overlap(images, [drawn for (m, _), drawn in draws.items() if m == n]) for n in sizes}


def training_priors(images: Images, draws: Draws) -> dict[int, list[float]]:
    """n per class -> the share of each class, or the prevalence of each label, in the subsamples: mean over seeds."""
    sizes = dict.fromkeys(n for n, _ in draws)
    shares = {
        n: [
            np.nanmean(images.labels[drawn.indices], axis=0, dtype=np.float64)
            for (m, _), drawn in draws.items()
            if m == n
        ]
        for n in sizes
    }
    return {n: [float(share) for share in np.mean(of_seeds, axis=0)] for n, of_seeds in shares.items()}


def decode(request: Request, name: str, report: Callable[[str], None]) -> tuple[Images, Decoded]:
    """The index of a data set, without unreadable images where that is allowed, and its pixels."""
    report(f"{name}: reading its index")
    images = load_images(request, name)
    if not images.groups_known:
        report(f"WARNING: {unknown_patients(name, str(images.facts['leaks']))}")
    decoded = decode_index(request, images, report, joined=images.holdout_kind == "grouped")  # ours to draw
    if request.spec.merge_duplicates:
        decoded = replace(decoded, images=merging.merge_duplicates(decoded.images, decoded))
        report(f"{name}: {decoded.images.about['duplicates_merged']}")
    _require_patients(decoded.images)  # again: images may have been left out, and groups joined
    return decoded.images, decoded


def decode_index(request: Request, images: Images, report: Callable[[str], None], joined: bool) -> Decoded:
    """Decode the images of an index.

    Args:
        request: the run.
        images: the index.
        report: takes a line on what is done.
        joined: whether copies under the names of several patients count as one patient's.
    """
    name, cache, size = images.dataset, request.root / "cache", request.spec.image_size
    report(f"{name}: {len(images.sample_ids):,} images indexed")
    decoding_so_far = paced(report, lambda done: f"{name}: {done:,} of {len(images.sample_ids):,} images decoded")
    # of several runs that begin together one decodes
    with nullcontext() if decoding.is_decoded(images, size, cache) else turn(cache / LEASES / path_name(name)):
        decoded = decoding.decoded(
            images, size, cache, request.decoders, request.skip_bad_images, decoding_so_far, report
        )
    return replace(decoded, images=leaks.join_copies(decoded.images, decoded.hashes)) if joined else decoded


def _block(
    spec: BenchmarkSpec,
    images: Images,
    decoded: Decoded,
    n: int,
    seed: int,
    rows: npt.NDArray[np.intp],
    overlaps: Mapping[int, Overlap],
    priors: Mapping[int, list[float]],
) -> TrainingBlock:
    rng = rng_for(spec.root_seed, "folds", dataset=images.dataset, n=n, seed=seed)
    holdout = np.flatnonzero(images.holdout)
    overlap = {str(size): measured.rho for size, measured in overlaps.items()}
    return TrainingBlock(
        dataset=images.dataset,
        n_per_class=n,
        seed=seed,
        task=images.task,
        classes=images.classes,
        flip=images.flip,
        pixels=decoded.path.absolute(),  # other machines' working folder is another
        subsample=rows,
        labels=images.labels[rows],
        folds=folds.assign(images, rows, spec.folds, rng),
        subsample_ids=images.sample_ids[rows],
        subsample_groups=images.groups[rows],
        holdout=holdout,
        holdout_labels=images.labels[holdout],
        holdout_ids=images.sample_ids[holdout],
        holdout_groups=images.groups[holdout],
        facts={**images.facts, "overlap": overlap, "training_prior": {str(size): of for size, of in priors.items()}},
    )
