"""Label-equivalent gains: what one arm is worth to another in labelled images."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import numpy.typing as npt

from analysis.statistics.gain import LabelGain, equal_at, label_equivalent
from analysis.statistics.inference import FEWEST_SEEDS
from analysis.study import bootstrap
from analysis.study.estimand import overlap
from analysis.study.study import BlockStudy, Study
from benchmark.seeds import seed_for

Floats = npt.NDArray[np.float64]

SELDOM = 0.005  # share of resamples below which an end outside the measured n is not worth a word


@dataclass(frozen=True, slots=True)
class Gain:
    """How many labels a class arm a needs to equal arm b at `n_of_b`.

    Attributes:
        dataset, arm_a, arm_b, n_of_b: what is asked.
        sizes: the n that arm a was measured at, rising.
        labels: the answer.
        why_no_interval: empty where there is one.
    """

    dataset: str
    arm_a: str
    arm_b: str
    n_of_b: int
    sizes: tuple[int, ...]
    labels: LabelGain
    why_no_interval: str

    @property
    def reading(self) -> str:
        """What the ends outside the measured range mean, in words."""
        gain, smallest, largest = self.labels, self.sizes[0], self.sizes[-1]
        if self.why_no_interval:
            return f"no interval: {self.why_no_interval}"
        ends = []
        if math.isinf(gain.high) or gain.never >= SELDOM:
            ends.append(f"never reached in {_share(gain.never)} of resamples: more than {largest}")
        if math.isinf(gain.low) or gain.before >= SELDOM:
            ends.append(f"passed at once in {_share(gain.before)} of resamples: fewer than {smallest}")
        inside = "all" if gain.before + gain.never == 0 else "over 99% of"
        return "; ".join(ends) or f"between {smallest} and {largest} in {inside} resamples"


def _share(value: float) -> str:
    return f"{value:.0%}" if value >= SELDOM or value == 0 else "under 1%"


def named(value: float, sizes: Sequence[int]) -> str:
    """A number of labels as text: whole, ``< 25`` or ``> 200`` outside the measured n, empty for NaN."""
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return f"> {sizes[-1]}" if value > 0 else f"< {sizes[0]}"
    return f"{value:.0f}"


def label_gains(study: Study) -> Iterator[Gain]:
    """Every arm against every other at every n, in the primary metric, for data sets with two n or more.

    None where the trained models are held fixed: a learning curve is about new training samples.
    """
    if study.estimand == "models":
        return
    by_dataset: dict[str, list[BlockStudy]] = {}
    for member in study.blocks:
        by_dataset.setdefault(member.block.dataset, []).append(member)
    for dataset, members in by_dataset.items():
        curves = _curves(study, dataset, members) if len(members) > 1 else None
        if curves is not None:
            yield from _of_dataset(dataset, curves)


@dataclass(frozen=True, eq=False)
class _Curves:
    """The learning curves of a data set's arms, on the seeds and arms that all n share; higher is better.

    Attributes:
        sizes: the J n, rising.
        overlaps: (J,) rho at each.
        arms: the A arms.
        values: (J, A, S).
        covariance: (J, A, S, J, A, S) over new patients.
        draws: (B, J, A) means under resampled seeds and patients.
        refits: (J, A, S, R) that the values are the means of; None where their number differs from n to n.
        why_no_interval: empty where the covariance means something.
    """

    sizes: tuple[int, ...]
    overlaps: tuple[float, ...]
    arms: tuple[str, ...]
    values: Floats
    covariance: Floats
    draws: Floats
    refits: Floats | None
    why_no_interval: str


def _curves(study: Study, dataset: str, members: list[BlockStudy]) -> _Curves | None:
    name, sign = study.primary.name, study.primary.sign
    blocks = [member.block for member in members]
    arms = tuple(arm for arm in blocks[0].arms if all(arm in block.arms for block in blocks))
    seeds = tuple(seed for seed in blocks[0].seeds if all(seed in block.seeds for block in blocks))
    if not arms or not seeds:
        return None
    places = [
        np.ix_([block.arms.index(arm) for arm in arms], [block.seeds.index(seed) for seed in seeds]) for block in blocks
    ]
    values = np.stack([sign * m.scored[name].values[place] for m, place in zip(members, places, strict=True)])
    # Every n has the same patients, and their weights in each resample: so the draws are paired across n.
    drawn = np.stack(
        [sign * m.replicates[name][:, place[0], place[1]] for m, place in zip(members, places, strict=True)], axis=1
    )  # (B, J, A, S)
    stored = [member.scored[name].refits for member in members]
    refits = [sign * of_n[place] for of_n, place in zip(stored, places, strict=True) if of_n is not None]
    comparable = len(refits) == len(members) and len({of_n.shape for of_n in refits}) == 1
    resamples = len(drawn)
    covariance = np.atleast_2d(np.cov(drawn.reshape(resamples, -1), rowvar=False))
    root = seed_for(study.seed, "bootstrap seeds", dataset=dataset)
    shares = bootstrap.seed_weights(len(seeds), resamples, root)
    reason = ""
    if any(not np.array_equal(block.sample_ids, blocks[0].sample_ids) for block in blocks):
        reason = "the holdouts differ from n to n"
    elif len(seeds) < FEWEST_SEEDS:
        reason = f"{len(seeds)} seeds have every n, and the variance between training samples takes {FEWEST_SEEDS}"
    return _Curves(
        tuple(block.n_per_class for block in blocks),
        tuple(overlap(block) for block in blocks),
        arms,
        values,
        covariance.reshape(values.shape * 2),
        np.asarray(np.einsum("bjas,bs->bja", drawn, shares)),
        np.stack(refits) if comparable else None,
        reason,
    )


def _of_dataset(dataset: str, curves: _Curves) -> Iterator[Gain]:
    sizes, (steps, _, seeds) = curves.sizes, curves.values.shape
    for (a, arm_a), (b, arm_b) in permutations(enumerate(curves.arms), 2):
        passed = curves.draws[:, :, a]
        for t, n_of_b in enumerate(sizes):
            reached = equal_at(sizes, passed, curves.draws[:, t, b])
            before, never = float(np.isneginf(reached).mean()), float(np.isposinf(reached).mean())
            curve, target = curves.values[:, a], curves.values[t, b]
            if curves.why_no_interval:
                point = float(equal_at(sizes, curve.mean(axis=1)[None], target.mean()[None])[0])
                labels = LabelGain(point, math.nan, math.nan, before, never)
            else:
                rows, columns = [*range(steps), t], [a] * steps + [b]
                part = curves.covariance[rows, columns][:, :, rows, columns]  # (J + 1, S, J + 1, S)
                point, low, high = label_equivalent(
                    sizes,
                    curve,
                    target,
                    part.reshape((steps + 1) * seeds, -1),
                    (*curves.overlaps, curves.overlaps[t]),
                    None if curves.refits is None else curves.refits[rows, columns],
                )
                labels = LabelGain(point, low, high, before, never)
            yield Gain(dataset, arm_a, arm_b, n_of_b, sizes, labels, curves.why_no_interval)
