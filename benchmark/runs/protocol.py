"""The protocol of a run as records for its report: what was done, in the words a reviewer would check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.external import of_target
from benchmark.runs.provenance import kernels

if TYPE_CHECKING:
    from benchmark.runs.records import Record
    from benchmark.runs.request import Request


def protocol_records(request: Request) -> list[Record]:
    """One record (item, value) for every choice that a reader needs in order to judge or repeat the run."""
    spec = request.spec
    deterministic = (
        "the same command gives the same tables, byte for byte, on the same kind of processor, with the same versions "
        f"and kernels (here: {kernels(request.device)})"
        if request.device == "cpu"
        else f"computed on {request.device}: sums run in an order that the device chooses, so scores of a "
        "repeated run can differ in their last digits, and with them the search; augmentation is drawn there, and "
        "is another than the CPU's"
    )
    items = {
        "labelled images per class": f"{', '.join(map(str, spec.n_per_class))}, validation included",
        "training subsamples (seeds)": f"{spec.seeds}, the same for all arms; stratified, spread over patients",
        "holdout": f"{spec.holdout}; touched by the final predictions alone",
        "budget": f"{spec.budget} finished trials in every cell; trial 0 is the arm's published default; "
        "a trial that diverges counts with the worst value; no pruning",
        "inner validation": f"{spec.folds} stratified, group-disjoint folds; a trial's value is their mean",
        "tuned metric": spec.tune_metric,
        "sampler": spec.sampler,
        "epochs": f"{spec.min_epochs} to {spec.max_epochs} searched on the log scale, the same for every arm; no early "
        "stopping: validation by epoch is recorded, and decides nothing",
        "batch size": str(spec.batch_size),
        "image size": f"{spec.image_size} px",
        "precision": f"{spec.precision}; heads, normalisation, weights and their updates in float32",
        "shared backbone": f"{spec.backbone}, for every arm but scratch",
        "refit": f"best parameters on the whole subsample, {spec.refits} time(s)",
        "optimiser": "AdamW, linear warm-up over a tenth of the steps, cosine decay to zero",
        "augmentation": "one family for every arm, one searched strength: rotation, scale, translation, brightness, "
        "contrast, blur, noise, erasing, mixup; left-right flips where the anatomy allows",
        "frozen layers": "their features are cached: each epoch has its own fixed augmented views, and mixup acts "
        "where the frozen part ends",
        **_elsewhere(request),
        "root seed": str(spec.root_seed),
        "determinism": deterministic,
    }
    return [{"item": item, "value": value} for item, value in items.items()]


def _elsewhere(request: Request) -> dict[str, str]:
    """What is said of test sets from elsewhere; nothing without any."""
    spec = request.spec
    labels = [external.label for name in spec.datasets for external in of_target(spec.external, name)]
    if not labels:
        return {}
    return {"test sets from elsewhere": f"{', '.join(labels)}; predicted by the refits, and nothing is tuned on them"}
