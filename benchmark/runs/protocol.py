"""The protocol of a run as records for its report: what was done, in the words a reviewer would check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmark import arms, methods
from benchmark.external import of_target
from benchmark.runs.provenance import kernels

if TYPE_CHECKING:
    from benchmark.images.contract import Images
    from benchmark.runs.records import Record
    from benchmark.runs.request import Request


def protocol_records(request: Request, images: Mapping[str, Images]) -> list[Record]:
    """One record (item, value) for every choice that a reader needs in order to judge or repeat the run.

    Args:
        request: the run.
        images: data set -> its index.
    """
    spec = request.spec
    deterministic = (
        "the same command gives the same tables, byte for byte, on the same kind of processor, with the same versions "
        f"and kernels (here: {kernels(request.device)})"
        if request.device == "cpu"
        else f"computed on {request.device}, by operations whose sums have a fixed order where there is one (torch "
        "warns of others): a repeated run gives the same scores on a card of one kind with the same versions; on "
        "another they differ in their last digits, and with them the search; augmentation is drawn there, and is "
        "another than the CPU's"
    )
    items = {
        "labelled images per class": f"{', '.join(map(str, spec.n_per_class))}, validation included",
        "training subsamples (seeds)": f"{spec.seeds}, the same for all arms; stratified, spread over patients",
        "holdout": f"{spec.holdout}; touched by the final predictions alone",
        "duplicates": "patients who share copies or near duplicates are one: "
        + "; ".join(f"{name}: {index.about['duplicates_merged']}" for name, index in images.items())
        if spec.merge_duplicates
        else "copies under the names of several patients are one patient's where the holdout is grouped; the leak "
        "audit looks for copies and near duplicates across pool and holdout",
        "budget": f"{spec.budget} finished trials in every cell; trial 0 is the arm's published default; "
        "a trial that diverges counts with the worst value; no pruning",
        "inner validation": f"{spec.folds} stratified, group-disjoint folds; a trial's value is their mean",
        "tuned metric": spec.tune_metric,
        "sampler": spec.sampler,
        "epochs": f"{spec.min_epochs} to {spec.max_epochs} searched on the log scale, the same for every arm; no early "
        "stopping: validation by epoch is recorded, and decides nothing",
        "batch size": str(spec.batch_size),
        "image size": f"{spec.image_size} px",
        "precision": f"{spec.precision}{_on_card(request)}; heads, normalisation, weights and their updates in float32",
        "shared backbone": f"{spec.backbone}, for every arm{_but(request)}",
        "refit": f"best parameters on the whole subsample, {spec.refits} time(s){_fitted_once(request)}",
        "optimiser": "AdamW, linear warm-up over a tenth of the steps, cosine decay to zero",
        "augmentation": "one family for every arm, one searched strength: rotation, scale, translation, brightness, "
        "contrast, blur, noise, erasing, mixup; left-right flips where the anatomy allows",
        "frozen layers": "their features are cached: each epoch has its own fixed augmented views, and mixup acts "
        "where the frozen part ends",
        **_elsewhere(request),
        "root seed": str(spec.root_seed),
        "determinism": deterministic,
    }
    if all(request.backbone(name) != spec.backbone for name in spec.arms):
        del items["shared backbone"]
    return [{"item": item, "value": value} for item, value in items.items()]


def _on_card(request: Request) -> str:
    """What a card makes of float32."""
    if request.device == "cpu" or request.spec.precision != "float32":
        return ""
    return ", where a card's convolutions round what they multiply to TF32's 10 bits"


def _but(request: Request) -> str:
    """The arms of other networks, as the end of a sentence."""
    others = {name: request.backbone(name) for name in request.spec.arms}
    listed = [f"{name} ({network})" for name, network in others.items() if network != request.spec.backbone]
    return f" but {', '.join(listed)}" if listed else ""


def _fitted_once(request: Request) -> str:
    """What is said of the arms whose fits draw nothing."""
    fitted = [name for name in request.spec.arms if not methods.is_trained(arms.method_of(request.arm(name)))]
    listed = ", ".join(fitted)
    return f"; {listed}: the same fit each time, so it is made once and stands under every refit" if fitted else ""


def _elsewhere(request: Request) -> dict[str, str]:
    """What is said of test sets from elsewhere; nothing without any."""
    spec = request.spec
    labels = [external.label for name in spec.datasets for external in of_target(spec.external, name)]
    if not labels:
        return {}
    return {"test sets from elsewhere": f"{', '.join(labels)}; predicted by the refits, and nothing is tuned on them"}
