"""Decision curves of a block: net benefit of every arm over thresholds, for new seeds and new patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.statistics.bands import deciding, joint_covariance, simultaneous_level
from analysis.statistics.inference import Inference
from analysis.statistics.net_benefit import net_benefit, treat_all
from analysis.study.estimand import infer
from analysis.study.priors import Correction
from benchmark.seeds import rng_for

Floats = npt.NDArray[np.float64]

GRID = np.linspace(0.02, 0.98, 49)  # thresholds
FEWEST_DECIDING = 20  # patients that a threshold's variance must rest on, to have a place in a band
MOST_PAIRS = 15  # of a block with all their differences; of more, only those with the first arm
NUMBERS = 8_000_000  # contributions that are held at one time, which bounds the memory of designs with many arms

ALL = -1  # the row of acting on every image, after those of the arms
Rows = tuple[int, int | None]  # of a curve: an arm, and what is taken off it


@dataclass(frozen=True, eq=False)
class Curve:
    """A net benefit, or a difference of two, over the thresholds: the mean over seeds.

    Attributes:
        inferences: (T) one a threshold, for new seeds and new patients.
        banded: (T,) the thresholds that the band is over: those whose variance rests on `FEWEST_DECIDING` patients.
        level: the two-sided level of each, at which the band covers all of them together with 95%; NaN without any.
    """

    inferences: tuple[Inference, ...]
    banded: npt.NDArray[np.bool_]
    level: float

    @property
    def estimates(self) -> Floats:
        """(T,)."""
        return np.array([inference.estimate for inference in self.inferences])

    @cached_property
    def band(self) -> Floats:
        """(T, 2) the simultaneous 95% band; NaN at thresholds that it is not over."""
        ends = [
            inference.interval(1 - self.level) if inside else (np.nan, np.nan)
            for inference, inside in zip(self.inferences, self.banded, strict=True)
        ]
        return np.array(ends)


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """Net benefits of a block, means over one-versus-rest problems at the same threshold.

    Attributes:
        block: whose.
        kind: of its scores: as they are, or corrected to the holdout's prior.
        thresholds: (T,).
        treat_all: (T,) of acting on every image.
        arms: the curve of every arm.
        gains: the same, less that of the better of acting on all and on none, which is 0.
        differences: (a, b) -> that of arm b less that of arm a; of more than `MOST_PAIRS` pairs those with the first
            arm.
    """

    block: Block
    kind: str
    thresholds: Floats
    treat_all: Floats
    arms: tuple[Curve, ...]
    gains: tuple[Curve, ...]
    differences: Mapping[tuple[int, int], Curve]


def decisions(correction: Correction, thresholds: Floats = GRID) -> Decisions:
    """The decision curves of a block's corrected scores, and where those are not known, of its own.

    Args:
        correction: of the block.
        thresholds: (T,) rising, in (0, 1).
    """
    block = correction.block
    count, seeds = block.scores.shape[:2]
    pairs = [(a, b) for a, b in combinations(range(count), 2) if a == 0 or count * (count - 1) // 2 <= MOST_PAIRS]
    rows: list[Rows] = [(a, None) for a in range(count)]
    rows += [(a, ALL) for a in range(count)]
    rows += [(b, a) for a, b in pairs]
    at_once = max(1, NUMBERS // ((count + 1) * seeds * block.group_count))
    parts = [_part(block, rows, thresholds[first : first + at_once]) for first in range(0, len(thresholds), at_once)]
    values, patients = (np.concatenate([part[i] for part in parts], axis=-1) for i in range(2))
    covariance = np.concatenate([part[2] for part in parts], axis=1)
    curves = []
    for (arm, less), of_curve in zip(rows, covariance, strict=True):
        off = 0.0 if less is None else values[less]
        of_patients = patients[arm] - (0.0 if less is None else patients[less])
        curves.append(_curve(block, values[arm] - off, of_patients, of_curve))
    return Decisions(
        block,
        correction.kind,
        thresholds,
        _treat_all(block, thresholds)[0],
        tuple(curves[:count]),
        tuple(curves[count : 2 * count]),
        dict(zip(pairs, curves[2 * count :], strict=True)),
    )


def _part(block: Block, rows: Sequence[Rows], thresholds: Floats) -> tuple[Floats, Floats, Floats]:
    """What curves are made of, at T of the thresholds.

    Returns:
        (A + 1, S, R, T) net benefits, the last row being the better of acting on all and on none, (A + 1, G, T)
        contributions of the groups to their means over seeds, and (C, T, S, S) covariances of the C curves' seeds.
    """
    arms, seeds, refits, _, _ = block.scores.shape
    groups, problems = block.group_count, len(block.columns)
    values = np.zeros((arms + 1, seeds, refits, len(thresholds)))
    contributions = np.zeros((len(thresholds), arms + 1, seeds, groups))
    of_all, all_parts = _treat_all(block, thresholds)
    values[ALL] = np.maximum(of_all, 0)
    contributions[:, ALL] = (all_parts * (of_all > 0)[:, None])[:, None]
    for k in block.columns:
        known = ~np.isnan(block.truth[:, k])
        truth, of_groups = block.truth[known, k], block.groups[known]
        for a, s, r in np.ndindex(arms, seeds, refits):
            score = block.scores[a, s, r, known, k].astype(np.float64)
            value, parts = net_benefit(truth, score, thresholds, of_groups, groups)
            values[a, s, r] += value / problems
            contributions[:, a, s] += parts / (refits * problems)
    covariance = []
    for arm, less in rows:
        of_curve = contributions[:, arm] if less is None else contributions[:, arm] - contributions[:, less]
        covariance.append(groups / (groups - 1) * (of_curve @ of_curve.transpose(0, 2, 1)))
    return values, contributions.mean(axis=2).transpose(1, 2, 0), np.array(covariance)


def _treat_all(block: Block, thresholds: Floats) -> tuple[Floats, Floats]:
    """(T,) net benefit of acting on every image, and (T, G) contributions of the groups."""
    total, contributions = np.zeros(len(thresholds)), np.zeros((len(thresholds), block.group_count))
    for k in block.columns:
        known = ~np.isnan(block.truth[:, k])
        value, parts = treat_all(block.truth[known, k], thresholds, block.groups[known], block.group_count)
        total += value / len(block.columns)
        contributions += parts / len(block.columns)
    return total, contributions


def _curve(block: Block, values: Floats, patients: Floats, covariance: Floats) -> Curve:
    """A curve with its band, from (S, R, T) values, (G, T) contributions of the patients and (T, S, S) covariances."""
    means = values.mean(axis=1)
    inferences = tuple(
        infer(block, means[:, t], of_threshold, values[..., t]) for t, of_threshold in enumerate(covariance)
    )
    inside = (deciding(patients) >= FEWEST_DECIDING) & (np.array([i.se for i in inferences]) > 0)
    if not inside.any():
        return Curve(inferences, inside, np.nan)
    of_seeds, of_patients = np.array([(i.seed_part, i.patient_part) for i in inferences])[inside].T
    together = joint_covariance(means[:, inside], patients[:, inside], of_seeds, of_patients)
    # The stream is the same for every curve: what is drawn are normal deviates, of which the curves make their own.
    return Curve(inferences, inside, simultaneous_level(together, rng_for(0, "bands")))
