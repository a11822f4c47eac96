"""Net benefit of acting on a model at a few thresholds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.study.net_benefit import FEWEST_DECIDING, Curve
from analysis.study.study import Study
from analysis.tables._rows import Row

NAME = "net_benefit"
ORDER = 155
CHAPTER = "Other metrics (exploratory)"
TITLE = "Net benefit"
CAPTION = (
    "True positives less false ones at the threshold's odds, an image (Vickers and Elkin 2006), where all images at "
    "or above the threshold are acted on; several classes or labels are averaged, one versus rest. Scores are "
    "corrected to the holdout's prevalence where training's is known. gain: less the better of acting on all images "
    "and on none, which is 0. low and high: joint 95% interval of that threshold alone; band_low and band_high: "
    "joint 95% band, simultaneous over all thresholds of the figure for one arm (not over arms), empty at "
    f"thresholds that fewer than {FEWEST_DECIDING} patients decide, which it is not over."
)
FOLDED = True

THRESHOLDS = (0.06, 0.1, 0.2, 0.3, 0.5)  # of `analysis.study.net_benefit.GRID`


def build(study: Study) -> pd.DataFrame:
    """One row an arm and threshold."""
    rows = []
    for curves in study.decisions:
        block = curves.block
        places = places_of(curves.thresholds)
        for a, arm in enumerate(block.arms):
            benefit, gain = (columns(name, curve, places) for name, curve in _both(curves.arms[a], curves.gains[a]))
            for i, t in enumerate(places):
                rows.append(
                    {
                        "dataset": block.dataset,
                        "n_per_class": block.n_per_class,
                        "arm": arm,
                        "seeds": len(block.seeds),
                        "scores": curves.kind,
                        "threshold": float(curves.thresholds[t]),
                    }
                    | benefit[i]
                    | {"treat_all": float(curves.treat_all[t])}
                    | gain[i]
                )
    return pd.DataFrame(rows)


def _both(benefit: Curve, gain: Curve) -> tuple[tuple[str, Curve], ...]:
    return ("net_benefit", benefit), ("gain", gain)


def places_of(thresholds: np.ndarray) -> list[int]:
    """The places of the shown `THRESHOLDS` on a grid."""
    return [int(np.abs(thresholds - threshold).argmin()) for threshold in THRESHOLDS]


def columns(name: str, curve: Curve, places: list[int]) -> list[Row]:
    """Estimate, interval and band of a curve at each of some places."""
    band = curve.band
    rows = []
    for t in places:
        low, high = curve.inferences[t].interval()
        ends = {"low": low, "high": high, "band_low": float(band[t, 0]), "band_high": float(band[t, 1])}
        rows.append({name: curve.inferences[t].estimate} | {f"{name}_{end}": value for end, value in ends.items()})
    return rows
