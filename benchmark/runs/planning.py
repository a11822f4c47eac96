"""From settings to a plan: data indexed and decoded, subsamples drawn, weights found, conflicts refused.

Everything that can be wrong with the input is found here, before any long work starts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark import arms, datasets
from benchmark.audit import leaks
from benchmark.errors import InputError
from benchmark.images import decoding, folds, subsample
from benchmark.images.contract import Images, LoadOptions
from benchmark.images.training_block import TrainingBlock
from benchmark.pretrain import Places, PretrainSpec, pretrain
from benchmark.results import DONE, SPEC, read_json
from benchmark.runs.records import Record, data_records, pretraining_records, subsample_record, weight_record
from benchmark.seeds import rng_for
from benchmark.spec import BenchmarkSpec, Cell
from benchmark.weights.find import WeightFile, find
from benchmark.weights.sources import timm_config

if TYPE_CHECKING:
    from benchmark.images.subsample import Subsample

#: The built-in comparison makes its own medical checkpoint, from the corpus that goes with its data set.
BUILT_IN = "phantom"
BUILT_IN_CORPUS = "phantom-corpus"
BUILT_IN_EPOCHS = 6


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for beside the settings: places, files, speed.

    Attributes:
        spec: the settings.
        out: the run's folder.
        root: `mlruns`, which holds the runs, the cache, the weights folder and MLflow's database.
        data_root: where the real data sets are.
        weights: arm -> a file (or a known source's name) to start from.
        device: "cpu", "cuda", ...
        workers: processes.
        skip_bad_images: leave unreadable images out, and count them.
        allowed_leaks: names of `leaks.LEAKS` that are reported instead of refused.
    """

    spec: BenchmarkSpec
    out: Path
    root: Path
    data_root: Path | None
    weights: Mapping[str, Path]
    device: str
    workers: int
    skip_bad_images: bool
    allowed_leaks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, ready to start.

    Attributes:
        blocks: by (dataset, n per class, seed).
        weights: by (dataset, arm); None for arms that start from random weights.
        inputs: name -> hash of every input that decides the results beside the settings.
        tables: records for the report, by table name.
    """

    blocks: Mapping[tuple[str, int, int], TrainingBlock]
    weights: Mapping[tuple[str, str], WeightFile | None]
    inputs: Mapping[str, str]
    tables: Mapping[str, list[Record]]


def check_names(request: Request) -> None:
    """Refuse unknown names and a folder that cannot be written, before anything is read."""
    for name in request.spec.datasets:
        datasets.find(name)
    for name in request.spec.arms:
        arms.find(name)
    timm_config(request.spec.backbone)
    for name in request.weights:
        if arms.find(name).ROLE is None or name not in request.spec.arms:
            able = [arm for arm in request.spec.arms if arms.find(arm).ROLE]
            raise InputError(
                f"--weights {name}=...: this run has no arm '{name}' that starts from weights. "
                f"Those that do: {', '.join(able) or 'none'}."
            )
    for folder in (request.out, request.root):
        existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        try:
            tempfile.TemporaryDirectory(dir=existing).cleanup()
        except OSError as error:
            raise InputError(
                f"cannot write to {folder} ({error.strerror}): {existing} is no folder that can be written to. "
                "Choose another --out."
            ) from error


def made_for(dataset: str, arm: str, request: Request) -> bool:
    """Whether the run pretrains this arm's weights itself: the medical ones of the built-in comparison."""
    return dataset == BUILT_IN and arms.find(arm).ROLE == "medical" and arm not in request.weights


def needs_weights(arm: str, request: Request) -> bool:
    """Whether an arm starts from a file that must be there; none that the run makes, and not random weights."""
    return arms.find(arm).ROLE is not None and not all(made_for(name, arm, request) for name in request.spec.datasets)


def weights_of(arm: str, request: Request, download: bool = True) -> WeightFile:
    """Find what an arm starts from, the same for every data set.

    Raises:
        InputError: there is nothing, with the ways out.
    """
    role = arms.find(arm).ROLE
    assert role is not None
    return find(request.spec.backbone, role, request.weights.get(arm), request.root / "weights", download)


