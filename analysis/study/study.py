"""The computation on checked predictions: metrics, covariances and resamples of every block, and its comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block, Estimand, Predictions
from analysis.statistics.equivalence import ALPHA
from analysis.statistics.multiplicity import benjamini_hochberg
from analysis.statistics.sequential import Looks
from analysis.study import bootstrap, net_benefit, operating, priors
from analysis.study.arm_facts import ArmFacts
from analysis.study.class_rates import ClassRates, class_rates
from analysis.study.comparison import Comparison, compare_all
from analysis.study.corrected import Corrected, corrected
from analysis.study.edges import Edge, edges
from analysis.study.elsewhere import Elsewhere, elsewhere
from analysis.study.errors import Error, most_confident
from analysis.study.estimand import find
from analysis.study.labels import OfLabel, labels_of
from analysis.study.looks import compare_at_looks
from analysis.study.operating_points import OperatingPoint, operating_points
from analysis.study.rankings import Ranked, rankings
from analysis.study.rising import Rise, rises
from analysis.study.run_facts import RunFacts
from analysis.study.scores import Scored, score, score_sums
from analysis.study.subgroups import Subgroup, subgroups_of
from analysis.study.threads import in_threads
from analysis.study.trials import Trials
from analysis.study.validation import OfBlock, validation_of
from benchmark import metrics
from benchmark.metrics import Metric
from benchmark.seeds import rng_for, seed_for

Floats = npt.NDArray[np.float64]

RESAMPLES = 10_000


@dataclass(frozen=True, eq=False)
class BlockStudy:
    """A block with all that is computed on it.

    Attributes:
        block: the predictions.
        scored: metric -> its values and covariance.
        replicates: metric -> (B, A, S) under resampled patients.
        shares: (B, S) of the resampled seeds, for the two-level bootstrap.
        redrawn: resamples that lacked a class and were drawn again.
    """

    block: Block
    scored: Mapping[str, Scored]
    replicates: Mapping[str, Floats]
    shares: Floats
    redrawn: int

    def groups_only(self, metric: str) -> Floats:
        """(B, A) means over the seeds, under new patients."""
        return np.asarray(self.replicates[metric].mean(axis=2))

    def two_level(self, metric: str) -> Floats:
        """(B, A) means over resampled seeds, under new patients."""
        return np.asarray(np.einsum("bas,bs->ba", self.replicates[metric], self.shares))


@dataclass(frozen=True, eq=False)
class Study:
    """All that a report's tables and figures are made from.

    Attributes:
        predictions: what was read.
        blocks: one for each (data set, n per class), sorted.
        primary: the metric that claims are made on.
        margin: of equivalence, in its units.
        seed: of all resampling.
        trials: of the run that made the predictions; None where only they are at hand.
        other: predictions of the same arms on another holdout, where there are any.
        looks: of the locked plan, and which of them this is; None where there is one look, at the end.
        external: predictions of test sets from elsewhere by the same models, where there are any.
        run: what the folder of the run tells beside predictions and trials; None where only predictions are at hand.
        arms: what the arms are, of a run that says so.
    """

    predictions: Predictions
    blocks: tuple[BlockStudy, ...]
    primary: Metric
    margin: float
    seed: int
    trials: Trials | None = None
    other: Predictions | None = None
    looks: Looks | None = None
    external: Predictions | None = None
    run: RunFacts | None = None
    arms: Mapping[str, ArmFacts] = field(default_factory=dict)

    def of(self, metric: str) -> list[Scored]:
        """One metric of all blocks."""
        return [block.scored[metric] for block in self.blocks]

    @property
    def scored(self) -> list[Scored]:
        """The primary metric of all blocks."""
        return self.of(self.primary.name)

    @property
    def estimand(self) -> Estimand:
        """What was asked: every block has it."""
        return self.blocks[0].block.estimand

    @property
    def exploratory(self) -> list[str]:
        """The metrics that no claim is made on."""
        return [name for name in metrics.names() if name != self.primary.name]

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every pair of arms in the primary metric: one family, Holm over all of it, and over the looks."""
        return self.at_looks[-1] if self.looks else compare_all(self.scored, self.margin)

    @cached_property
    def at_looks(self) -> tuple[tuple[Comparison, ...], ...]:
        """The comparisons at every look of the plan so far, the present one last; empty without such a plan."""
        return compare_at_looks(self.scored, self.margin, self.looks) if self.looks else ()

    @property
    def level(self) -> float:
        """The level of one interval: .05, or what the present look spends of it."""
        return self.looks.level if self.looks else ALPHA

    def comparisons_of(self, scored: Scored) -> list[Comparison]:
        """Those of one block, in the order of its pairs."""
        return [comparison for comparison in self.comparisons if comparison.scored is scored]

    @cached_property
    def elsewhere(self) -> tuple[Elsewhere, ...]:
        """Every block on a test set from elsewhere, with the same models on their own holdout."""
        if self.external is None:
            return ()
        own = [(scored, tuple(self.comparisons_of(scored))) for scored in self.scored]
        return elsewhere(self.external, self.primary, self.margin, own)

    @cached_property
    def operating_curves(self) -> tuple[operating.Curves, ...]:
        """Mean ROC and precision-recall curves of every block, with standard errors."""

        def of_block(member: BlockStudy) -> operating.Curves:
            return operating.curves(member.block, seed_for(self.seed, "curves", dataset=member.block.dataset))

        return tuple(in_threads(of_block, self.blocks))

    @cached_property
    def corrections(self) -> tuple[priors.Correction, ...]:
        """The scores of every block for the holdout's prior."""
        return priors.corrections(self.predictions)

    @cached_property
    def corrected(self) -> tuple[Corrected, ...]:
        """The metrics of sums before and after, of the blocks whose scores can be corrected."""
        pairs = [
            (member.block, correction)
            for member, correction in zip(self.blocks, self.corrections, strict=True)
            if correction.made
        ]
        return tuple(in_threads(lambda pair: corrected(*pair), pairs))

    @cached_property
    def corrected_comparisons(self) -> Mapping[str, tuple[Comparison, ...]]:
        """Every pair in every metric of sums on corrected scores; no claim is made."""
        names = [name for name in metrics.names() if metrics.find(name).of_sums is not None] if self.corrected else []
        return {
            name: compare_all([part.scored[name] for part in self.corrected], self.margin, benjamini_hochberg)
            for name in names
        }

    @cached_property
    def decisions(self) -> tuple[net_benefit.Decisions, ...]:
        """Decision curves of every block, on corrected scores where they can be."""
        return tuple(in_threads(net_benefit.decisions, self.corrections))

    def rankings(self, scored: Scored) -> list[Ranked]:
        """The arms of one block from best to worst, with sets of ranks over the whole family and all looks."""
        return self._rankings[scored]

    @cached_property
    def _rankings(self) -> dict[Scored, list[Ranked]]:
        levels = {comparison.scored: comparison.alpha for comparison in self.comparisons}
        return {scored: rankings(scored, levels[scored]) if scored in levels else [] for scored in self.scored}

    @cached_property
    def labels(self) -> tuple[list[OfLabel], ...]:
        """Every class or label by itself, of the blocks that have several."""
        return tuple(labels for member in self.blocks if (labels := labels_of(member.block)))

    @cached_property
    def class_rates(self) -> tuple[list[ClassRates], ...]:
        """Sensitivity and specificity of every class or label, a list a block."""
        return tuple(in_threads(lambda member: class_rates(member.block), self.blocks))

    @cached_property
    def validation(self) -> tuple[OfBlock, ...]:
        """What every block's cells keep of validation; nothing where only predictions are at hand."""
        return tuple({} if self.run is None else validation_of(self.run, member.block) for member in self.blocks)

    @cached_property
    def operating_points(self) -> tuple[list[OperatingPoint], ...]:
        """Every class or label at thresholds fixed on validation, a list a block; empty without its scores."""
        pairs = zip(self.blocks, self.validation, strict=True)
        return tuple(in_threads(lambda pair: operating_points(pair[0].block, pair[1]), pairs))

    @cached_property
    def operating_points_elsewhere(self) -> tuple[list[OperatingPoint], ...]:
        """What the same models at the same thresholds reach on the test sets from elsewhere, a list a block there.

        A test set that lacks a class of the own is left out: probabilities are shared among fewer classes there.
        """
        run = self.run
        classes = {scored.block.dataset: scored.block.classes for scored in self.scored}
        complete = [there for there in self.elsewhere if there.own.block.classes == classes[there.own.block.dataset]]
        pairs = [] if run is None else [(there, validation_of(run, there.own.block)) for there in complete]
        return tuple(in_threads(lambda pair: operating_points(pair[0].scored.block, pair[1]), pairs))

    @cached_property
    def subgroups(self) -> tuple[Subgroup, ...]:
        """AUROC by what is known of the holdout's images, at every data set's largest n; empty where nothing is."""
        if self.run is None:
            return ()
        attributes, largest = self.run.attributes, {member.block.dataset: member.block for member in self.blocks}
        made = in_threads(lambda block: subgroups_of(block, attributes), tuple(largest.values()))
        return tuple(subgroup for of_block in made for subgroup in of_block)

    @cached_property
    def errors(self) -> tuple[list[Error], ...]:
        """The most confident errors of every arm, a list a block."""
        return tuple(most_confident(member.block) for member in self.blocks)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """Where in its ranges every arm's best trials lie; empty without trials."""
        return () if self.trials is None else tuple(edges(self.trials))

    @cached_property
    def rises(self) -> tuple[Rise, ...]:
        """Whether every arm's long fits still rise at their end; empty without trials."""
        return () if self.trials is None else tuple(rises(self.trials))

    def exploratory_comparisons(self, metric: str) -> tuple[Comparison, ...]:
        """Every pair in another metric: no claim is made, Benjamini and Hochberg's q-values within the metric."""
        return compare_all(self.of(metric), self.margin, benjamini_hochberg)


