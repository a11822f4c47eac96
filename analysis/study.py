"""The whole computation on checked predictions: metrics, covariances and resamples of every block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis import bootstrap
from analysis.blocks import Block, Predictions
from analysis.metrics import METRICS, Metric
from analysis.scores import Scored, score, score_sums
from benchmark.errors import unknown_name
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
    """Every block of a predictions table.

    Attributes:
        blocks: sorted by data set and n.
        primary: the metric that claims are made on.
        margin: of equivalence, in its units.
        seed: of all resampling.
    """

    blocks: tuple[BlockStudy, ...]
    primary: Metric
    margin: float
    seed: int

    def of(self, metric: str) -> list[Scored]:
        """One metric of all blocks."""
        return [each.scored[metric] for each in self.blocks]

    @property
    def exploratory(self) -> list[str]:
        """The metrics that no claim is made on."""
        return [name for name in METRICS if name != self.primary.name]


def study(
    predictions: Predictions,
    metric: str = "auroc",
    margin: float = 0.02,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Study:
    """Compute everything that the tables and figures show.

    Raises:
        InputError: an unknown metric.
    """
    if metric not in METRICS:
        raise unknown_name("metric", metric, METRICS)
    return Study(tuple(_block(block, seed, resamples) for block in predictions.blocks), METRICS[metric], margin, seed)


def _block(block: Block, seed: int, resamples: int) -> BlockStudy:
    # The root names the data set alone: every n has the same patients and gets the same weights, so that
    # comparisons across n are paired too.
    root = seed_for(seed, "bootstrap", dataset=block.dataset)
    drawn = bootstrap.replicate(block, tuple(METRICS), resamples, root)
    shares = bootstrap.seed_weights(
        len(block.seeds), resamples, seed_for(seed, "bootstrap seeds", dataset=block.dataset)
    )
    scored = score_sums(block, [name for name, metric in METRICS.items() if metric.kind == "sums"])
    scored |= {name: score(block, name, drawn.values[name]) for name in METRICS if name not in scored}
    return BlockStudy(block, scored, drawn.values, shares, drawn.redrawn)


def permutation_rng(seed: int, scored: Scored, a: int, b: int, s: int) -> np.random.Generator:
    """The stream of one permutation test."""
    block = scored.block
    return rng_for(
        seed,
        "permutation",
        dataset=block.dataset,
        n=block.n_per_class,
        pair=f"{block.arms[a]}|{block.arms[b]}",
        seed=block.seeds[s],
    )
