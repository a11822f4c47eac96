"""Claims over many comparisons: families of tests, several data sets, several n."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analysis.statistics import gain
from analysis.statistics.equivalence import sentence
from analysis.statistics.multiplicity import holm, intersection_union, partial_conjunction, shaffer_three
from analysis.study.scores import Scored
from analysis.study.study import Study
from analysis.tables.estimates import pair_keys

if TYPE_CHECKING:
    import pandas as pd


def multiplicity(scored: Sequence[Scored]) -> pd.DataFrame:
    """Every primary p-value under each correction: Holm over all, Holm and (for three arms) Shaffer within a
    block."""
    import pandas as pd

    pairs = [(each, a, b, each.pair(a, b).p) for each in scored for a, b in each.pairs]
    over_all = holm([p for *_, p in pairs])
    rows: list[dict[str, Any]] = []
    for each in scored:
        mine = [p for other, _, _, p in pairs if other is each]
        within = holm(mine)
        shaffer = shaffer_three(mine) if len(mine) == 3 else [math.nan] * len(mine)
        for place, (a, b) in enumerate(each.pairs):
            rows.append(
                pair_keys(each, a, b)
                | {
                    "p": mine[place],
                    "p_holm": over_all[len(rows)],
                    "p_holm_within": within[place],
                    "p_shaffer": shaffer[place],
                }
            )
    return pd.DataFrame(rows)


def over_datasets(scored: Sequence[Scored]) -> pd.DataFrame | None:
    """One row for each (n, pair): is B better on every data set, and on at least u of them? None for one
    data set.

    Tests are one-sided, as the claim has a direction: half the two-sided p where the difference favours b,
    else its complement. `p_all` is the largest (intersection-union); `p_at_least` the partial conjunction's.
    """
    import pandas as pd

    groups: dict[tuple[int, str, str], list[tuple[str, float, float]]] = {}
    for each in scored:
        for a, b in each.pairs:
            found = each.pair(a, b)
            favours = (found.estimate > 0) == each.metric.higher_is_better
            one_sided = found.p / 2 if favours else 1 - found.p / 2
            key = (each.block.n_per_class, each.block.arms[a], each.block.arms[b])
            groups.setdefault(key, []).append((each.block.dataset, one_sided, found.estimate))
    rows = []
    for (n, first, second), each_one in groups.items():
        p = [item[1] for item in each_one]
        if len(p) < 2 or any(math.isnan(value) for value in p):
            continue
        for least in range(1, len(p) + 1):
            rows.append(
                {
                    "n_per_class": n,
                    "arm_a": first,
                    "arm_b": second,
                    "datasets": len(p),
                    "b_better_on_at_least": least,
                    "p_at_least": partial_conjunction(p, least),
                    "p_all": intersection_union(p),
                }
            )
    return pd.DataFrame(rows) if rows else None


def label_gains(study: Study) -> pd.DataFrame | None:
    """How many labels a class arm A needs to equal arm B at the smallest n; None where there is one n."""
    import pandas as pd

    name = study.primary.name
    sign = 1 if study.primary.higher_is_better else -1
    by_dataset: dict[str, list[Any]] = {}
    for each in study.blocks:
        by_dataset.setdefault(each.block.dataset, []).append(each)
    rows = []
    for dataset, blocks in by_dataset.items():
        arms = [arm for arm in blocks[0].block.arms if all(arm in each.block.arms for each in blocks)]
        if len(blocks) < 2:
            continue
        sizes = [each.block.n_per_class for each in blocks]
        levels = [each.two_level(name) if len(each.block.seeds) > 1 else each.groups_only(name) for each in blocks]
        for first in arms:
            for second in arms:
                if first == second:
                    continue
                places = [(each.block.arms.index(first), each.block.arms.index(second)) for each in blocks]
                curve = [float(each.scored[name].values[a].mean()) for each, (a, _) in zip(blocks, places, strict=True)]
                target = float(blocks[0].scored[name].values[places[0][1]].mean())
                draws = [level[:, a] for level, (a, _) in zip(levels, places, strict=True)]
                found = gain.label_equivalent(
                    sizes,
                    [sign * value for value in curve],
                    sign * target,
                    [sign * draw for draw in draws],
                    sign * levels[0][:, places[0][1]],
                )
                rows.append(
                    {
                        "dataset": dataset,
                        "metric": name,
                        "arm_a": first,
                        "arm_b": second,
                        "n_of_b": sizes[0],
                        "n_of_a_to_equal_b": found.labels,
                        "ci_low": found.low,
                        "ci_high": found.high,
                        "resamples_in_range": found.in_range,
                    }
                )
    return pd.DataFrame(rows) if rows else None


def sentences(study: Study) -> list[tuple[str, int, list[str]]]:
    """(data set, n, one sentence a pair) for every block of the primary metric."""
    scored = study.of(study.primary.name)
    found = [(each, a, b, each.pair(a, b)) for each in scored for a, b in each.pairs]
    adjusted = iter(holm([inference.p for *_, inference in found]))
    said = []
    for each in scored:
        lines = [
            sentence(
                each.block.arms[a],
                each.block.arms[b],
                study.primary.label,
                each.pair(a, b),
                float(next(adjusted)),
                study.margin,
                len(each.block.seeds),
                study.primary.higher_is_better,
            )
            for a, b in each.pairs
        ]
        said.append((each.block.dataset, each.block.n_per_class, lines))
    return said
