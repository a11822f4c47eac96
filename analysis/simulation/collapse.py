"""One training run in ten collapses to chance: what no interval of the mean repairs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.simulation.form import Gate
from analysis.simulation.simulate import Truth, simulate
from analysis.statistics.collapse import far_below, near_chance
from analysis.study.scores import Scored, score
from benchmark import metrics

Floats = npt.NDArray[np.float64]

NAME = "collapse"
TITLE = "A collapsed seed"
NOTE = (
    "Two arms of expected AUROC .85, 400 images; each training run of arm 1 collapses with probability .1 and then "
    "scores at random. The estimand is the mean difference over runs, collapsed ones among them: -.035. Its coverage "
    "is a known failure, as a study that sees no collapse knows nothing of it, and none knows its rate: a collapse is "
    "therefore looked for and named before any interval is read. 'runs detected' is the share of the collapsed runs "
    "that the rules of `analysis.statistics.collapse` mark, 'sound runs marked' that of the others."
)
SIMULATIONS = 2000
BATCH = 25

AUROC, CHANCE, IMAGES = 0.85, 0.1, 400
MARGIN = 0.02


@dataclass(frozen=True, slots=True)
class Case:
    """S seeds."""

    seeds: int

    @property
    def name(self) -> str:
        """For tables and random streams."""
        return f"S={self.seeds}"


def cases() -> list[Case]:
    """Few, some and many seeds."""
    return [Case(seeds) for seeds in (3, 5, 10, 20)]


def gates(case: Case) -> tuple[Gate, ...]:
    """The coverage of the mean is known to be outside."""
    return (Gate("covered", 0.93, 0.97, known=True),)


def batch(case: Case, size: int, rng: np.random.Generator) -> dict[str, Floats]:
    """(size,) whether the joint interval holds the mean difference."""
    auroc = metrics.find("auroc")
    truth = Truth(auroc=(AUROC, AUROC), seeds=case.seeds, images=IMAGES)
    true = CHANCE * (0.5 - AUROC)
    covered, collapsed, marked = np.zeros(size), np.zeros((size, case.seeds), bool), np.zeros((size, case.seeds), bool)
    for i in range(size):
        collapsed[i] = rng.random(case.seeds) < CHANCE
        scored = score(collapse(simulate(truth, rng), 1, collapsed[i], rng), auroc)
        low, high = scored.pair(0, 1).interval()
        covered[i], marked[i] = low <= true <= high, _marked(scored, 1)
    happened = np.asarray(collapsed.any(axis=1))
    return {
        "covered": covered,
        "a collapse happened": np.asarray(happened, dtype=np.float64),
        "covered, none happened": np.where(happened, np.nan, covered),
        "covered, one happened": np.where(happened, covered, np.nan),
        "runs detected": _share(collapsed & marked, collapsed),
        "sound runs marked": _share(~collapsed & marked, ~collapsed),
    }


def _marked(scored: Scored, a: int) -> npt.NDArray[np.bool_]:
    """(S,) the seeds of arm a that are named as collapsed, by the rules of the report at its default margin."""
    errors = np.sqrt(np.diag(scored.arm_covariance(a)))
    return near_chance(scored.values[a], errors) | far_below(scored.values[a], max(MARGIN, float(errors.mean())))


def _share(part: npt.NDArray[np.bool_], of: npt.NDArray[np.bool_]) -> Floats:
    """(size,) shares of the runs of a study; NaN for a study that has none of these runs."""
    counts = of.sum(axis=1)
    return np.where(counts > 0, part.sum(axis=1) / np.maximum(counts, 1), np.nan)


def collapse(block: Block, arm: int, failed: npt.NDArray[np.bool_], rng: np.random.Generator) -> Block:
    """The block with random scores in an arm's seeds that failed, an (S,) mask."""
    scores = block.scores.copy()
    noise = rng.uniform(0.49, 0.51, size=(int(failed.sum()), *scores.shape[2:4]))
    scores[arm, failed] = np.stack([1 - noise, noise], axis=-1)
    return replace(block, scores=scores)
