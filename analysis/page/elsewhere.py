"""The sentence on a test set from elsewhere, at the end of a block's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.page.findings import joined
from analysis.study.intervals import FEW_PATIENTS, fewest_patients

if TYPE_CHECKING:
    from analysis.study.elsewhere import Elsewhere
    from analysis.study.study import Study

MOST_ARMS = 4  # whose drops are listed; of more, the smallest and the largest


def sentences_on(study: Study, dataset: str, n_per_class: int) -> list[str]:
    """One sentence a test set from elsewhere of a block, in the order of the tables."""
    return [
        _sentence(there, study.external.facts.get(there.scored.block.dataset, {}))
        for there in study.elsewhere
        if study.external is not None
        and (there.own.block.dataset, there.own.block.n_per_class) == (dataset, n_per_class)
    ]


def _sentence(there: Elsewhere, facts: Mapping[str, Any]) -> str:
    block, metric = there.scored.block, there.scored.metric
    order = list(range(len(there.arms)))
    if len(there.arms) > MOST_ARMS:
        by_drop = sorted(order, key=lambda a: there.drop(a).estimate)
        order = [by_drop[0], by_drop[-1]]
    listed = joined([_value(there, a) for a in order])
    which = "" if len(there.arms) <= MOST_ARMS else ", between the arms that lose least and most"
    cautions = _cautions(there, facts)
    return (
        f"On a test set from elsewhere ({block.dataset.partition(' -> ')[2] or block.dataset}), {metric.label} is "
        f"{listed}{which}; the ranking of the arms holds there: {there.ranking.holds} ({there.ranking.reason})"
        f"{'; ' if cautions else ''}{'; '.join(cautions)}."
    )


def _value(there: Elsewhere, a: int) -> str:
    drop = there.drop(a)
    low, high = drop.interval()
    value = there.scored.values[a].mean()
    return f"{value:.3f} for {there.arms[a]} (a loss of {drop.estimate:+.3f}, 95% CI {low:+.3f} to {high:+.3f})"


def _cautions(there: Elsewhere, facts: Mapping[str, Any]) -> list[str]:
    fewest = fewest_patients(there.scored)
    cautions = [f"a class has {fewest} patients only"] if fewest < FEW_PATIENTS else []
    labels = str(facts.get("labels", "")).partition(":")[0]  # the table has the rest
    cautions += [f"its labels are {labels}"] if labels else []
    dropped = facts.get("dropped") or ()
    return cautions + ([f"without {', '.join(map(str, dropped))}, which it lacks"] if dropped else [])
