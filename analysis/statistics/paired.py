"""Classical paired tests of two trained models on one holdout. They say nothing of new training samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.statistics import kernels
from analysis.statistics.groups import group_count
from analysis.statistics.inference import two_sided
from benchmark import metrics

Floats = npt.NDArray[np.float64]


def auroc_permutation(
    truth: Floats,
    first: npt.NDArray[np.floating[Any]],
    second: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.intp],
    permutations: int,
    rng: np.random.Generator,
) -> float:
    """Permutation p-value of equal (macro) AUROC: the two models' scores are swapped, group by group.

    Scores are turned into midranks first, so that they are exchangeable whatever their scales (Venkatraman
    and Begg, Biometrika 1996; Bandos, Rockette and Gur, Statistics in Medicine 2005).

    Args:
        truth: (N, K) 1, 0, or NaN for unknown ones, which are left out; one column a class or label.
        first, second: (N, K) scores.
        groups: (N,) codes 0..G-1; the images of one group are swapped together, in all columns.
        permutations: B.
        rng: of the swaps.

    Returns:
        (k + 1) / (B + 1), with k the permuted differences at least as large as the observed one.
    """
    count = group_count(groups)
    auroc = metrics.find("auroc")
    columns = [_pooled(truth[:, k], first[:, k], second[:, k], groups, count) for k in range(truth.shape[1])]

    def differences(swapped: npt.NDArray[np.uint8]) -> Floats:
        """(L,) AUROC of the first model minus the second's, under (G, L) swaps."""
        # An image of the pooled ranking weighs 1 in the model that it is given to, 0 in the other.
        given = np.concatenate([1 - swapped, swapped])
        values = [
            [kernels.evaluate((auroc,), vectors, w)[auroc.name][0] for w in (given[codes], 1 - given[codes])]
            for vectors, codes in columns
        ]
        return np.asarray(np.mean([own - other for own, other in values], axis=0))

    observed = abs(float(differences(np.zeros((count, 1), dtype=np.uint8))[0]))
    extreme = 0
    for start in range(0, permutations, 64):
        size = min(64, permutations - start)
        bits = np.frombuffer(rng.bytes(8 * count), dtype=np.uint8).reshape(count, 8)
        drawn = differences(np.unpackbits(bits, axis=1)[:, :size])
        extreme += int((np.abs(drawn) >= observed - 1e-12).sum())
    return (extreme + 1) / (permutations + 1)


def _pooled(
    truth: Floats,
    first: npt.NDArray[np.floating[Any]],
    second: npt.NDArray[np.floating[Any]],
    groups: npt.NDArray[np.intp],
    count: int,
) -> tuple[kernels.Sorted, npt.NDArray[np.intp]]:
    """The known images' midranks in both models as one ranking, and their codes.

    Args:
        truth, first, second, groups: (N,) of one class or label.
        count: G.

    Returns:
        One sorted vector of 2n images, the n known ones in the first model and then in the second, and their (2n,)
        codes: the group, and in the second model G more.
    """
    from scipy.stats import rankdata

    known = np.flatnonzero(~np.isnan(truth))
    ranks = np.concatenate([rankdata(first[known]), rankdata(second[known])])
    vectors = kernels.sort(np.concatenate([truth[known], truth[known]]), ranks[None])
    return vectors, np.concatenate([groups[known], groups[known] + count])


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
