"""Intervals of a share of images, from its standard error over patients and seeds together."""

from __future__ import annotations

import math


def wilson(share: float, se: float, patients: int, critical: float) -> tuple[float, float]:
    """Wilson's interval at the effective number of patients.

    A share p with variance V counts as p (1 - p) / V independent patients, but never as more than there are (Korn and
    Graubard, Survey Methodology 1998, for surveys with Clopper and Pearson's interval; here with Wilson's, Journal of
    the American Statistical Association 1927). At 0 and 1, where no variance is seen, all patients count.

    Args:
        share: in [0, 1].
        se: its standard error, 0 where none is seen.
        patients: that the share is about, at least 1.
        critical: value that belongs to the level, such as 1.96.

    Returns:
        Both ends, in [0, 1].

    Raises:
        ValueError: a share outside [0, 1], or no patient.
    """
    if not 0 <= share <= 1 or patients < 1:
        raise ValueError(f"no interval for a share of {share} among {patients} patients")
    spread = share * (1 - share)
    count = min(spread / se**2, float(patients)) if spread > 0 and se > 0 else float(patients)
    extra = critical**2 / count
    centre = (share + extra / 2) / (1 + extra)
    half = critical / (1 + extra) * math.sqrt(spread / count + extra / (4 * count))
    return max(0.0, centre - half), min(1.0, centre + half)
