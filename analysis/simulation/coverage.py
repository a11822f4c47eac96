"""How often intervals cover the truth: every method on simulated studies whose true difference is known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block
from analysis.simulation.simulate import Truth, simulate
from analysis.statistics import power
from analysis.statistics.auc import covariance, placements
from analysis.statistics.inference import Inference, contrast, difference, joint, logit_interval, paired_t, quantile
from analysis.study import bootstrap
from benchmark import metrics
from benchmark.seeds import rng_for, seed_for

Floats = npt.NDArray[np.float64]

RESAMPLES = 999
CALIBRATED, JOINT, ONE_ARM = "joint (OR, calibrated)", "joint (OR, Hillis df)", "joint, one arm (logit)"
TWO_LEVEL, PAIRED_T, PATIENTS = "two-level bootstrap", "paired t over seeds", "patients only, seeds fixed"
SEED_BOOTSTRAP = "percentile bootstrap over seeds"
SINGLE, POOLED = "DeLong on one seed", "seeds pooled as independent"
INDEPENDENT, NADEAU_BENGIO = "joint, images as independent", "Nadeau-Bengio, n_test / n_train = 3.1"
#: Methods that must fail: they are the practice that this analysis replaces.
NEGATIVE_CONTROLS = (SINGLE, POOLED)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of the simulation study.

    Attributes:
        seeds: S.
        images_per_patient: 1, or patients with several images.
        auroc: true AUROC midway between the two arms.
        images: N.
    """

    seeds: int
    images_per_patient: int
    auroc: float
    images: int = 624

    @property
    def name(self) -> str:
        """For tables and random streams."""
        kind = "independent" if self.images_per_patient == 1 else "clustered"
        return f"S={self.seeds} {kind} AUROC={self.auroc:.2f}"


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """One simulated study, analysed by every method.

    Attributes:
        intervals: method -> 95% interval of arm 1 minus arm 0, or of arm 0 alone.
        joint: the joint inference.
        between: mean covariance of the differences of two seeds over patients.
    """

    intervals: dict[str, tuple[float, float]]
    joint: Inference
    between: float


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What the simulations of a scenario show.

    Attributes:
        scenario: which.
        type_one: method -> rejection rate where both arms are equal.
        covered: method -> coverage of the true difference where they differ by `difference`.
        width: method -> mean width of the interval in the same.
        counts: method -> simulations it was computed on.
        difference: the true difference: the minimum detectable one of the first part's variances.
        power: rejection rate of the calibrated joint method there.
        promised: the power that the minimum detectable difference stands for, .80.
        normal_type_one, normal_power: the same rates of that method where estimates are normal and have the
            simulated variances (`power.power_of`): what is left beside them is due to the shape of AUROCs.
    """

    scenario: Scenario
    type_one: dict[str, float]
    covered: dict[str, float]
    width: dict[str, float]
    counts: dict[str, int]
    difference: float
    power: float
    promised: float
    normal_type_one: float
    normal_power: float


def run(
    scenario: Scenario, simulations: int, seed: int, bootstrapped: int, pool: Executor | None = None
) -> Iterator[Result | None]:
    """Simulate a scenario; yields None after every simulated study, and the result at the end.

    Args:
        scenario: which.
        simulations: studies without a difference, and as many with one.
        seed: of everything random.
        bootstrapped: the two-level bootstrap, by far the slowest, is done on this many of each.
        pool: processes that share the work; their number does not change the result.
    """

    def studies(true: float, first: int) -> Iterator[Analysis]:
        numbers = range(first, first + simulations)
        study = partial(_study, scenario, true, seed)
        with_bootstrap = [number - first < bootstrapped for number in numbers]
        if pool is None:
            return map(study, numbers, with_bootstrap)
        return pool.map(study, numbers, with_bootstrap, chunksize=8)

    null = _Tally()
    for analysis in studies(0.0, 0):
        null.add(analysis, 0.0, scenario.auroc)
        yield None
    parts = null.components()
    true = power.detectable_with(parts, scenario.seeds, 1)
    # Both arms stay below 1; a difference larger than the room there is would not be one of AUROCs.
    room = 1.8 * (1 - scenario.auroc)
    promised = power.POWER if true <= room else power.power_of(room, parts, scenario.seeds)
    true = min(true, room)
    other = _Tally()
    for analysis in studies(true, simulations):
        other.add(analysis, true, scenario.auroc - true / 2)
        yield None
    yield Result(
        scenario=scenario,
        type_one={name: 1 - rate for name, rate in null.rates().items() if name != ONE_ARM},
        covered=other.rates(),
        width={name: float(np.mean(widths)) for name, widths in other.widths.items()},
        counts={name: len(widths) for name, widths in other.widths.items()},
        difference=true,
        power=float(np.mean(other.rejected)),
        promised=promised,
        normal_type_one=power.power_of(0.0, parts, scenario.seeds),
        normal_power=power.power_of(true, other.components(), scenario.seeds),
    )


class _Tally:
    """Counts over the simulations of one truth."""

    def __init__(self) -> None:
        self.hits: dict[str, list[bool]] = {}
        self.widths: dict[str, list[float]] = {}
        self.rejected: list[bool] = []
        self.seeds: list[float] = []
        self.patients: list[float] = []

    def add(self, analysis: Analysis, difference_true: float, arm_true: float) -> None:
        for name, (low, high) in analysis.intervals.items():
            truth = arm_true if name == ONE_ARM else difference_true
            self.hits.setdefault(name, []).append(low <= truth <= high)
            self.widths.setdefault(name, []).append(high - low)
        low, high = analysis.intervals[CALIBRATED]
        self.rejected.append(not low <= 0 <= high)
        self.seeds.append(analysis.joint.seed_variance)
        self.patients.append(analysis.between)

    def rates(self) -> dict[str, float]:
        return {name: float(np.mean(hits)) for name, hits in self.hits.items()}

    def components(self) -> power.Components:
        return power.Components(float(np.mean(self.seeds)), max(float(np.mean(self.patients)), 0.0), 0.0)


def _study(scenario: Scenario, true: float, seed: int, number: int, bootstrapped: bool) -> Analysis:
    # The streams call a scenario "setting": another word would give other numbers.
    rng = rng_for(seed, "validate", setting=scenario.name, study=number)
    truth = Truth(
        auroc=(scenario.auroc - true / 2, scenario.auroc + true / 2),
        seeds=scenario.seeds,
        images=scenario.images,
        images_per_patient=scenario.images_per_patient,
    )
    block = simulate(truth, rng)
    analysis = analyse(block, rng)
    if bootstrapped:
        root = seed_for(seed, "validate bootstrap", setting=scenario.name, study=number)
        auroc = metrics.find("auroc")
        draws = bootstrap.replicate(block, (auroc,), RESAMPLES, root, workers=1).values[auroc.name]
        shares = bootstrap.seed_weights(scenario.seeds, RESAMPLES, root)
        differences = np.einsum("bs,bs->b", draws[:, 1] - draws[:, 0], shares)
        interval = bootstrap.percentile(differences)
        analysis.intervals[TWO_LEVEL] = interval.low, interval.high
    return analysis


def analyse(block: Block, rng: np.random.Generator) -> Analysis:
    """The 95% interval of arm 1 minus arm 0 by every quick method, and of arm 0 alone.

    Args:
        block: two arms of a binary task, at least two seeds.
        rng: of the bootstrap over seeds.
    """
    seeds, images = len(block.seeds), len(block.groups)
    y, scores = block.truth[:, 1], block.scores[:, :, 0, :, 1]
    parts = placements(y, scores.reshape(-1, images), block.groups)
    cov = covariance(parts)
    first, second = parts.auc[:seeds], parts.auc[seeds:]
    d = second - first
    between = contrast(cov, seeds)
    primary = difference(first, second, cov)
    mean = primary.estimate
    spread = float(d.var(ddof=1))
    intervals = {CALIBRATED: primary.interval(), JOINT: primary.by_hillis.interval(), PAIRED_T: _t(*paired_t(d))}
    arm = joint(first, cov[:seeds, :seeds])
    intervals[ONE_ARM] = logit_interval(arm) if 0 < arm.estimate < 1 else arm.interval()
    intervals[PATIENTS] = _t(mean, math.sqrt(max(float(between.sum()), 0.0)) / seeds)
    intervals[NADEAU_BENGIO] = _t(mean, math.sqrt(spread * (1 / seeds + 3.1)), seeds - 1)
    drawn = d[rng.integers(0, seeds, size=(RESAMPLES, seeds))].mean(axis=1)
    interval = bootstrap.percentile(drawn)
    intervals[SEED_BOOTSTRAP] = interval.low, interval.high
    intervals[SINGLE] = _t(float(d[0]), math.sqrt(max(float(between[0, 0]), 0.0)))
    pooled = placements(np.tile(y, seeds), scores.reshape(2, -1), np.arange(images * seeds))
    shared = contrast(covariance(pooled), 1)
    intervals[POOLED] = _t(float(pooled.auc[1] - pooled.auc[0]), math.sqrt(max(float(shared[0, 0]), 0.0)))
    if block.group_count < images:
        loose = covariance(placements(y, scores.reshape(-1, images), np.arange(images)))
        intervals[INDEPENDENT] = difference(first, second, loose).interval()
    off = (between.sum() - np.trace(between)) / (seeds * (seeds - 1))
    return Analysis(intervals, primary, float(off))


def _t(estimate: float, se: float, df: float = math.inf) -> tuple[float, float]:
    half = quantile(0.975, df) * se
    return estimate - half, estimate + half
