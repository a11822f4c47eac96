"""A test set from elsewhere beside the own holdout: what the same trained models lose there, and who still leads.

The drop of an arm is its metric on the own holdout minus that on the test set from elsewhere. Both are of the same
trained models, seed by seed, on patients who have nothing to do with each other. In Obuchowski and Rockette's model,
with s the seeds, M the own values and E those elsewhere,

    M_s = mu + a_s + p + (ap)_s,    E_s = nu + b_s + q + (bq)_s,    d_s = M_s - E_s,

p and q are the patients' effects that all seeds share, independent of each other; a_s and b_s those of the seeds, which
may hang together in any way, as d_s is formed within a seed. So

    Var(mean d) = Var(a - b) / S + Var(p) + Var(q) + (Var(ap) + Var(bq)) / S.

The sample variance of the d_s estimates S times the terms with S, and the mean covariance over patients between
different seeds' d_s, Cov_M + Cov_E, the rest: the covariance over patients of the d_s is that of M plus that of E, and
with it `statistics.inference.joint` holds as it stands, its correction for overlapping training samples and its
calibrated critical value, too. The difference of two arms' drops is likewise a difference within seeds, and its
covariance the sum of both differences' covariances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analysis.predictions.block import Predictions, part_of
from analysis.predictions.reading import EXTERNAL_OF
from analysis.statistics.inference import Inference
from analysis.study.comparison import Comparison, compare_all
from analysis.study.estimand import infer
from analysis.study.scores import Floats, Scored, score
from benchmark.metrics import Metric

Holds = Literal["yes", "no", "open"]


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """One block on a test set from elsewhere.

    Attributes:
        scored: the metric there.
        own: the same arms, seeds and classes on the own holdout.
        claims: the comparisons of the own block, as they are claimed: of all its classes, in the own family.
        comparisons: those there; all of one test set are a family of their own.
    """

    scored: Scored
    own: Scored
    claims: tuple[Comparison, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that are judged on both."""
        return self.scored.block.arms

    def drop(self, a: int) -> Inference:
        """What arm a loses there: positive is worse there, whichever way the metric points; not corrected."""
        return self._infer(
            self.own.values[a] - self.scored.values[a],
            self.own.arm_covariance(a) + self.scored.arm_covariance(a),
            [_refits(of, a) for of in (self.own, self.scored)],
            [of.arm_contributions(a) for of in (self.own, self.scored)],
        )

    def drop_difference(self, a: int, b: int) -> Inference:
        """What arm b loses there beyond what arm a loses."""
        own, there = self.own, self.scored
        return self._infer(
            own.values[b] - own.values[a] - there.values[b] + there.values[a],
            own.difference_covariance(a, b) + there.difference_covariance(a, b),
            [_minus(_refits(of, b), _refits(of, a)) for of in (own, there)],
            [_minus(of.arm_contributions(b), of.arm_contributions(a)) for of in (own, there)],
        )

    def _infer(
        self, values: Floats, covariance: Floats, refits: list[Floats | None], parts: list[Floats | None]
    ) -> Inference:
        """The mean of (S,) values, own minus there; `refits` and contributions `parts` are of the own and of there."""
        sign = self.scored.metric.sign
        own, there = refits
        paired = None
        if own is not None and there is not None and own.shape == there.shape:
            paired = sign * (own - there)
        known = [part for part in parts if part is not None]
        contributions = np.concatenate(known, axis=1) if len(known) == len(parts) else None
        return infer(self.scored.block, sign * values, covariance, paired, contributions=contributions)

    @property
    def ranking(self) -> Ranking:
        """Whether the differences that are decided on the own holdout are decided there as well."""
        there = {(c.arm_a, c.arm_b): c.verdict for c in self.comparisons}
        decided = ("better", "worse")
        here = [c for c in self.claims if c.verdict in decided and (c.arm_a, c.arm_b) in there]
        same = sum(there[c.arm_a, c.arm_b] == c.verdict for c in here)
        opposite = sum(there[c.arm_a, c.arm_b] in decided for c in here) - same
        only_there = sum(verdict in decided for verdict in there.values()) - same - opposite
        return Ranking(len(there), len(here), same, opposite, only_there)


@dataclass(frozen=True, slots=True)
class Ranking:
    """What became of the verdicts "better" and "worse".

    Attributes:
        pairs: of arms.
        decided: those with such a verdict on the own holdout.
        same: of these, those with the same verdict there.
        opposite: of these, those with the opposite verdict there.
        only_there: pairs that are open on the own holdout, and decided there.
    """

    pairs: int
    decided: int
    same: int
    opposite: int
    only_there: int

    @property
    def holds(self) -> Holds:
        """Yes: all that is decided here is decided there, the same way. No: one thing is decided there the other way.

        Else, and where nothing is decided here, it is open.
        """
        if self.opposite:
            return "no"
        return "yes" if 0 < self.decided == self.same else "open"

    @property
    def reason(self) -> str:
        """The counts in words."""
        if not self.pairs:
            return "there is one arm"
        if not self.decided:
            also = f", though {self.only_there} of {self.pairs} is there" if self.only_there else ""
            return f"no difference is decided on the own holdout{also}"
        which = f"of {self.decided} decided difference{'s' if self.decided > 1 else ''}"
        open_there = self.decided - self.same - self.opposite
        counts = ((self.same, "the same way"), (self.opposite, "the other way"), (open_there, "not at all"))
        return f"{which}, there {', '.join(f'{count} {way}' for count, way in counts if count)}"


def elsewhere(
    external: Predictions, metric: Metric, margin: float, own: list[tuple[Scored, tuple[Comparison, ...]]]
) -> tuple[Elsewhere, ...]:
    """The blocks on test sets from elsewhere for which there are own ones.

    Args:
        external: the predictions, of what is asked.
        metric: the primary one.
        margin: of equivalence.
        own: every own block, and its comparisons.
    """
    of_block = {(scored.block.dataset, scored.block.n_per_class): (scored, claims) for scored, claims in own}
    pairs: list[tuple[Scored, Scored, tuple[Comparison, ...]]] = []
    for block in external.blocks:
        known = of_block.get((str(external.facts[block.dataset][EXTERNAL_OF]), block.n_per_class))
        if known is None:
            continue
        scored, claims = known
        arms = [arm for arm in block.arms if arm in scored.block.arms]
        seeds = [seed for seed in block.seeds if seed in scored.block.seeds]
        if not arms or not seeds or not set(block.classes) <= set(scored.block.classes):
            continue
        there = part_of(block, arms, seeds, block.classes)
        here = part_of(scored.block, arms, seeds, block.classes)
        pairs.append((score(there, metric), scored if here is scored.block else score(here, metric), claims))
    families: dict[str, list[Scored]] = {}
    for there_scored, _, _ in pairs:
        families.setdefault(there_scored.block.dataset, []).append(there_scored)
    compared = [comparison for members in families.values() for comparison in compare_all(members, margin)]
    return tuple(
        Elsewhere(there, here, claims, tuple(comparison for comparison in compared if comparison.scored is there))
        for there, here, claims in pairs
    )


def _refits(scored: Scored, a: int) -> Floats | None:
    return None if scored.refits is None else scored.refits[a]


def _minus(first: Floats | None, second: Floats | None) -> Floats | None:
    return None if first is None or second is None else np.asarray(first - second)
