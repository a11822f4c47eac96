"""What the intervals of a study are about, and which captions say so."""

from __future__ import annotations

from typing import Protocol

from analysis.predictions.block import Estimand
from analysis.study.estimand import answered
from analysis.study.study import Study

MODELS = "these trained models and new patients"
ABOUT: dict[Estimand, str] = {
    "population": "new patients and new training samples together",
    "pool": "new patients and new training samples from the same pool together",
    "models": MODELS,
}
OF_MODELS = f"Here the trained models are held fixed: every interval is about {MODELS}."
OF_SEVERAL = ("joint", "new training sample", "new seeds")  # words of a caption that speaks of new training samples


class Captioned(Protocol):
    """A table or a figure; it may have a CAPTION_MODELS for studies that hold the trained models fixed."""

    CAPTION: str


def models_fixed(study: Study) -> bool:
    """Whether every interval holds the trained models fixed: that was asked, or no block has a second sample."""
    return all(answered(member.block) == "models" for member in study.blocks)


def intervals_about(study: Study) -> str:
    """What intervals and p-values are about, as the end of a sentence."""
    if models_fixed(study):
        return MODELS
    single = "; ".join(member.block.title for member in study.blocks if answered(member.block) == "models")
    return ABOUT[study.estimand] + (f"; for {MODELS} in {single}" if single else "")


def caption_of(shown: Captioned, models_fixed: bool) -> str:
    """How a table or a figure is read; where no interval is about new training samples, the caption says so."""
    if not models_fixed:
        return shown.CAPTION
    general = f"{shown.CAPTION} {OF_MODELS}" if any(words in shown.CAPTION for words in OF_SEVERAL) else shown.CAPTION
    return str(getattr(shown, "CAPTION_MODELS", general))
