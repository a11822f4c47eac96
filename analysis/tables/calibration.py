"""Whether probabilities mean what they say."""

from __future__ import annotations

import math
from itertools import chain

import pandas as pd

from analysis.predictions.block import Block
from analysis.statistics.inference import Inference
from analysis.study.calibration import Calibration, calibrations
from analysis.study.priors import AS_IS, CORRECTED
from analysis.study.study import Study
from analysis.study.threads import in_threads
from analysis.tables._rows import Row

NAME = "calibration"
ORDER = 150
CHAPTER = "Other metrics (exploratory)"
TITLE = "Calibration"
CAPTION = (
    "in_the_large: how far the log odds must be moved for the mean probability to be the observed rate (0 is perfect). "
    "intercept and slope of the recalibration (0 and 1 are perfect). All with 95% intervals. scores: as they "
    "are, which the class-balanced training puts off, and corrected to the holdout's prevalence. With several classes "
    "or labels, the mean over those that have a fit (fits says how many, why_not which have none), then each. The "
    "calibration error is debiased and descriptive."
)
FOLDED = True


def build(study: Study) -> pd.DataFrame:
    """One row an arm and kind of scores; with several classes or labels the mean, and one row each."""
    arms: list[tuple[Block, int, str, str]] = []
    for member, correction in zip(study.blocks, study.corrections, strict=True):
        for a in range(len(member.block.arms)):
            arms.append((member.block, a, AS_IS, "" if correction.made else correction.source))
            if correction.made:
                arms.append((correction.block, a, CORRECTED, ""))
    return pd.DataFrame(list(chain.from_iterable(in_threads(lambda arm: _rows(*arm), arms))))


def _rows(block: Block, a: int, scores: str, note: str) -> list[Row]:
    mean, *apart = calibrations(block, a)
    names = [block.classes[block.columns[0]]] if not apart else ["mean", *(block.classes[k] for k in block.columns)]
    return [
        {
            "dataset": block.dataset,
            "n_per_class": block.n_per_class,
            "arm": block.arms[a],
            "seeds": len(block.seeds),
            "class": name,
            "scores": scores,
        }
        | _columns("in_the_large", fit.in_the_large)
        | _columns("intercept", fit.intercept)
        | _columns("slope", fit.slope)
        | {"calibration_error_debiased": fit.error, "fits": _share(fit), "why_not": fit.why_not, "note": note}
        for name, fit in zip(names, [mean, *apart], strict=True)
    ]


def _share(fit: Calibration) -> str:
    return f"{fit.fitted} of {fit.problems}"


def _columns(name: str, inference: Inference | None) -> Row:
    estimate = math.nan if inference is None else inference.estimate
    low, high = (math.nan, math.nan) if inference is None else inference.interval()
    return {name: estimate, f"{name}_low": low, f"{name}_high": high}
