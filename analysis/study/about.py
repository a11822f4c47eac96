"""What the intervals of a study are about: new training samples too, or these trained models alone."""

from __future__ import annotations

from typing import Protocol

from analysis.study.study import Study

OF_ONE_SEED = "Here there is one training sample: every interval is about these trained models and new patients."
OF_SEVERAL = ("joint", "new training sample", "new seeds")  # words of a caption that speaks of new training samples


class Captioned(Protocol):
    """A table or a figure; it may have a CAPTION_ONE_SEED for studies of one training sample."""

    CAPTION: str


def one_seed(study: Study) -> bool:
    """Whether no block has a second training sample, so that every interval holds the trained models fixed."""
    return all(len(member.block.seeds) == 1 for member in study.blocks)


def intervals_about(study: Study) -> str:
    """What intervals and p-values are about, as the end of a sentence."""
    together = "new patients and new training samples together"
    if one_seed(study):
        return "these trained models and new patients"
    single = [f"{m.block.dataset}, n = {m.block.n_per_class}" for m in study.blocks if len(m.block.seeds) == 1]
    return together + (f"; for these trained models and new patients in {'; '.join(single)}" if single else "")


def caption_of(shown: Captioned, one_seed: bool) -> str:
    """How a table or a figure is read; where no interval is about new training samples, the caption says so."""
    if not one_seed:
        return shown.CAPTION
    general = f"{shown.CAPTION} {OF_ONE_SEED}" if any(words in shown.CAPTION for words in OF_SEVERAL) else shown.CAPTION
    return str(getattr(shown, "CAPTION_ONE_SEED", general))
