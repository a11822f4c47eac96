"""A leaderboard of models that were trained once: what is claimed of them, and the ranks that are left open."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.simulation.familywise import ALPHA, MOST
from analysis.simulation.form import Gate
from analysis.simulation.simulate import class_effect
from analysis.statistics.rank_sets import ranks
from analysis.study.comparison import compare_all
from analysis.study.rankings import rankings
from analysis.study.scores import score
from benchmark import metrics

Floats = npt.NDArray[np.float64]

NAME = "models"
TITLE = "Fixed models"
NOTE = (
    "Three to ten models, trained once, on new patients of 1 to 3 images that are alike (half of the variance is the "
    "patient's), by macro AUROC of one label or five; an image is as hard for all models by half of its variance. They "
    "are all equal, or lie .01 apart with the best two equal. 'any false claim': a difference that is none or has the "
    "other sign, or an equivalence of models that are further apart than the margin of .02, at most .055. 'all "
    "intervals': the simultaneous intervals hold every difference, 'all ranks': the sets of ranks hold every rank, "
    ".945 at least. 'one interval' is the coverage of the plain ones, 'places open' the mean size of a set over the "
    "number of models. With 30 positive patients at an AUROC of .97 differences are skewed, and intervals may miss on "
    "the side of too small a difference: there 'all intervals' is shown, and a failure known."
)
SIMULATIONS = 2000
BATCH = 25

LEAST = 0.945
MARGIN, STEP = 0.02, 0.01
COMMON, PATIENT = 0.5, 0.5  # shares of the latent variance: an image's, over models; and a patient's, of either part


@dataclass(frozen=True, slots=True)
class Case:
    """What is compared.

    Attributes:
        models: A.
        apart: whether they differ.
        seeds: trained models of each arm, whose mean is compared.
        labels: 1 or more.
        patients: in the holdout.
        prevalence: share of patients that have a label.
        auroc: of the best model.
    """

    models: int
    apart: bool
    seeds: int = 1
    labels: int = 1
    patients: int = 300
    prevalence: float = 0.4
    auroc: float = 0.88

    @property
    def name(self) -> str:
        """For tables and random streams."""
        seeds = f", {self.seeds} seeds each" if self.seeds > 1 else ""
        labels = f", {self.labels} labels" if self.labels > 1 else ""
        positives = f", {round(self.prevalence * self.patients)} of {self.patients} patients positive"
        return f"{self.models} {'apart' if self.apart else 'equal'}{seeds}{labels}{positives}, AUROC={self.auroc:g}"

    @property
    def truth(self) -> Floats:
        """(A,) AUROC of every model, in every label."""
        below = np.maximum(np.arange(self.models) - 1, 0) * STEP if self.apart else np.zeros(self.models)
        return np.asarray(self.auroc - below)


def cases() -> list[Case]:
    """By number of models, then what makes it harder."""
    sizes = [Case(models, apart) for models in (3, 6, 10) for apart in (False, True)]
    harder = [
        Case(10, apart, **changes)
        for changes in (
            {"labels": 5},
            {"labels": 5, "prevalence": 0.1},
            {"prevalence": 0.1},
            {"prevalence": 0.1, "auroc": 0.97},
            {"seeds": 3},
        )
        for apart in (False, True)
    ]
    return sizes + harder


def gates(case: Case) -> tuple[Gate, ...]:
    """Of claims, intervals and ranks."""
    scarce = case.auroc > 0.95 and case.prevalence * case.patients <= 30
    return (
        Gate("any false claim", 0.0, MOST),
        Gate("all intervals", LEAST, 1.0, known=scarce),
        Gate("all ranks", LEAST, 1.0),
    )


def batch(case: Case, size: int, rng: np.random.Generator) -> dict[str, Floats]:
    """(size,) outcomes."""
    outcomes = [_outcome(case, simulated(case, rng)) for _ in range(size)]
    return {column: np.array([outcome[column] for outcome in outcomes]) for column in outcomes[0]}


def _outcome(case: Case, block: Block) -> dict[str, float]:
    scored = score(block, metrics.find("auroc"))
    comparisons = compare_all([scored], MARGIN)
    truth = case.truth
    false, every, one = False, True, 0.0
    for comparison in comparisons:
        difference = truth[comparison.b] - truth[comparison.a]
        wrong = comparison.adjusted_p < ALPHA and np.sign(comparison.estimate) != np.sign(difference)
        # Differences of a whole number of steps: one that is the margin is not within it.
        far = comparison.equivalent_p < ALPHA and abs(difference) > MARGIN - 1e-9
        false |= bool(wrong or far)
        every &= _holds(comparison.family_interval, difference)
        one += _holds(comparison.interval, difference) / len(comparisons)
    ranked = rankings(scored, comparisons[0].alpha)
    places = ranks(np.round(truth, 9))
    return {
        "any false claim": float(false),
        "all intervals": float(every),
        "all ranks": float(all(arm.best <= places[arm.a] <= arm.worst for arm in ranked)),
        "one interval": one,
        "places open": float(np.mean([arm.worst - arm.best + 1 for arm in ranked])) / case.models,
    }


def _holds(interval: tuple[float, float], value: float) -> bool:
    return bool(interval[0] <= value <= interval[1])


def simulated(case: Case, rng: np.random.Generator) -> Block:
    """The predictions of all models, which are the same in every study; the patients are new."""
    groups = np.repeat(np.arange(case.patients), rng.integers(1, 4, size=case.patients))
    images, shape = len(groups), (case.models, case.seeds)

    def noise(*leading: int) -> Floats:
        """(*leading, N) unit normals, alike within patients."""
        shared = rng.standard_normal((*leading, case.patients))[..., groups]
        return np.asarray(
            math.sqrt(PATIENT) * shared + math.sqrt(1 - PATIENT) * rng.standard_normal((*leading, images))
        )

    effects = np.array([class_effect(auroc, 0.0) for auroc in case.truth])
    truth, scores = np.empty((images, case.labels)), np.empty((*shape, 1, images, case.labels))
    for k in range(case.labels):
        sick = rng.permutation(case.patients) < max(2, round(case.prevalence * case.patients))
        truth[:, k] = sick[groups]
        latent = math.sqrt(COMMON) * noise(1, 1) + math.sqrt(1 - COMMON) * noise(*shape)
        latent += effects[:, None, None] * (truth[:, k] - 0.5)
        scores[:, :, 0, :, k] = 1 / (1 + np.exp(-latent))
    return Block(
        dataset="simulated",
        n_per_class=0,
        task="multilabel",
        classes=tuple(f"label {k + 1}" for k in range(case.labels)),
        arms=tuple(f"model {chr(ord('A') + a)}" for a in range(case.models)),
        seeds=tuple(range(case.seeds)),
        sample_ids=np.array([f"image{i:06d}" for i in range(images)], dtype=object),
        groups=groups,
        truth=truth,
        scores=scores,
        rho=0.0,
        rho_known=False,
        estimand="models",
    )