def study(
    predictions: Predictions,
    metric: str = "auroc",
    margin: float = 0.02,
    seed: int = 0,
    resamples: int = RESAMPLES,
    trials: Trials | None = None,
    other: Predictions | None = None,
    looks: Looks | None = None,
    estimand: Estimand = "population",
    external: Predictions | None = None,
    run: RunFacts | None = None,
    arms: Mapping[str, ArmFacts] | None = None,
) -> Study:
    """Compute everything that the tables and figures show, about one estimand.

    Raises:
        InputError: an unknown metric or estimand.
    """
    primary, asked = metrics.find(metric), find(estimand)
    predictions = predictions.asked(asked)
    other = None if other is None else other.asked(asked)
    external = None if external is None else external.asked(asked)
    blocks = tuple(in_threads(lambda block: _block(block, seed, resamples), predictions.blocks))
    return Study(predictions, blocks, primary, margin, seed, trials, other, looks, external, run, arms or {})


def _block(block: Block, seed: int, resamples: int) -> BlockStudy:
    known = [metrics.find(name) for name in metrics.names()]
    # The root names the data set alone: every n has the same patients and gets the same weights, so that
    # comparisons across n are paired too.
    root = seed_for(seed, "bootstrap", dataset=block.dataset)
    drawn = bootstrap.replicate(block, known, resamples, root)
    shares = bootstrap.seed_weights(
        len(block.seeds), resamples, seed_for(seed, "bootstrap seeds", dataset=block.dataset)
    )
    scored = score_sums(block, [metric for metric in known if metric.of_sums is not None])
    for metric in known:
        if metric.of_sums is None:
            scored[metric.name] = score(block, metric, drawn.values[metric.name])
    return BlockStudy(block, scored, drawn.values, shares, drawn.redrawn)


def permutation_rng(seed: int, comparison: Comparison, training_seed: int) -> np.random.Generator:
    """The stream of one permutation test."""
    return rng_for(
        seed,
        "permutation",
        dataset=comparison.dataset,
        n=comparison.n_per_class,
        pair=f"{comparison.arm_a}|{comparison.arm_b}",
        seed=training_seed,
    )
