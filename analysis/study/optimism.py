"""What tuning seems to buy on inner validation, and how much of it the holdout does not confirm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.study.scores import Scored
from analysis.study.study import Study
from analysis.study.trials import Trials


@dataclass(frozen=True, slots=True)
class Optimism:
    """One arm of one block, in natural units of the tuned metric; means over seeds.

    Attributes:
        dataset, n_per_class, metric, arm: which.
        seeds: that have trials.
        default_validation: value of trial 0, the arm's published default.
        best_validation: value of the best trial.
        tuning_gain: how much better the best trial is than trial 0; never negative.
        holdout: value of the refitted model.
        optimism: how much better the best validation value is than the holdout's: positive is too good to be true.
        optimism_sd: its standard deviation over seeds.
        default_was_best: number of seeds in which no trial was better than trial 0.
    """

    dataset: str
    n_per_class: int
    metric: str
    arm: str
    seeds: int
    default_validation: float
    best_validation: float
    tuning_gain: float
    holdout: float
    optimism: float
    optimism_sd: float
    default_was_best: int


def optimism(study: Study) -> Iterator[Optimism]:
    """Every arm that has trials, in the order of the tables; none without trials."""
    if study.trials is None:
        return
    for scored in study.of(study.trials.metric.name):
        for a in range(len(scored.block.arms)):
            row = _of_arm(study.trials, scored, a)
            if row is not None:
                yield row


def _of_arm(trials: Trials, scored: Scored, a: int) -> Optimism | None:
    import pandas as pd

    block, metric, frame = scored.block, scored.metric, trials.frame
    here = (frame["dataset"] == block.dataset) & (frame["n_per_class"] == block.n_per_class)
    mine = frame[here & (frame["arm"] == block.arms[a]) & frame["seed"].isin(block.seeds)]
    if mine.empty:
        return None
    # Turned so that higher is better; negation is exact, so metrics that rise with quality are left as they are.
    turned = mine.assign(value=metric.sign * mine["value"])
    best = turned.groupby("seed")["value"].max()
    default = turned[turned["trial"] == 0].set_index("seed")["value"]
    holdout = pd.Series(scored.values[a], index=list(block.seeds))
    gap = best - metric.sign * holdout
    return Optimism(
        dataset=block.dataset,
        n_per_class=block.n_per_class,
        metric=metric.name,
        arm=block.arms[a],
        seeds=len(best),
        default_validation=float(metric.sign * default.mean()),
        best_validation=float(metric.sign * best.mean()),
        tuning_gain=float((best - default).mean()),
        holdout=float(holdout.mean()),
        optimism=float(gap.mean()),
        optimism_sd=float(gap.std(ddof=1)),
        default_was_best=int(best.eq(default).sum()),
    )