def make_plan(request: Request, say: Callable[[str], None]) -> Plan:
    """Index and decode the data, draw every block, find or make the weights.

    Raises:
        InputError: anything wrong with the data, the weights or the folder, before any study begins.
    """
    spec = request.spec
    found = {arm: weights_of(arm, request) for arm in spec.arms if needs_weights(arm, request)}
    weights: dict[tuple[str, str], WeightFile | None] = {}
    blocks: dict[tuple[str, int, int], TrainingBlock] = {}
    inputs: dict[str, str] = {}
    tables: dict[str, list[Record]] = {"data": [], "subsamples": [], "weights": [], "pretraining": [], "leaks": []}
    for name in spec.datasets:
        images = load_images(request, name)
        say(f"{name}: {len(images.sample_ids):,} images indexed")
        decoded = decoding.decoded(
            images, spec.image_size, request.root / "cache", request.workers, request.skip_bad_images
        )
        images = decoded.images
        if images.facts["holdout"] == "grouped":  # ours to draw: copies under two names go to one side
            images = leaks.join_copies(images, decoded.hashes)
        inputs[f"data {name}"] = images.fingerprint
        tables["data"] += data_records(images)
        draws = draw_all(spec, images)
        for (n, seed), drawn in draws.items():
            blocks[name, n, seed] = _block(spec, images, decoded.path, n, seed, drawn, draws)
            tables["subsamples"].append(subsample_record(images, n, seed, drawn))
        for arm in spec.arms:
            made = made_for(name, arm, request)
            file = find(spec.backbone, "medical", _pretrain_built_in(request, say)) if made else found.get(arm)
            weights[name, arm] = file
            if file is not None:
                inputs[f"weights {name}/{arm}"] = file.sha256
                tables["weights"].append(weight_record(name, arm, file))
        tables["leaks"] += leaks.refuse(
            leaks.audit(
                images,
                decoded,
                folds=[
                    (f"n = {n}, seed {seed}", drawn.indices, blocks[name, n, seed].folds)
                    for (n, seed), drawn in draws.items()
                ],
                trained_on={arm: file.trained_on for arm in spec.arms if (file := weights[name, arm]) is not None},
            ),
            request.allowed_leaks,
        )
    for file in {file.path: file for file in weights.values() if file is not None}.values():
        tables["pretraining"] += pretraining_records(file)
    return Plan(blocks, weights, inputs, tables)


def load_images(request: Request, name: str) -> Images:
    """A data set's index, checked for leaks between pool and holdout."""
    options = LoadOptions(
        image_size=request.spec.image_size,
        holdout=request.spec.holdout,
        root_seed=request.spec.root_seed,
    )
    images = datasets.load(name, request.data_root, options)
    leaks.refuse_shared_groups(images)
    return images


def draw_all(spec: BenchmarkSpec, images: Images) -> dict[tuple[int, int], Subsample]:
    """The training subsamples of a data set, by (n per class, seed)."""
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


def refuse_conflicts(request: Request, plan: Plan) -> None:
    """Refuse to mix results: a folder of other settings, other data or other weights.

    Raises:
        InputError: with every difference shown.
    """
    path = request.out / SPEC
    if not path.exists():
        if request.out.exists() and any(request.out.iterdir()):
            raise InputError(
                f"{request.out} is not empty and has no {SPEC}: it is not a run's folder. Choose another --out."
            )
        return
    before = read_json(path)
    differences = []
    now = request.spec.as_dict()
    for name, value in before["spec"].items():
        if name == "budget":
            continue  # a larger one extends; a smaller one is refused where the journals are read
        grows = name in ("arms", "datasets") and set(value) <= set(now[name])
        if now.get(name) != value and not grows:
            differences.append(f"{name}: {value} there, {now.get(name)} now")
    if request.spec.budget < before["spec"]["budget"]:
        differences.append(f"budget: {before['spec']['budget']} there, {request.spec.budget} now (it can only grow)")
    for name, value in before["inputs"].items():
        if plan.inputs.get(name, value) != value:
            differences.append(f"{name}: {value[:12]} there, {plan.inputs[name][:12]} now (its content changed)")
    if differences:
        listed = "\n".join(f"  {difference}" for difference in differences)
        raise InputError(
            f"{request.out} holds a run with other settings, and its results may not be mixed:\n{listed}\n"
            "Use the same settings, or another --out."
        )


def is_done(cell: Cell, request: Request) -> bool:
    """Whether a cell is finished for this budget."""
    path = cell.folder(request.out) / DONE
    return path.exists() and read_json(path)["budget"] == request.spec.budget


def _block(
    spec: BenchmarkSpec,
    images: Images,
    pixels: Path,
    n: int,
    seed: int,
    drawn: Subsample,
    draws: Mapping[tuple[int, int], Subsample],
) -> TrainingBlock:
    import numpy as np

    rng = rng_for(spec.root_seed, "folds", dataset=images.dataset, n=n, seed=seed)
    holdout = np.flatnonzero(images.holdout)
    overlap = {str(size): draws[size, seed].overlap for size in spec.n_per_class}
    return TrainingBlock(
        dataset=images.dataset,
        n_per_class=n,
        seed=seed,
        task=images.task,
        classes=images.classes,
        mirror=images.mirror,
        pixels=pixels,
        subsample=drawn.indices,
        labels=images.labels[drawn.indices],
        folds=folds.assign(images, drawn.indices, spec.folds, rng),
        holdout=holdout,
        holdout_labels=images.labels[holdout],
        holdout_ids=images.sample_ids[holdout],
        holdout_groups=images.groups[holdout],
        facts={**images.facts, "overlap": overlap},
    )


def _pretrain_built_in(request: Request, say: Callable[[str], None]) -> Path:
    folder = request.root / "weights" / BUILT_IN
    spec = PretrainSpec(
        sources=(BUILT_IN_CORPUS,),
        backbone=request.spec.backbone,
        image_size=request.spec.image_size,
        epochs=BUILT_IN_EPOCHS,
        root_seed=request.spec.root_seed,
    )
    if not (folder / f"{spec.name}.safetensors").exists():
        say(f"pretraining the medical arm's backbone on {BUILT_IN_CORPUS}; it is kept in {folder}")
    places = Places(
        data_root=None,
        weights=folder,
        cache=request.root / "cache",
        device=request.device,
        imagenet=request.weights.get("imagenet"),
    )
    return pretrain(spec, places, target=BUILT_IN)
