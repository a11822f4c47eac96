"""Net benefit of acting on a score: decision curves (Vickers and Elkin, Medical Decision Making 2006)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def net_benefit(
    truth: Floats, probability: Floats, thresholds: Floats, groups: npt.NDArray[np.intp], count: int
) -> tuple[Floats, Floats]:
    """True positives less the false ones at the threshold's odds, an image, where all at or above it are acted on.

    It is the mean of one number an image, so the groups' contributions are exact but for the number of images.

    Args:
        truth: (N,) 1 or 0.
        probability: (N,) of a 1, in [0, 1].
        thresholds: (T,) in (0, 1): the probability at which acting and not acting are worth the same.
        groups: (N,) codes below `count`.
        count: G; a group may have none of these images.

    Returns:
        (T,) net benefits, at most the prevalence, and (T, G) contributions of the groups, which add up to zero.
    """
    order = np.argsort(groups, kind="stable")
    present, starts = np.unique(groups[order], return_index=True)
    truth, probability = truth[order], probability[order]
    values, parts = np.empty(len(thresholds)), np.zeros((len(thresholds), count))
    # One threshold after the other, as the images of one fit into the processor's cache.
    for t, threshold in enumerate(thresholds):
        gains = (truth - threshold / (1 - threshold) * (1 - truth)) * (probability >= threshold)
        values[t] = gains.mean()
        gains = (gains - values[t]) / len(truth)
        parts[t, present] = gains if len(present) == len(gains) else np.add.reduceat(gains, starts)
    return values, parts


def treat_all(truth: Floats, thresholds: Floats, groups: npt.NDArray[np.intp], count: int) -> tuple[Floats, Floats]:
    """The net benefit of acting on every image, as `net_benefit` gives it; that of acting on none is 0."""
    return net_benefit(truth, np.ones_like(truth), thresholds, groups, count)
