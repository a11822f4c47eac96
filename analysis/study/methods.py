"""Every comparison again by other methods, each with what its interval generalises to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import numpy.typing as npt

from analysis.predictions.block import Block, Estimand
from analysis.statistics import paired
from analysis.statistics.inference import WHY_NO_P, Inference, cochran, paired_t, quantile, sign_flip, two_sided
from analysis.study import bootstrap
from analysis.study.comparison import Comparison
from analysis.study.estimand import overlap
from analysis.study.priors import Correction
from analysis.study.scores import AUROC, Scored, ensemble, score, without_groups
from analysis.study.study import BlockStudy, Study, permutation_rng
from analysis.study.threads import in_threads

Floats = npt.NDArray[np.float64]

SIGN_FLIP_SEEDS = range(6, 21)
CORRECTED: tuple[tuple[Estimand, str], ...] = (("pool", "off"), ("population", "on"))  # for overlapping samples
LENIENT_BELOW = 10  # seeds; with fewer, the size by Hillis's degrees of freedom is above .05
PERMUTATIONS = 499
MOST_PERMUTED = 45  # pairs of arms: of more, the tests of every seed would take longer than all the rest

BOTH = "new training samples, new patients"
SEEDS = "new training samples, these patients"
PATIENTS = "these trained models, new patients"
NEITHER = "these trained models, these patients"

Permuted = Mapping[tuple[int, int, int], float]


@dataclass(frozen=True, slots=True)
class Answer:
    """One method's answer.

    Attributes:
        method: its name.
        generalises_to: what the interval and the p-value are about.
        difference: b minus a, in the metric's units.
        se, df, p: NaN where the method has none.
        low, high: ends of the 95% interval, likewise.
        note: what else one must know.
        seed: the training seed, where it is about one alone.
        metric: where it is another than the comparison's.
    """

    method: str
    generalises_to: str
    difference: float
    se: float = math.nan
    df: float = math.nan
    p: float = math.nan
    low: float = math.nan
    high: float = math.nan
    note: str = ""
    seed: str = ""
    metric: str = ""


def answers(study: Study) -> Iterator[tuple[Comparison, Answer]]:
    """Every comparison of the primary metric by every method; its first answer is the primary analysis."""
    parts = [
        (member, study.comparisons_of(member.scored[study.primary.name]), correction)
        for member, correction in zip(study.blocks, study.corrections, strict=True)
    ]
    yield from chain.from_iterable(in_threads(lambda part: list(_of_block(*part, study.seed)), parts))


def _of_block(
    member: BlockStudy, comparisons: Sequence[Comparison], correction: Correction, seed: int
) -> Iterator[tuple[Comparison, Answer]]:
    if not comparisons:
        return
    scored = comparisons[0].scored
    block = scored.block
    clustered = block.group_count < len(block.groups)
    unclustered = score(without_groups(block), scored.metric) if clustered else scored
    merged = score(ensemble(block), scored.metric)
    permuted = _permutations(comparisons, seed)
    for comparison in comparisons:
        for answer in _over_seeds(member, comparison, unclustered, merged):
            yield comparison, answer
        for s in range(comparison.seeds):
            for answer in _of_one_seed(comparison, s, permuted, correction):
                yield comparison, replace(answer, seed=str(block.seeds[s]))


def _over_seeds(member: BlockStudy, comparison: Comparison, unclustered: Scored, merged: Scored) -> Iterator[Answer]:
    scored, a, b, count = comparison.scored, comparison.a, comparison.b, comparison.seeds
    name, mean = scored.metric.name, comparison.estimate
    models = scored.pair(a, b, "models")
    fixed = _t("patients only, seeds fixed", PATIENTS, mean, models.se, models.df)
    inference = scored.pair(a, b, "population") if comparison.for_models else comparison.inference
    joint = _joint("joint over seeds and patients", inference, count)
    primary, other = (fixed, joint) if comparison.for_models else (joint, fixed)
    yield replace(primary, method=f"{primary.method} (primary)")
    if count >= 2 or not comparison.for_models:
        yield other
    if count >= 2:
        yield from _of_several_seeds(scored.values[b] - scored.values[a], inference)
        draws = member.two_level(name)
        yield _drawn("two-level bootstrap, percentile", BOTH, mean, draws[:, b] - draws[:, a])
    draws = member.groups_only(name)
    yield _drawn("bootstrap of patients, percentile", PATIENTS, mean, draws[:, b] - draws[:, a])
    loose = unclustered.pair(a, b)
    if comparison.for_models:
        yield _t("images taken as independent, seeds fixed", PATIENTS, mean, loose.se, loose.df, "clusters ignored")
    else:
        yield _joint("joint, images taken as independent", loose, count, "clusters ignored")
    if count >= 2:
        for estimand, state in CORRECTED:
            note = f"rho = {overlap(scored.block, estimand):.3g}"
            yield _joint(f"joint, overlap correction {state}", scored.pair(a, b, estimand), count, note)
    of_merged = merged.pair(a, b)
    yield _t("ensemble of the seeds", PATIENTS, of_merged.estimate, of_merged.se, of_merged.df, "another estimand")


def _of_several_seeds(values: Floats, joint: Inference) -> Iterator[Answer]:
    """Other critical values for the joint test, and tests of the (S,) seeds' differences for these patients."""
    count = len(values)
    yield _joint(
        "joint, Hillis's degrees of freedom",
        joint.by_hillis,
        count,
        "too lenient with few seeds" if count < LENIENT_BELOW else "",
    )
    p, low, high = cochran(joint)
    yield Answer("joint, Cochran's critical value", BOTH, joint.estimate, joint.se, p=p, low=low, high=high)
    yield _t("paired t over seeds", SEEDS, *paired_t(values))
    if count in SIGN_FLIP_SEEDS:
        yield Answer("exact sign-flip over seeds", SEEDS, joint.estimate, p=sign_flip(values))


