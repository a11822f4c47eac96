"""Label-equivalent gains: what one arm is worth to another in labelled images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from analysis.statistics.gain import LabelGain, label_equivalent
from analysis.study.study import BlockStudy, Study


@dataclass(frozen=True, slots=True)
class Gain:
    """How many labels a class arm a needs to equal arm b at `n_of_b`, the smallest n of a data set."""

    dataset: str
    arm_a: str
    arm_b: str
    n_of_b: int
    labels: LabelGain


def label_gains(study: Study) -> Iterator[Gain]:
    """Every arm against every other in the primary metric, both ways, for data sets with two n or more."""
    by_dataset: dict[str, list[BlockStudy]] = {}
    for member in study.blocks:
        by_dataset.setdefault(member.block.dataset, []).append(member)
    for dataset, members in by_dataset.items():
        if len(members) > 1:
            yield from _of_dataset(study, dataset, members)


def _of_dataset(study: Study, dataset: str, members: list[BlockStudy]) -> Iterator[Gain]:
    name, sign = study.primary.name, study.primary.sign
    sizes = [member.block.n_per_class for member in members]
    means = [member.scored[name].values.mean(axis=1) for member in members]
    draws = [member.two_level(name) if len(member.block.seeds) > 1 else member.groups_only(name) for member in members]
    arms = [arm for arm in members[0].block.arms if all(arm in member.block.arms for member in members)]
    for arm_a, arm_b in permutations(arms, 2):
        places = [member.block.arms.index(arm_a) for member in members]
        b = members[0].block.arms.index(arm_b)
        labels = label_equivalent(
            sizes,
            [sign * float(mean[a]) for mean, a in zip(means, places, strict=True)],
            sign * float(means[0][b]),
            [sign * draw[:, a] for draw, a in zip(draws, places, strict=True)],
            sign * draws[0][:, b],
        )
        yield Gain(dataset, arm_a, arm_b, sizes[0], labels)
