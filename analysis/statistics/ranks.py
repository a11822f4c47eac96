"""Rank tests over data sets, for studies that have enough of them; refused below six, with the reason."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError

Floats = npt.NDArray[np.float64]

FEWEST = 6


def wilcoxon(differences: Floats) -> tuple[float, float, float]:
    """Wilcoxon's signed-rank test over data sets (Demsar, JMLR 2006, section 3.1.3).

    Zero differences share their ranks between both sums, one left out where their number is odd; the p-value
    is exact where there are neither ties nor zeros and at most 50 data sets, else normal with the ties'
    correction.

    Args:
        differences: (D,) one a data set.

    Returns:
        R+, R-, two-sided p.

    Raises:
        InputError: fewer than six data sets.
    """
    from scipy.stats import rankdata, wilcoxon

    refuse_few(len(differences))
    values = np.asarray(differences, dtype=np.float64)
    zeros = np.flatnonzero(values == 0)
    if len(zeros) % 2:
        values = np.delete(values, zeros[0])
    ranks = rankdata(np.abs(values))
    shared = ranks[values == 0].sum() / 2
    plus, minus = float(ranks[values > 0].sum() + shared), float(ranks[values < 0].sum() + shared)
    distinct = len(np.unique(np.abs(values))) == len(values) and not len(zeros)
    if distinct and len(values) <= 50:
        return plus, minus, float(wilcoxon(values, method="exact").pvalue)
    count = len(values)
    _, ties = np.unique(np.abs(values), return_counts=True)
    spread = math.sqrt(count * (count + 1) * (2 * count + 1) / 24 - float((ties**3 - ties).sum()) / 48)
    z = (min(plus, minus) - count * (count + 1) / 4) / spread
    return plus, minus, min(1.0, math.erfc(abs(z) / math.sqrt(2)))


def friedman(values: Floats) -> tuple[Floats, float, float]:
    """Mean ranks of the arms (1 is best), Iman and Davenport's F and its p-value (Demsar 2006, section 3.2.2).

    Args:
        values: (D, A), higher is better.

    Returns:
        (A,) mean ranks, F, p.

    Raises:
        InputError: fewer than six data sets.
    """
    from scipy.stats import f, rankdata

    refuse_few(len(values))
    count, arms = values.shape
    mean = rankdata(-values, axis=1).mean(axis=0)
    chi = 12 * count / (arms * (arms + 1)) * (float((mean**2).sum()) - arms * (arms + 1) ** 2 / 4)
    rest = count * (arms - 1) - chi
    statistic = math.inf if rest <= 0 else (count - 1) * chi / rest
    return mean, statistic, float(f.sf(statistic, arms - 1, (arms - 1) * (count - 1)))


def critical_difference(datasets: int, arms: int, alpha: float = 0.05) -> float:
    """Nemenyi's critical difference of mean ranks: q_alpha sqrt(A (A + 1) / (6 D)) (Demsar 2006, section 3.2.2).

    Raises:
        InputError: fewer than six data sets.
    """
    refuse_few(datasets)
    return nemenyi(datasets, arms, alpha)


def nemenyi(datasets: int, arms: int, alpha: float = 0.05) -> float:
    """The formula of `critical_difference` alone, to show why it is refused."""
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, arms, math.inf)) / math.sqrt(2)
    return q * math.sqrt(arms * (arms + 1) / (6 * datasets))


def refuse_few(datasets: int) -> None:
    """Refuse rank tests where they cannot find anything.

    Raises:
        InputError: fewer than six data sets.
    """
    if datasets >= FEWEST:
        return
    smallest = 2.0 ** (1 - datasets)
    raise InputError(
        f"rank tests over {datasets} data sets are refused: Wilcoxon's smallest possible p-value is "
        f"{smallest:.3g}, so it cannot reach .05, and Nemenyi's critical difference for 3 arms is "
        f"{nemenyi(datasets, 3):.2f} of at most 2. From {FEWEST} data sets on they are available; below, use "
        "the partial conjunction over data sets."
    )
