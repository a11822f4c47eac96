"""The models of every arm in numbers and words, as the run's folder tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.study.arm_facts import title_of
from analysis.study.run_facts import Record, RunFacts
from analysis.study.study import Study
from benchmark.results import own_and_other

RANDOM = "random weights"
NOT_RECORDED = "not recorded"


@dataclass(frozen=True, slots=True)
class ModelWords:
    """What is said of the models of one arm on one data set; "not recorded" where the run does not tell.

    Attributes:
        dataset, arm, title: which, and what it is.
        layers, parameters, learned: of the refitted networks, over seeds and n; a range where they differ.
        images: what comes in, and how it is normalised.
        weights, corpus, licence, sha256: what they start from, and what trained that.
    """

    dataset: str
    arm: str
    title: str
    layers: str
    parameters: str
    learned: str
    images: str
    weights: str
    corpus: str
    licence: str
    sha256: str


def models_of(study: Study) -> list[ModelWords]:
    """Every arm of every data set; empty without a run's folder."""
    if study.run is None:
        return []
    arms = {
        (member.block.dataset, arm): None for member in study.blocks for arm in member.block.arms
    }  # a dictionary keeps their order
    return [_words(study.run, dataset, arm) for dataset, arm in arms]


def _words(run: RunFacts, dataset: str, arm: str) -> ModelWords:
    own, _ = own_and_other(dataset)
    wanted = {"dataset": own, "arm": arm}
    cells = [done for done in run.cells if _matches(done.get("cell"), wanted)]
    models = [model for done in cells if isinstance(model := done.get("model"), Mapping)]
    weights = next((row for row in run.records("weights") if _matches(row, wanted)), None)
    inputs = run.described.get("inputs")
    inputs = inputs if isinstance(inputs, Mapping) else {}
    start = RANDOM if f"data {own}" in inputs else NOT_RECORDED
    digest = inputs.get(f"weights {own}/{arm}", "")
    return ModelWords(
        dataset,
        arm,
        title_of(run.described, arm),
        _range(models, "layers"),
        _range(models, "parameters"),
        _range(models, "learned"),
        _images(run, models),
        start if weights is None else str(weights.get("source", NOT_RECORDED)),
        "" if weights is None else str(weights.get("trained_on", NOT_RECORDED)),
        "" if weights is None else str(weights.get("licence", NOT_RECORDED)),
        "" if weights is None else str(digest or weights.get("sha256", "")),
    )


def _matches(row: object, wanted: Mapping[str, str]) -> bool:
    return isinstance(row, Mapping) and all(row.get(name) == value for name, value in wanted.items())


def _range(models: Sequence[Record], name: str) -> str:
    numbers = sorted({int(model[name]) for model in models if isinstance(model.get(name), int)})
    if not numbers:
        return NOT_RECORDED
    return f"{numbers[0]:,}" if len(numbers) == 1 else f"{numbers[0]:,} to {numbers[-1]:,}"


def _images(run: RunFacts, models: Sequence[Record]) -> str:
    """``64 x 64 x 1, (x - 0.5) / 0.25``: what comes in and how it is normalised."""
    size: Any = next((model.get("image_size") for model in models), None) or run.setting("image_size")
    if size is None:
        return NOT_RECORDED
    text = f"{size} x {size}"
    if models:
        text += f" x {models[0].get('channels', '?')}"
        mean, std = models[0].get("mean"), models[0].get("std")
        if mean and std:
            text += f", minus {_listed(mean)}, over {_listed(std)}"
    return f"{text} (pixels in [0, 1])"


def _listed(values: Sequence[float]) -> str:
    values = values[:1] if len(set(values)) == 1 else values
    return " / ".join(f"{value:g}" for value in values)
