"""The flow of the data: what there was, what was left out, what was learnt from and what was predicted."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.study.run_facts import Record, RunFacts
from analysis.study.study import Study


@dataclass(frozen=True, slots=True)
class Step:
    """A step on the way of a data set's images: how many, of how many patients or lesions; None where not known."""

    dataset: str
    step: str
    images: int | None
    groups: int | None
    note: str = ""


def flow(study: Study) -> list[Step]:
    """The steps of every data set, in order; empty without a run's folder."""
    if study.run is None:
        return []
    datasets = dict.fromkeys(member.block.dataset for member in study.blocks)
    return [step for dataset in datasets for step in _of_dataset(study, study.run, dataset)]


def _of_dataset(study: Study, run: RunFacts, dataset: str) -> list[Step]:
    parts = {str(row.get("part")): row for row in run.records("data") if row.get("dataset") == dataset}
    if "pool" not in parts or len(parts) < 2:
        return []
    pool, (name, held) = parts["pool"], next(item for item in parts.items() if item[0] != "pool")
    facts = study.predictions.facts.get(dataset, {})
    skipped, joined = int(facts.get("skipped_images", 0)), int(facts.get("groups_joined", 0))
    note = f"{joined} groups joined to others, whose images they copy" if joined else ""
    images, groups = _count(pool, "images") + _count(held, "images"), _count(pool, "groups") + _count(held, "groups")
    steps = [Step(dataset, "indexed", images + skipped, None if skipped else groups, str(facts.get("part", "")))]
    steps.append(Step(dataset, "left out: unreadable", skipped, None if skipped else 0))
    steps.append(Step(dataset, "analysed", images, groups, note))
    steps.append(Step(dataset, "pool", _count(pool, "images"), _count(pool, "groups")))
    for n in dict.fromkeys(row.get("n_per_class") for row in run.records("subsamples") if row["dataset"] == dataset):
        drawn = [row for row in run.records("subsamples") if (row["dataset"], row.get("n_per_class")) == (dataset, n)]
        short = next((str(row["short"]) for row in drawn if row.get("short")), "")
        text = f"{len(drawn)} seeds, smallest shown" + (f"; all there is of {short}" if short else "")
        least = min(drawn, key=lambda row: (_count(row, "images"), _count(row, "groups")))
        steps.append(Step(dataset, f"training sample, n = {n}", _count(least, "images"), _count(least, "groups"), text))
    steps.append(Step(dataset, name, _count(held, "images"), _count(held, "groups"), "predicted once, at the end"))
    return steps


def _count(row: Record, name: str) -> int:
    return int(row.get(name, 0))
