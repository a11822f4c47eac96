"""All tables of a report by name, and where each stands on the page, with what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from analysis.page.page import Section
from analysis.statistics import calibration
from analysis.statistics.equivalence import MARGINS
from analysis.study.study import Study
from analysis.tables import claims, estimates, sensitivity

if TYPE_CHECKING:
    import pandas as pd

#: name -> chapter, title, caption, folded. Tables not named here are the run's own and come last.
PLACES: Mapping[str, tuple[str, str, str, bool]] = {
    "arms": (
        "Main results",
        "Every arm",
        "Mean over training seeds, with the joint standard error, Hillis's degrees of freedom and the 95% "
        "interval; seed_sd is the SD of one training run.",
        False,
    ),
    "pairwise": (
        "Main results",
        "Every pair of arms",
        "Difference arm_b - arm_a, paired by seed and patient (Obuchowski-Rockette, Hillis's df). p_holm is "
        "adjusted over every row of this table. hedges_g: difference over the seeds' SD; p_superior: share "
        "of seeds in which b beats a; mdd: smallest true difference that this design finds with 80% power; "
        "rho: overlap of the training subsamples.",
        False,
    ),
    "over_datasets": (
        "Main results",
        "Claims over the data sets",
        "Is b better than a on at least so many data sets? One-sided partial-conjunction p-values; p_all is "
        "for every one (intersection-union). Rank tests over data sets are left out: below 6 data sets they "
        "cannot reach .05.",
        False,
    ),
    "shift": (
        "Main results",
        "The same arms on another holdout",
        "shift: mean on this run's holdout minus that on the other's, with an interval that takes the runs as "
        "independent. An official test set can differ from the data that it came with; a patient-disjoint "
        "share of everything cannot.",
        False,
    ),
    "label_gain": (
        "Main results",
        "Label-equivalent gain",
        "Labelled images per class that arm_a needs to equal arm_b at the smallest n, by monotone "
        "interpolation on log n; not extrapolated beyond the measured range.",
        False,
    ),
    "sensitivity": (
        "Sensitivity",
        "The same differences by other methods",
        "Only the first row of each pair is the primary analysis. generalises_to says what each interval is "
        "about: those that hold seeds or patients fixed are too narrow for a claim about new ones.",
        True,
    ),
    "equivalence": (
        "Sensitivity",
        "Equivalence and non-inferiority by margin",
        "tost_p: two one-sided tests. p_below, p_within and p_above: posterior probabilities of a difference "
        "below -margin, inside, and above.",
        True,
    ),
    "multiplicity": (
        "Sensitivity",
        "Corrections for many comparisons",
        "p_holm over all; p_holm_within and p_shaffer (three arms) within one data set and n.",
        True,
    ),
    "variance": (
        "Sensitivity",
        "What the uncertainty is made of",
        "Variance of one seed's difference: training seeds, patients, and their interaction; the shares are "
        "of the variance of the mean. Negative components are estimates of something near zero.",
        True,
    ),
    "power": (
        "Sensitivity",
        "Buy seeds or buy patients?",
        "Minimum detectable difference (80% power, two-sided 5%) with other numbers of seeds, and of "
        "patients as multiples of this holdout. inf seeds: the floor that no number of training runs goes "
        "below.",
        True,
    ),
    "effects": (
        "Sensitivity",
        "Effect sizes",
        "Hedges's g (average SD of the seeds), Cliff's delta over seeds, and the probability that b beats a "
        "on a new training sample, same patients (Wilson's interval).",
        True,
    ),
    "exploratory_arms": (
        "Other metrics (exploratory)",
        "Every arm",
        "No claim is made on these. Average precision depends on the prevalence: see the holdout's counts. "
        "Sensitivity is read off the ROC curve, the threshold chosen anew in each resample.",
        True,
    ),
    "exploratory_pairwise": (
        "Other metrics (exploratory)",
        "Every pair of arms",
        "Intervals for new seeds and patients; q_bh: Benjamini-Hochberg within each metric. For log-loss and "
        "Brier score lower is better.",
        True,
    ),
    "bootstrap": (
        "Other metrics (exploratory)",
        "Bootstrap intervals",
        "Percentile intervals of every arm and pair from the same resamples of patients, with and without "
        "the seeds resampled; redrawn counts resamples that lacked a class.",
        True,
    ),
    "calibration": (
        "Other metrics (exploratory)",
        "Calibration",
        "Recalibration intercept and slope (0 and 1 are perfect) with joint intervals; the calibration error "
        "is debiased and descriptive.",
        False,
    ),
    "budget": (
        "Budget",
        "Budget ledger",
        "Finished trials, cost and divergence of every arm: the comparison is fair only if fewest and most are equal.",
        False,
    ),
    "optimism": (
        "Budget",
        "What tuning bought, and what it overstates",
        "Inner validation: trial 0 (the published default) and the best trial. tuning_gain: their "
        "difference. optimism: best validation value minus the holdout's.",
        False,
    ),
    "crossing": (
        "Budget",
        "Trials until an arm's default is overtaken",
        "Area under the best-so-far curve (mean over trials and seeds), and the first trial at which the "
        "mean incumbent exceeds the final mean of the arm named in 'against'.",
        True,
    ),
    "holdout": (
        "Data",
        "Holdout",
        "What the predictions are made on: images, groups, and images of each class.",
        False,
    ),
}


def tables(study: Study, trials: pd.DataFrame | None, metric_tuned: str | None) -> dict[str, pd.DataFrame]:
    """Every table that can be computed, by name."""
    import pandas as pd

    scored = study.of(study.primary.name)
    found: dict[str, pd.DataFrame | None] = {
        "arms": estimates.arms(scored),
        "pairwise": estimates.pairwise(scored, study.margin),
        "over_datasets": claims.over_datasets(scored),
        "label_gain": claims.label_gains(study),
        "sensitivity": sensitivity.table(study),
        "equivalence": estimates.equivalence(scored, study.margin, MARGINS),
        "multiplicity": claims.multiplicity(scored),
        "variance": sensitivity.variance(scored),
        "power": sensitivity.power(scored),
        "effects": estimates.effect_sizes(scored),
        "exploratory_arms": pd.concat([estimates.arms(study.of(name)) for name in study.exploratory]),
        "exploratory_pairwise": estimates.exploratory(study),
        "bootstrap": estimates.bootstrapped(study),
        "calibration": calibration.table([each.block for each in study.blocks]),
        "holdout": holdout(study),
    }
    if trials is not None:
        from analysis.study import incumbents as curves

        found["budget"] = budget.ledger(trials)
        found["crossing"] = curves.table(trials)
        if metric_tuned in (None, study.primary.name):
            found["optimism"] = budget.optimism(trials, scored)
    always = ("arms", "pairwise")
    return {name: frame for name, frame in found.items() if frame is not None and (len(frame) or name in always)}


def holdout(study: Study) -> pd.DataFrame:
    """One row for each (data set, class): images and groups of the holdout."""
    import numpy as np
    import pandas as pd

    rows = []
    seen = set()
    for each in study.blocks:
        block = each.block
        if block.dataset in seen:
            continue
        seen.add(block.dataset)
        for k, name in enumerate(block.classes):
            positive = block.truth[:, k] == 1
            known = ~np.isnan(block.truth[:, k])
            rows.append(
                {
                    "dataset": block.dataset,
                    "task": block.task,
                    "class": name,
                    "images": int(positive.sum()),
                    "groups": len(np.unique(block.groups[positive])),
                    "prevalence": float(positive.sum() / known.sum()),
                    "unknown": int((~known).sum()),
                    "images_in_all": len(block.groups),
                    "groups_in_all": int(block.groups.max()) + 1,
                }
            )
    return pd.DataFrame(rows)


def chapters(frames: Mapping[str, pd.DataFrame]) -> dict[str, list[Section]]:
    """The page's chapters; tables that only the run knows (protocol, search spaces, data, leaks) come
    last."""
    found: dict[str, list[Section]] = {}
    for name, frame in frames.items():
        default = ("The run", name.replace("_", " ").capitalize(), "", False)
        chapter, title, caption, folded = PLACES.get(name, default)
        found.setdefault(chapter, []).append(Section(name, title, caption, frame, folded))
    order = list(dict.fromkeys(place[0] for place in PLACES.values()))
    return {title: found[title] for title in [*order, "The run"] if title in found}


def run_tables(described: Mapping[str, Any] | None, taken: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The tables that a run's spec.json carries, by name; a name that is taken gets ``run_`` before it."""
    import pandas as pd

    found = {}
    tables_there = (described or {}).get("tables", {})
    for name, records in tables_there.items() if isinstance(tables_there, Mapping) else ():
        usable = isinstance(records, list) and bool(records) and all(isinstance(row, Mapping) for row in records)
        if not usable:
            continue
        safe = "".join(letter if letter.isalnum() else "_" for letter in str(name))
        frame = pd.DataFrame(records)
        # Integers with gaps would turn into floats; as objects they stay what they are.
        frame = frame.astype(object).where(frame.notna(), None)
        found[f"run_{safe}" if safe in taken else safe] = frame
    return found
