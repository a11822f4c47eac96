"""The same differences by other methods, each under its own name, and what their variance is made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analysis.statistics import effects, paired
from analysis.statistics.inference import (
    WHY_NO_P,
    Inference,
    contrast,
    difference,
    paired_t,
    quantile,
    sign_flip,
    two_sided,
)
from analysis.study import bootstrap
from analysis.study.scores import Scored, ensemble, score, without_groups
from analysis.study.study import BlockStudy, Study, permutation_rng
from analysis.tables.estimates import pair_keys

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

SIGN_FLIP_SEEDS = range(6, 21)
PERMUTATIONS = 499
MOST_PERMUTED = 45  # pairs of arms times classes: of more, the tests of every seed would take longer than all the rest

Permuted = Mapping[tuple[int, int, int], float]

BOTH = "new training samples, new patients"
SEEDS = "new training samples, these patients"
PATIENTS = "these trained models, new patients"
NEITHER = "these trained models, these patients"

COLUMNS = [
    "dataset",
    "n_per_class",
    "metric",
    "arm_a",
    "arm_b",
    "method",
    "seed",
    "generalises_to",
    "difference",
]
COLUMNS += ["se", "df", "ci_low", "ci_high", "p", "note"]


@dataclass(frozen=True, slots=True)
class Line:
    """One method's answer."""

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


def table(study: Study) -> pd.DataFrame:
    """Every pair of the primary metric by every method, one row a method (and seed)."""
    import pandas as pd

    rows = []
    name = study.primary.name
    for each in study.blocks:
        scored = each.scored[name]
        clustered = int(scored.block.groups.max()) + 1 < len(scored.block.groups)
        alone = score(without_groups(scored.block), name) if clustered else scored
        together = score(ensemble(scored.block), name)
        permuted = _permutations(scored, study.seed)
        for a, b in scored.pairs:
            for line in _lines(each, scored, alone, together, a, b, permuted):
                rows.append(
                    pair_keys(scored, a, b)
                    | {
                        "method": line.method,
                        "seed": line.seed,
                        "generalises_to": line.generalises_to,
                        "difference": line.difference,
                        "se": line.se,
                        "df": line.df,
                        "ci_low": line.low,
                        "ci_high": line.high,
                        "p": line.p,
                        "note": line.note,
                    }
                    | ({"metric": line.metric} if line.metric else {})
                )
    return pd.DataFrame(rows, columns=COLUMNS)


def _lines(
    each: BlockStudy, scored: Scored, alone: Scored, together: Scored, a: int, b: int, permuted: Permuted
) -> Iterator[Line]:
    block, name = scored.block, scored.metric.name
    count = len(block.seeds)
    values = scored.values[b] - scored.values[a]
    mean = float(values.mean())
    primary = scored.pair(a, b)
    yield _joint("joint over seeds and patients (primary)", primary, count)
    if count >= 2:
        estimate, se, df = paired_t(values)
        yield _t("paired t over seeds", SEEDS, estimate, se, df)
        if count in SIGN_FLIP_SEEDS:
            yield Line("exact sign-flip over seeds", SEEDS, mean, p=sign_flip(values))
    covariance = contrast(scored.pair_covariance(a, b), count)
    yield _t("patients only, seeds fixed", PATIENTS, mean, math.sqrt(max(float(covariance.sum()), 0.0)) / count)
    if count >= 2:
        draws = each.two_level(name)
        yield _drawn("two-level bootstrap, percentile", BOTH, mean, draws[:, b] - draws[:, a])
    draws = each.groups_only(name)
    yield _drawn("bootstrap of patients, percentile", PATIENTS, mean, draws[:, b] - draws[:, a])
    single = alone.pair(a, b)
    yield _joint("joint, images taken as independent", single, count, "clusters ignored")
    if count >= 2:
        for rho, what in ((0.0, "off"), (block.rho, "on")):
            other = difference(scored.values[a], scored.values[b], scored.pair_covariance(a, b), rho)
            yield _joint(f"joint, overlap correction {what}", other, count, f"rho = {rho:.3g}")
    whole = together.pair(a, b)
    yield _t("ensemble of the seeds", PATIENTS, whole.estimate, whole.se, note="another estimand")
    for s in range(count):
        yield from _one_seed(scored, a, b, s, permuted)


def _one_seed(scored: Scored, a: int, b: int, s: int, permuted: Permuted) -> Iterator[Line]:
    """The classical paired tests of one seed's two models; refits beyond the first are left out of the
    tests."""
    block = scored.block
    label = str(block.seeds[s])
    if scored.metric.kind == "auroc":
        covariance = scored.pair_covariance(a, b)
        at, to = s, len(block.seeds) + s
        variance = covariance[at, at] + covariance[to, to] - 2 * covariance[at, to]
        value = float(scored.values[b, s] - scored.values[a, s])
        line = _t("clustered DeLong", PATIENTS, value, math.sqrt(max(float(variance), 0.0)))
        yield _of_seed(line, label)
        if (a, b, s) in permuted:
            note = f"{PERMUTATIONS} permutations of patients, midranks"
            yield Line("paired permutation", NEITHER, value, p=permuted[a, b, s], note=note, seed=label)
    if block.task != "multilabel":
        right = block.scores[[a, b], s, 0].argmax(axis=-1) == block.truth.argmax(axis=-1)
        estimate, se, _ = paired.clustered_mcnemar(right[0], right[1], block.groups)
        line = _t("McNemar, clustered", PATIENTS, estimate, se, note="accuracy at the default threshold")
        yield _of_seed(line, label, "accuracy")


