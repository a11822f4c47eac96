"""Calibration: slope and intercept with joint intervals, and a debiased calibration error as a
description."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.statistics.inference import joint
from analysis.statistics.metrics import CLIP

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

BINS = 15
STEPS = 50


def logistic(truth: Floats, probability: Floats, groups: npt.NDArray[np.intp], count: int) -> tuple[Floats, Floats]:
    """Intercept and slope of the recalibration logit(y) = a + b logit(p) (Cox, Biometrika 1958), perfect at
    (0, 1).

    Args:
        truth: (N,) 1 or 0.
        probability: (N,).
        groups: (N,) codes below `count`.
        count: G.

    Returns:
        (2,) intercept and slope, and (G, 2) contributions of the groups to first order. Where the classes are
        separated, or every score is the same, no finite fit exists: NaN.
    """
    clipped = np.clip(probability.astype(np.float64), CLIP, 1 - CLIP)
    x = np.column_stack([np.ones(len(clipped)), np.log(clipped / (1 - clipped))])
    beta = np.array([0.0, 1.0])
    failed = np.full(2, np.nan), np.full((count, 2), np.nan)
    if np.ptp(x[:, 1]) == 0:
        return failed
    for _ in range(STEPS):
        fitted = 1 / (1 + np.exp(-np.clip(x @ beta, -700, 700)))
        hessian = (x * (fitted * (1 - fitted))[:, None]).T @ x
        if np.linalg.cond(hessian) > 1e14:
            return failed
        step = np.linalg.solve(hessian, x.T @ (truth - fitted))
        # A long Newton step overshoots where the scores are far from calibrated.
        beta = beta + step / max(1.0, float(np.abs(step).max()) / 2)
        if np.abs(step).max() < 1e-10:
            break
    else:
        return failed
    residual = x * (truth - fitted)[:, None]
    sums = np.column_stack([np.bincount(groups, weights=residual[:, j], minlength=count) for j in range(2)])
    return beta, np.asarray(sums @ np.linalg.inv(hessian))


def calibration_error(truth: Floats, probability: Floats, bins: int = BINS) -> float:
    """Root mean squared calibration error in bins of equal size, debiased (Broecker, Climate Dynamics 2012).

    The plain error of a perfectly calibrated model is far above zero in small samples; here each bin's
    expected noise is taken off, and what is left below zero is zero.
    """
    order = np.argsort(probability, kind="stable")
    total = 0.0
    for part in np.array_split(order, min(bins, max(1, len(order) // 2))):
        rate, size = float(truth[part].mean()), len(part)
        noise = rate * (1 - rate) / (size - 1) if size > 1 else 0.0
        total += size / len(order) * ((rate - float(probability[part].mean())) ** 2 - noise)
    return float(np.sqrt(max(total, 0.0)))


def table(blocks: Sequence[Block]) -> pd.DataFrame:
    """One row an arm: mean over seeds of intercept and slope with joint intervals, and of the debiased error.

    With several classes or labels all are means over one-versus-rest problems; refits are averaged.
    """
    import pandas as pd

    rows = []
    for block in blocks:
        for a, arm in enumerate(block.arms):
            rows.append({"dataset": block.dataset, "n_per_class": block.n_per_class, "arm": arm} | _arm(block, a))
    return pd.DataFrame(rows)


def _arm(block: Block, a: int) -> dict[str, Any]:
    _, seeds, refits, _, _ = block.scores.shape
    count = int(block.groups.max()) + 1
    values, parts, errors = np.zeros((seeds, 2)), np.zeros((seeds, count, 2)), []
    share = 1 / (refits * len(block.columns))
    for s in range(seeds):
        for r in range(refits):
            for k in block.columns:
                known = ~np.isnan(block.truth[:, k])
                truth, score = block.truth[known, k], block.scores[a, s, r, known, k].astype(np.float64)
                fitted, each = logistic(truth, score, block.groups[known], count)
                values[s] += share * fitted
                parts[s] += share * each
                errors.append(calibration_error(truth, score))
    found: dict[str, Any] = {"seeds": seeds}
    for j, name in enumerate(("intercept", "slope")):
        if not np.isfinite(values[:, j]).all():
            found |= {name: np.nan, f"{name}_low": np.nan, f"{name}_high": np.nan}
            continue
        contributions = parts[..., j]
        inference = joint(values[:, j], count / (count - 1) * (contributions @ contributions.T), block.rho)
        low, high = inference.interval()
        found |= {name: inference.estimate, f"{name}_low": low, f"{name}_high": high}
    return found | {"calibration_error_debiased": float(np.mean(errors))}
