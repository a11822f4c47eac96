"""Calibration of one arm: joint intervals of its recalibrations, and the debiased error as a description."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.statistics.calibration import Fit, calibration_error, in_the_large, logistic
from analysis.statistics.inference import Inference
from analysis.study.estimand import infer

Floats = npt.NDArray[np.float64]
Recalibrate = Callable[[Floats, Floats, npt.NDArray[np.intp], int], Fit]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Means over seeds, refits and some one-versus-rest problems.

    Attributes:
        in_the_large: the recalibration's intercept with the slope fixed at 1, perfect at 0.
        intercept, slope: of the recalibration, perfect at 0 and 1; None where no problem has a finite fit.
        error: root mean squared calibration error, debiased.
        fitted: number of problems that intercept and slope are means over: those with a fit in every seed and refit.
        problems: number of problems in all.
        why_not: names the others, and says why they have no fit.
    """

    in_the_large: Inference | None
    intercept: Inference | None
    slope: Inference | None
    error: float
    fitted: int
    problems: int
    why_not: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """One class or label against the rest.

    Attributes:
        name: of the class or label.
        large, values: (S, R, 1) and (S, R, 2) coefficients of the refits; NaN where a fit is missing.
        of_large, of_values: (S, G, 1) and (S, G, 2) contributions of the groups.
        error: the calibration error.
        why_not: the reasons of missing fits, and their seeds.
    """

    name: str
    large: Floats
    of_large: Floats
    values: Floats
    of_values: Floats
    error: float
    why_not: str


def calibrations(block: Block, a: int) -> tuple[Calibration, ...]:
    """The calibration of arm a for new seeds and new patients: the mean over problems, then each problem.

    A binary task is one problem, and has the mean alone.
    """
    problems = [_problem(block, a, k) for k in block.columns]
    mean = _mean(block, problems)
    return (mean,) if len(problems) == 1 else (mean, *(_mean(block, [problem]) for problem in problems))


def calibration(block: Block, a: int) -> Calibration:
    """The mean of `calibrations` over problems."""
    return calibrations(block, a)[0]


def _problem(block: Block, a: int, k: int) -> _Problem:
    known = ~np.isnan(block.truth[:, k])
    truth = block.truth[known, k]
    errors = [
        calibration_error(truth, score.astype(np.float64))
        for score in block.scores[a, ..., k].reshape(-1, len(known))[:, known]
    ]
    large, of_large, _ = _fits(block, a, k, in_the_large, 1)
    values, of_values, why_not = _fits(block, a, k, logistic, 2)
    return _Problem(block.classes[k], large, of_large, values, of_values, float(np.mean(errors)), why_not)


def _fits(block: Block, a: int, k: int, recalibrate: Recalibrate, width: int) -> tuple[Floats, Floats, str]:
    """(S, R, C) coefficients, (S, G, C) contributions, and why some are missing; C = `width`."""
    _, seeds, refits, _, _ = block.scores.shape
    known = ~np.isnan(block.truth[:, k])
    truth, groups, count = block.truth[known, k], block.groups[known], block.group_count
    values, contributions = np.zeros((seeds, refits, width)), np.zeros((seeds, count, width))
    reasons: dict[str, dict[int, None]] = {}
    for s, r in np.ndindex(seeds, refits):
        fit = recalibrate(truth, block.scores[a, s, r, known, k].astype(np.float64), groups, count)
        values[s, r] = fit.coefficients
        contributions[s] += fit.contributions / refits
        if fit.why_not:
            reasons.setdefault(fit.why_not, {})[block.seeds[s]] = None
    texts = [f"{reason} (seed {', '.join(map(str, of_seeds))})" for reason, of_seeds in reasons.items()]
    return values, contributions, "; ".join(texts)


def _mean(block: Block, problems: Sequence[_Problem]) -> Calibration:
    fitted = [problem for problem in problems if np.isfinite(problem.values).all()]
    large = [(problem.large[..., 0], problem.of_large[..., 0]) for problem in problems]
    intercept, slope = (
        _inference(block, [(problem.values[..., j], problem.of_values[..., j]) for problem in fitted]) for j in range(2)
    )
    return Calibration(
        _inference(block, large),
        intercept,
        slope,
        float(np.mean([problem.error for problem in problems])),
        len(fitted),
        len(problems),
        "; ".join(f"{problem.name}: {problem.why_not}" for problem in problems if problem.why_not),
    )


def _inference(block: Block, parts: Sequence[tuple[Floats, Floats]]) -> Inference | None:
    """Inference on the mean of several (S, R) values, from their groups' contributions (S, G)."""
    if not parts:
        return None
    values = np.mean([value for value, _ in parts], axis=0)
    contributions = np.mean([contribution for _, contribution in parts], axis=0)
    if not np.isfinite(values).all():
        return None
    groups = contributions.shape[1]
    covariance = groups / (groups - 1) * (contributions @ contributions.T)
    return infer(block, values.mean(axis=1), covariance, values, contributions=contributions)
