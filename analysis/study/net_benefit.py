"""Decision curves of a block: net benefit of every arm over thresholds, for new seeds and new patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.statistics.inference import Inference
from analysis.statistics.net_benefit import net_benefit, treat_all
from analysis.study.estimand import infer
from analysis.study.priors import Correction

Floats = npt.NDArray[np.float64]

GRID = np.linspace(0.02, 0.98, 49)  # thresholds


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """Net benefits of a block, means over one-versus-rest problems at the same threshold.

    Attributes:
        block: whose.
        kind: of its scores: as they are, or corrected to the holdout's prior.
        thresholds: (T,).
        values: (A, S, R, T).
        covariance: (A, T, S, S) of an arm's values over new patients.
        treat_all: (T,) of acting on every image.
        gain_covariance: (A, T, S, S) of an arm's values less `treat_all`.
    """

    block: Block
    kind: str
    thresholds: Floats
    values: Floats
    covariance: Floats
    treat_all: Floats
    gain_covariance: Floats

    def arm(self, a: int, t: int) -> Inference:
        """The net benefit of arm a at threshold number t."""
        return self._joint(self.values[a, ..., t], self.covariance[a, t])

    def gain(self, a: int, t: int) -> Inference:
        """The same, less that of the better of acting on all and on none, which is 0."""
        if self.treat_all[t] <= 0:
            return self.arm(a, t)
        return self._joint(self.values[a, ..., t] - self.treat_all[t], self.gain_covariance[a, t])

    def _joint(self, values: Floats, covariance: Floats) -> Inference:
        return infer(self.block, values.mean(axis=1), covariance, values)


def decisions(correction: Correction, thresholds: Floats = GRID) -> Decisions:
    """The decision curves of a block's corrected scores, and where those are not known, of its own.

    Args:
        correction: of the block.
        thresholds: (T,) rising, in (0, 1).
    """
    block = correction.block
    arms, seeds, refits, _, _ = block.scores.shape
    size, groups = len(thresholds), block.group_count
    of_all, all_parts = np.zeros(size), np.zeros((size, groups))
    for k in block.columns:
        known = ~np.isnan(block.truth[:, k])
        value, parts = treat_all(block.truth[known, k], thresholds, block.groups[known], groups)
        of_all += value / len(block.columns)
        all_parts += parts / len(block.columns)
    values = np.zeros((arms, seeds, refits, size))
    covariance, gain_covariance = (np.zeros((arms, size, seeds, seeds)) for _ in range(2))
    for a in range(arms):
        values[a], parts = _of_arm(block, a, thresholds)
        covariance[a] = _covariance(parts)
        gain_covariance[a] = _covariance(parts - all_parts[:, None])
    return Decisions(block, correction.kind, thresholds, values, covariance, of_all, gain_covariance)


def _of_arm(block: Block, a: int, thresholds: Floats) -> tuple[Floats, Floats]:
    """(S, R, T) net benefits, and (T, S, G) contributions of the groups."""
    _, seeds, refits, _, _ = block.scores.shape
    groups, size, problems = block.group_count, len(thresholds), len(block.columns)
    values, contributions = np.zeros((seeds, refits, size)), np.zeros((size, seeds, groups))
    for k in block.columns:
        known = ~np.isnan(block.truth[:, k])
        truth, of_groups = block.truth[known, k], block.groups[known]
        for s, r in np.ndindex(seeds, refits):
            score = block.scores[a, s, r, known, k].astype(np.float64)
            value, parts = net_benefit(truth, score, thresholds, of_groups, groups)
            values[s, r] += value / problems
            contributions[:, s] += parts / (refits * problems)
    return values, contributions


def _covariance(contributions: Floats) -> Floats:
    """(T, S, G) contributions to (T, S, S) covariances over new groups."""
    groups = contributions.shape[2]
    return np.asarray(groups / (groups - 1) * (contributions @ contributions.transpose(0, 2, 1)))
