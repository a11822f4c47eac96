"""Classical paired tests of two trained models on one holdout. They say nothing of new training samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.statistics.groups import group_count
from analysis.statistics.inference import two_sided

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]

BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float64)  # (256, 8), the highest first


@dataclass(frozen=True, eq=False)
class Ranks:
    """A model's midranks among the known images of one class or label, and what a pooled ranking takes from them.

    Attributes:
        known: (n,) the known images.
        positive: (n,) which of them are.
        place: (n,) twice their midranks.
        positives, negatives: (2n + 1,) twice the number of either below a place, and once that at it.
    """

    known: Integers
    positive: npt.NDArray[np.bool_]
    place: Integers
    positives: Integers
    negatives: Integers


def ranks(truth: Floats, scores: npt.NDArray[np.floating[Any]]) -> tuple[Ranks, ...]:
    """The ranks of a model, one a class or label, for `auroc_permutation`.

    Args:
        truth: (N, K) 1, 0, or NaN for unknown ones, which are left out; one column a class or label.
        scores: (N, K).
    """
    from scipy.stats import rankdata

    columns = []
    for column, score in zip(truth.T, scores.T, strict=True):
        known = np.flatnonzero(~np.isnan(column))
        positive, place = column[known] > 0.5, np.rint(2 * rankdata(score[known])).astype(np.intp)
        at = [np.bincount(place[side], minlength=2 * len(known) + 1) for side in (positive, ~positive)]
        columns.append(Ranks(known, positive, place, *(2 * np.cumsum(number) - number for number in at)))
    return tuple(columns)


def auroc_permutation(
    first: Sequence[Ranks],
    second: Sequence[Ranks],
    groups: Integers,
    permutations: int,
    rng: np.random.Generator,
) -> float:
    """Permutation p-value of equal (macro) AUROC: the two models' scores are swapped, group by group.

    Scores are turned into midranks first, so that they are exchangeable whatever their scales (Venkatraman
    and Begg, Biometrika 1996; Bandos, Rockette and Gur, Statistics in Medicine 2005).

    Args:
        first, second: the models, by `ranks` of the same truth.
        groups: (N,) codes 0..G-1; the images of one group are swapped together, in all columns.
        permutations: B.
        rng: of the swaps.

    Returns:
        (k + 1) / (B + 1), with k the permuted differences at least as large as the observed one.
    """
    gains = _gains(first, second, groups)
    total = float(gains.sum())
    extreme = 0
    for start in range(0, permutations, 64):
        size = min(64, permutations - start)
        swapped = np.frombuffer(rng.bytes(8 * len(gains)), dtype=np.uint8).reshape(-1, 8)
        # Eight permutations a byte: the groups are first summed by what their byte is.
        sums = [np.bincount(of_eight, gains, minlength=256) @ BITS for of_eight in swapped.T]
        drawn = total - 2 * np.concatenate(sums)[:size]
        extreme += int((np.abs(drawn) >= abs(total) - 1e-12).sum())
    return (extreme + 1) / (permutations + 1)


def _gains(first: Sequence[Ranks], second: Sequence[Ranks], groups: Integers) -> Floats:
    """(G,) parts of the first model's AUROC minus the second's, each of which a swap of its group turns round.

    Let the images of both models be one ranking, s(x) the number of negatives of either model below a positive x, or of
    positives above a negative x, and one half for each that ties, and w(x) 1 where a swap gives x to the first model,
    else 0. The pairs of one model less those of the other are the sum of (w(x) + w(y) - 1) over all ordered pairs
    (x, y), which is the sum of w(x) s(x) less half that of s(x): half of s(x) where w(x) = 1, and minus half where not.
    """
    gains = np.zeros(group_count(groups))
    for one, other in zip(first, second, strict=True):
        positive = one.positive
        most = 2 * int(positive.sum())  # positives of both models
        below, above = one.negatives + other.negatives, 2 * most - one.positives - other.positives
        score = [np.where(positive, below[model.place], above[model.place]) for model in (one, other)]
        pairs = most * (len(positive) - most // 2)  # twice those of one model
        gains += np.bincount(groups[one.known], (score[0] - score[1]) / 2, len(gains)) / (pairs * len(first))
    return gains


def mcnemar(only_first: int, only_second: int) -> tuple[float, float, float]:
    """McNemar's test of two discordant counts (Psychometrika 1947).

    Returns:
        The statistic with continuity correction, its p-value, and the exact binomial p-value. Without any
        discordant case nothing differs: 0, 1, 1.
    """
    from scipy.stats import binom, chi2

    total = only_first + only_second
    if total == 0:
        return 0.0, 1.0, 1.0
    statistic = max(abs(only_first - only_second) - 1, 0) ** 2 / total
    exact = min(1.0, 2 * float(binom.cdf(min(only_first, only_second), total, 0.5)))
    return statistic, float(chi2.sf(statistic, 1)), exact


def clustered_mcnemar(
    correct_first: npt.NDArray[np.bool_], correct_second: npt.NDArray[np.bool_], groups: npt.NDArray[np.intp]
) -> tuple[float, float, float]:
    """Difference in accuracy, its standard error and p-value, robust to several images a group.

    The sum of each group's discordances is squared (Durkalski et al., Statistics in Medicine 2003; Yang, Sun
    and Hardin, Statistics in Medicine 2010). With one image a group its square is McNemar's statistic without
    correction.

    Args:
        correct_first, correct_second: (N,) whether each model is right.
        groups: (N,) codes.
    """
    gains = np.bincount(groups, weights=correct_second.astype(np.float64) - correct_first)
    images = len(groups)
    mean, se = float(gains.sum()) / images, float(np.sqrt((gains**2).sum())) / images
    return mean, se, two_sided(mean, se, np.inf)