def _permutations(scored: Scored, seed: int) -> Permuted:
    """(a, b, s) -> permutation p-value of AUROCs; empty beyond `MOST_PERMUTED`."""
    block = scored.block
    columns = list(block.columns)
    if scored.metric.kind != "auroc" or len(scored.pairs) * len(columns) > MOST_PERMUTED:
        return {}

    def test(key: tuple[int, int, int]) -> float:
        a, b, s = key
        first, second = (block.scores[arm, s, 0][:, columns] for arm in (a, b))
        rng = permutation_rng(seed, scored, a, b, s)
        return paired.auroc_permutation(block.truth[:, columns], first, second, block.groups, PERMUTATIONS, rng)

    keys = [(a, b, s) for a, b in scored.pairs for s in range(len(block.seeds))]
    with ThreadPoolExecutor(bootstrap.threads()) as pool:
        return dict(zip(keys, pool.map(test, keys), strict=True))


def variance(scored: list[Scored]) -> pd.DataFrame:
    """What the uncertainty of every difference is made of.

    The variance of one seed's difference splits into seeds (another training sample, same patients),
    patients (the same for all seeds) and their interaction, estimated from the covariance over patients; a
    negative component is kept as it is found. The shares are of V, the variance of the mean over seeds.
    """
    import pandas as pd

    rows = []
    for each in scored:
        count = len(each.block.seeds)
        for a, b in each.pairs:
            found = each.pair(a, b)
            covariance = contrast(each.pair_covariance(a, b), count)
            own = float(np.trace(covariance)) / count
            shared = math.nan if count == 1 else (float(covariance.sum()) - count * own) / (count * (count - 1))
            total = found.seed_part + found.patient_part
            part = (own - shared) / count if count > 1 else math.nan
            rows.append(
                pair_keys(each, a, b)
                | {
                    "seeds": count,
                    "variance_seeds": found.seed_variance - (own - shared),
                    "variance_patients": shared,
                    "variance_interaction": own - shared,
                    "variance_of_mean": total,
                    "share_seeds": (found.seed_part - part) / total if total else math.nan,
                    "share_patients": found.patient_part / total if total else math.nan,
                    "share_interaction": part / total if total else math.nan,
                }
            )
    return pd.DataFrame(rows)


def power(scored: list[Scored]) -> pd.DataFrame:
    """Minimum detectable difference of every pair for other numbers of seeds and patients; needs two
    seeds."""
    import pandas as pd

    rows = []
    for each in scored:
        count = len(each.block.seeds)
        if count < 2:
            continue
        patients = int(each.block.groups.max()) + 1
        for a, b in each.pairs:
            parts = components(each, a, b)
            for seeds in (3, 5, 10, 20, 50, math.inf):
                found = {
                    f"patients_x{factor:g}": effects.detectable_with(parts, seeds, factor)
                    for factor in (0.5, 1, 2, 4, 10)
                }
                rows.append(
                    pair_keys(each, a, b)
                    | {"seeds": "inf" if math.isinf(seeds) else str(seeds), "patients_now": patients}
                    | found
                )
    return pd.DataFrame(rows)


def components(scored: Scored, a: int, b: int) -> effects.Components:
    """The variance components of a pair's difference, for `effects.detectable_with`."""
    count = len(scored.block.seeds)
    found = scored.pair(a, b)
    covariance = contrast(scored.pair_covariance(a, b), count)
    own = float(np.trace(covariance)) / count
    # Kept within the seeds' variance, so that the parts add up to the V that the tests used.
    interaction = min(max(own - found.patient_part, 0.0), found.seed_variance)
    return effects.Components(found.seed_variance - interaction, found.patient_part, interaction, scored.block.rho)


def _joint(method: str, found: Inference, seeds: int, note: str = "") -> Line:
    low, high = found.interval()
    about = BOTH if seeds > 1 else PATIENTS
    note = note or (WHY_NO_P if math.isnan(found.p) else "")
    return Line(method, about, found.estimate, found.se, found.df, found.p, low, high, note)


def _t(method: str, about: str, estimate: float, se: float, df: float = math.inf, note: str = "") -> Line:
    half = quantile(0.975, df) * se
    return Line(method, about, estimate, se, df, two_sided(estimate, se, df), estimate - half, estimate + half, note)


def _drawn(method: str, about: str, estimate: float, draws: Floats) -> Line:
    found = bootstrap.percentile(draws)
    return Line(method, about, estimate, found.se, math.nan, found.p, found.low, found.high, f"{len(draws)} resamples")


def _of_seed(line: Line, seed: str, metric: str = "") -> Line:
    from dataclasses import replace

    return replace(line, seed=seed, metric=metric)
