"""The sentence on a test set from elsewhere, at the end of a block's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from analysis.page.findings import joined
from analysis.study.intervals import FEW_PATIENTS, fewest_patients
from benchmark.results import own_and_other

if TYPE_CHECKING:
    from analysis.study.elsewhere import Elsewhere
    from analysis.study.study import Study

MOST_ARMS = 4  # whose drops are listed; of more, the range


def sentences_on(study: Study, dataset: str, n_per_class: int) -> list[str]:
    """One sentence a test set from elsewhere of a block, in the order of the tables."""
    if study.external is None:
        return []
    here = [
        (there, study.external.facts.get(there.scored.block.dataset, {}))
        for there in study.elsewhere
        if (there.own.block.dataset, there.own.block.n_per_class) == (dataset, n_per_class)
    ]
    names = [str(facts.get("external", "")) for _, facts in here]
    # Its data set's name says enough, unless two maps of it are judged: the table has the map.
    return [
        _sentence(there, name if name and names.count(name) == 1 else _title(there), facts)
        for (there, facts), name in zip(here, names, strict=True)
    ]


def _title(there: Elsewhere) -> str:
    dataset = there.scored.block.dataset
    return own_and_other(dataset)[1] or dataset


def _sentence(there: Elsewhere, name: str, facts: Mapping[str, Any]) -> str:
    cautions = _cautions(there, facts)
    return (
        f"On a test set from elsewhere ({name}), {there.scored.metric.label} is {_values(there)}; as far as the own "
        f"holdout decides it, the ranking of the arms holds there: {there.ranking.holds} ({there.ranking.reason})"
        f"{'; ' if cautions else ''}{'; '.join(cautions)}."
    )


def _values(there: Elsewhere) -> str:
    """The arms' values there and their drops; of many arms, where both lie: intervals of extremes would mislead."""
    values, drops = there.scored.values.mean(axis=1), [there.drop(a) for a in range(len(there.arms))]
    if len(drops) > MOST_ARMS:
        order = sorted(range(len(drops)), key=lambda a: drops[a].estimate)
        ends = [f"{drops[a].estimate:+.3f} ({there.arms[a]})" for a in (order[0], order[-1])]
        return (
            f"{values.min():.3f} to {values.max():.3f}, with drops of {' to '.join(ends)}: the table 'external_drop' "
            "has their intervals"
        )
    listed = []
    for arm, value, drop in zip(there.arms, values, drops, strict=True):
        low, high = drop.interval()
        listed.append(f"{value:.3f} for {arm} (a drop of {drop.estimate:+.3f}, 95% CI {low:+.3f} to {high:+.3f})")
    return joined(listed)


def _cautions(there: Elsewhere, facts: Mapping[str, Any]) -> list[str]:
    fewest = min(fewest_patients(there.scored), fewest_patients(there.own))
    cautions = [f"a class has {fewest} patients only, here or there"] if fewest < FEW_PATIENTS else []
    labels = str(facts.get("labels", "")).partition(":")[0]  # the table has the rest
    cautions += [f"its labels are {labels}"] if labels else []
    dropped = facts.get("dropped") or ()
    return cautions + ([f"without {', '.join(map(str, dropped))}, which it lacks"] if dropped else [])
