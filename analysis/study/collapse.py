"""Which training runs of a study failed, and how it is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.statistics.collapse import far_below, near_chance
from analysis.study.scores import AUROC, Scored
from analysis.study.study import BlockStudy, Study


@dataclass(frozen=True, slots=True, eq=False)
class ArmRuns:
    """The training runs of one arm of one block.

    Attributes:
        scored: the primary metric.
        a: position of the arm.
        at_chance: positions of the seeds whose AUROC cannot be told from .5.
        outlying: positions of the other seeds that lie far below the rest in the primary metric.
        aurocs: (S,) as a tuple.
    """

    scored: Scored
    a: int
    at_chance: tuple[int, ...]
    outlying: tuple[int, ...]
    aurocs: tuple[float, ...]

    @property
    def arm(self) -> str:
        """Its name."""
        return self.scored.block.arms[self.a]

    @property
    def collapsed(self) -> tuple[int, ...]:
        """Positions of all seeds that failed."""
        return tuple(sorted({*self.at_chance, *self.outlying}))


def runs_of_arms(study: Study) -> Iterator[ArmRuns]:
    """Every arm of every block."""
    for member in study.blocks:
        for a in range(len(member.block.arms)):
            yield _runs(member, member.scored[study.primary.name], a, study.margin)


def collapse_sentences(study: Study) -> list[str]:
    """One sentence an arm with a failed run, and what it means for the intervals; empty where none failed."""
    sentences = [_sentence(runs) for runs in runs_of_arms(study) if runs.collapsed]
    if sentences and study.estimand != "models":
        sentences.append(
            "A mean over seeds with a collapsed one among them stands for no training run, and its interval covers "
            "less than it says (81% instead of 95% where one in ten collapses): the table 'collapse' has the median "
            "and the probability of a failure."
        )
    return sentences


def _runs(member: BlockStudy, scored: Scored, a: int, margin: float) -> ArmRuns:
    ranked = member.scored[AUROC]
    errors = np.sqrt(np.clip(np.diag(ranked.arm_covariance(a)), 0, None))
    chance = near_chance(ranked.values[a], errors)
    noise = float(np.sqrt(np.clip(np.diag(scored.arm_covariance(a)), 0, None)).mean())
    outlying = far_below(scored.metric.sign * scored.values[a], max(margin, noise)) & ~chance
    return ArmRuns(scored, a, _positions(chance), _positions(outlying), tuple(map(float, ranked.values[a])))


def _positions(mask: np.ndarray) -> tuple[int, ...]:
    return tuple(int(s) for s in np.flatnonzero(mask))


def _sentence(runs: ArmRuns) -> str:
    block, metric = runs.scored.block, runs.scored.metric
    values = runs.scored.values[runs.a]
    if block.estimand == "models" and len(block.seeds) == 1:  # no outlier among one run: it is at chance
        return f"{block.title}: '{runs.arm}' cannot be told from chance (AUROC {runs.aurocs[0]:.3f})."
    reasons = []
    if runs.at_chance:
        listed = ", ".join(f"{runs.aurocs[s]:.3f}" for s in runs.at_chance)
        reasons.append(f"{_seeds(block.seeds, runs.at_chance)} cannot be told from chance (AUROC {listed})")
    if runs.outlying:
        listed = ", ".join(f"{values[s]:.3f}" for s in runs.outlying)
        reasons.append(
            f"{_seeds(block.seeds, runs.outlying)} {'lies' if len(runs.outlying) == 1 else 'lie'} far from the other "
            f"seeds ({metric.label} {listed}, median {np.median(values):.3f})"
        )
    return (
        f"{block.title}: {len(runs.collapsed)} of {len(block.seeds)} training runs of "
        f"'{runs.arm}' collapsed: {'; '.join(reasons)}."
    )


def _seeds(names: Sequence[int], positions: Sequence[int]) -> str:
    if len(positions) == len(names) > 1:
        return f"all {len(names)} seeds"
    return f"seed{'s' if len(positions) > 1 else ''} {', '.join(str(names[s]) for s in positions)}"
