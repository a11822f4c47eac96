"""What a plan tells the report: records of the data, the subsamples, the weights and their pretraining."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmark.arms import trained_on
from benchmark.weights.checkpoint import read_card

if TYPE_CHECKING:
    from benchmark.arm import Arm
    from benchmark.images.contract import Images
    from benchmark.images.subsample import Overlap, Subsample
    from benchmark.weights.find import WeightFile

Record = dict[str, Any]


def data_records(images: Images) -> list[Record]:
    """Counts of a data set for the report: images and groups of each class, in pool and holdout."""
    records = []
    for part, rows in (("pool", images.pool), ("holdout", images.holdout)):
        record: Record = {
            "dataset": images.dataset,
            "part": part if part == "pool" else f"holdout ({images.facts['holdout']})",
            "images": int(rows.sum()),
            "groups": len(set(images.groups[rows])),
        }
        for k, label in enumerate(images.classes):
            record[str(label)] = int((images.labels[rows, k] > 0.5).sum())
        records.append(record)
    return records


def characteristic_records(images: Images) -> list[Record]:
    """Images and groups of every attribute's value, in pool and holdout; none where the data set tells no attribute."""
    records = []
    for attribute, values in images.attributes.items():
        for value in sorted(set(values)):
            rows = values == value
            record: Record = {"dataset": images.dataset, "attribute": attribute, "value": str(value)}
            for part, side in (("pool", rows & images.pool), ("holdout", rows & images.holdout)):
                record |= {f"{part}_images": int(side.sum()), f"{part}_groups": len(set(images.groups[side]))}
            records.append(record)
    return records


def class_counts(images: Images, drawn: Subsample) -> str:
    """``normal 100, pneumonia 100``: what was drawn of each class."""
    labels = images.labels[drawn.indices] > 0.5
    counts = Counter({str(label): int(labels[:, k].sum()) for k, label in enumerate(images.classes)})
    return ", ".join(f"{label} {count}" for label, count in counts.items())


def overlap_text(overlap: Overlap) -> str:
    """``akiec 0.66, nv 0.00``: what the seeds share of each class."""
    return ", ".join(f"{label} {share:.2f}" for label, share in overlap.by_class.items())


def subsample_record(images: Images, n: int, seed: int, drawn: Subsample, overlap: Overlap) -> Record:
    """One subsample for the report: images, groups, what the seeds share, and the classes that could not supply n."""
    short = ", ".join(f"{label} {count}" for label, count in drawn.shortfalls.items())
    return {
        "dataset": images.dataset,
        "n_per_class": n,
        "seed": seed,
        "images": len(drawn.indices),
        "groups": len(set(images.groups[drawn.indices])),
        "overlap": overlap.rho,
        "overlap_by_class": overlap_text(overlap),
        "short": short,
    }


def weight_record(dataset: str, arm: Arm, file: WeightFile) -> Record:
    """What an arm starts from."""
    return {
        "dataset": dataset,
        "arm": arm.name,
        "source": file.source.name,
        "file": file.path.name,
        "sha256": file.sha256,
        "trained_on": ", ".join(trained_on(arm, file)),
        "started_from": started_from(file),
        "licence": file.source.licence,
    }


def started_from(file: WeightFile) -> str:
    """What a checkpoint with a card of ours was pretrained from: a source, or random weights; "" if not known."""
    card = file.card or {}
    if "started_from" not in card:
        return ""
    start = card["started_from"]
    if isinstance(start, Mapping) and start.get("name"):
        settings = card.get("settings")
        from_imagenet = isinstance(settings, Mapping) and settings.get("start") == "imagenet"
        role = "ImageNet weights" if from_imagenet else "weights"
        return f"{role} ({start['name']})"
    return "random weights (medical-only)" if start is None and file.source.role == "medical" else ""


def pretraining_records(file: WeightFile) -> list[Record]:
    """The card of a checkpoint of ours, a record for every source that it learned from; none for other files.

    A user may have laid a card of another form beside a file: it gives no records either.
    """
    card = read_card(file.path) or {}
    settings: Any = card.get("settings")
    sources: Any = card.get("sources")
    scores: Any = card.get("validation_auroc")
    listed = all(isinstance(values, list) and values for values in (sources, scores))
    if not listed or not all(isinstance(value, dict) for value in (settings, *sources, scores[-1])):
        return []
    started = card.get("started_from")
    return [
        {
            "file": file.path.name,
            "source": source.get("name"),
            "training_images": source.get("training_images"),
            "validation_images": source.get("validation_images"),
            "outputs": len(source.get("classes", ())),
            "validation_auroc": scores[-1].get(source.get("name")),
            "epochs": settings.get("epochs"),
            "image_size": settings.get("image_size"),
            "started_from": started.get("name") if isinstance(started, dict) else "random weights",
        }
        for source in sources
    ]
