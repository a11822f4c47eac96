"""What the best of so many trials of a random search is expected to be."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def expected_maximum(values: Floats, unbiased: bool = True) -> Floats:
    """Expected best of n trials of a random search, n = 1..N, from N values.

    Only for independent trials: a sampler that learns (TPE) has no such curve.

    Args:
        values: (N,) validation values.
        unbiased: sum_i v_(i) C(i-1, n-1) / C(N, n) (Tang et al., ACL 2020); else with replacement, which is biased
            downwards (Dodge et al., EMNLP 2019).

    Returns:
        (N,) the expected best of 1..N trials.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    count = len(ordered)
    i = np.arange(1, count + 1)
    out = np.empty(count)
    for n in range(1, count + 1):
        if unbiased:
            chance = np.array([math.comb(int(k) - 1, n - 1) / math.comb(count, n) for k in i])
        else:
            chance = (i / count) ** n - ((i - 1) / count) ** n
        out[n - 1] = float(ordered @ chance)
    return out