def _of_one_seed(comparison: Comparison, s: int, permuted: Permuted, correction: Correction) -> Iterator[Answer]:
    """The classical paired tests of one seed's two models; the tests take the first refit alone."""
    scored, a, b = comparison.scored, comparison.a, comparison.b
    block = scored.block
    if scored.metric.name == AUROC:
        covariance = scored.pair_covariance(a, b)
        at, to = s, len(block.seeds) + s
        variance = covariance[at, at] + covariance[to, to] - 2 * covariance[at, to]
        value = float(scored.values[b, s] - scored.values[a, s])
        yield _t("clustered DeLong", PATIENTS, value, math.sqrt(max(float(variance), 0.0)))
        if (a, b, s) in permuted:
            note = f"{PERMUTATIONS} permutations of patients, midranks"
            yield Answer("paired permutation", NEITHER, value, p=permuted[a, b, s], note=note)
    if block.task != "multilabel":
        yield _mcnemar("McNemar, clustered", block, a, b, s, "accuracy at the default threshold")
        if correction.made:
            note = "accuracy at the default threshold, scores corrected to the holdout's prevalence"
            yield _mcnemar("McNemar, clustered, prior-corrected", correction.block, a, b, s, note)


def _mcnemar(method: str, block: Block, a: int, b: int, s: int, note: str) -> Answer:
    right = block.scores[[a, b], s, 0].argmax(axis=-1) == block.truth.argmax(axis=-1)
    estimate, se, _ = paired.clustered_mcnemar(right[0], right[1], block.groups)
    return replace(_t(method, PATIENTS, estimate, se, note=note), metric="accuracy")


def _permutations(comparisons: Sequence[Comparison], seed: int) -> Permuted:
    """(a, b, s) -> permutation p-value of the AUROCs of one block; empty beyond `MOST_PERMUTED`."""
    scored = comparisons[0].scored
    block, columns = scored.block, list(scored.block.columns)
    if scored.metric.name != AUROC or len(comparisons) > MOST_PERMUTED:
        return {}

    def of_seed(s: int) -> dict[tuple[int, int, int], float]:
        ranks = [paired.ranks(block.truth[:, columns], scores[:, columns]) for scores in block.scores[:, s, 0]]
        p_values = {}
        for comparison in comparisons:
            a, b, rng = comparison.a, comparison.b, permutation_rng(seed, comparison, block.seeds[s])
            p_values[a, b, s] = paired.auroc_permutation(ranks[a], ranks[b], block.groups, PERMUTATIONS, rng)
        return p_values

    return {key: p for of_one in in_threads(of_seed, range(len(block.seeds))) for key, p in of_one.items()}


def _joint(method: str, inference: Inference, seeds: int, note: str = "") -> Answer:
    low, high = inference.interval()
    about = BOTH if seeds > 1 else PATIENTS
    note = note or (WHY_NO_P if math.isnan(inference.p) else "")
    return Answer(method, about, inference.estimate, inference.se, inference.df, inference.p, low, high, note)


def _t(method: str, about: str, estimate: float, se: float, df: float = math.inf, note: str = "") -> Answer:
    half = quantile(0.975, df) * se
    return Answer(method, about, estimate, se, df, two_sided(estimate, se, df), estimate - half, estimate + half, note)


def _drawn(method: str, about: str, estimate: float, draws: Floats) -> Answer:
    interval = bootstrap.percentile(draws)
    note = f"{len(draws)} resamples"
    return Answer(method, about, estimate, interval.se, math.nan, interval.p, interval.low, interval.high, note)
