"""What the columns of tables say. A name means the same in every table, but for a few that are told apart here.

A table with columns of its own explains them in its own file, as ``MEANINGS``.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Column -> its meaning.
SHARED: Mapping[str, str] = {
    # which row it is
    "dataset": "the data set",
    "n_per_class": "labelled images per class, those for validation included",
    "metric": "the metric of the values, in natural units",
    "arm": "a way to get a model",
    "arm_a": "the first arm of the pair",
    "arm_b": "the second arm of the pair; every difference is b - a",
    "seeds": "number of training samples",
    "seed": "the training sample, where a method takes one alone",
    "cells": "cells (training samples) that are counted",
    "class": "the class or label; 'mean' is over all",
    "label": "the class or label, against the rest",
    "method": "the method of analysis",
    "datasets": "number of data sets",
    "estimand": "what the interval is about: these models, this pool or the population",
    "scores": "the scores as they are, or corrected to the holdout's prevalence",
    "threshold": "probability from which an image is acted on",
    "note": "what else has to be known of the row",
    # estimates
    "estimate": "mean over training samples (of a single one, its value)",
    "difference": "estimate of arm_b less that of arm_a; positive does not mean better where lower values are better",
    "se": "standard error",
    "df": "degrees of freedom of the standard error",
    "ci_low": "lower end of the 95% interval",
    "ci_high": "upper end of the 95% interval",
    "seed_sd": "standard deviation over training samples",
    "p": "p-value of no difference, not corrected; empty where it may not be claimed",
    "p_holm": "p-value of a difference, corrected over the family",
    "p_equivalent": "p-value of equivalence within the margin, corrected over the family",
    "q_bh": "false discovery rate within the metric (Benjamini and Hochberg)",
    "verdict": "better, worse, equivalent or inconclusive: of arm_b against arm_a, from the corrected p-values",
    "ci_low_family": "lower end of the interval that holds for all rows together",
    "ci_high_family": "upper end of the interval that holds for all rows together",
    "mdd": "smallest true difference that this design finds with 80% power, at the first step of the correction",
    "mdd_unadjusted": "the same with one comparison",
    "rho": "share of training images that two training samples have in common",
    "margin": "largest difference that counts as none",
    "primary": "whether the verdicts are about this row",
    "alpha": "level of a single test at the first step of the correction",
    # effects
    "hedges_g": "difference over the standard deviation of the training samples; positive where arm_b is better",
    "cliffs_delta": "share of pairs of training samples in which arm_b is better, less that in which it is worse",
    "p_superior": "share of training samples in which arm_b is better",
    # ranks
    "rank": "place of the arm's estimate; 1 is best",
    "rank_best": "best rank that the data leave open",
    "rank_worst": "worst rank that the data leave open",
    "mean_rank": "mean of the arm's ranks over the data sets",
    "critical_difference": "distance of mean ranks from which on two arms differ (Nemenyi, 5%)",
    "auroc": "area under the ROC curve of this class or label",
    "positives": "images of the holdout that have it",
    "patients": "groups of the holdout that have it",
    # collapse
    "mean": "mean over training samples",
    "median": "median over training samples",
    "worst": "the worst training sample's value",
    "collapsed": "number of training samples that collapsed",
    "collapsed_seeds": "which",
    "failure": "their share: an estimate of the probability of a failure",
    # the winner, and pooling
    "arms": "number of arms",
    "best_arm": "the arm with the best mean",
    "bias": "by how much its mean overstates it, for having been chosen",
    "corrected": "the estimate after the correction that the table is about",
    "estimate_for": "the mean over data sets, a new data set, or a data set drawn towards the mean",
    "tau": "standard deviation of the true differences between data sets",
    "direction": "the claim: b better, or b worse",
    "on_at_least": "the number of data sets that is claimed",
    "p_at_least": "p-value of the claim for at least so many data sets",
    "p_all": "p-value of the claim for every one",
    # looks
    "look": "number of the look",
    "level": "level that this look spends",
    "spent": "level spent up to this look",
    # another holdout
    "holdout": "the holdout: its kind, or the value there",
    "other_holdout": "kind of the other run's holdout",
    "other_estimate": "the arm's mean there",
    "shift": "estimate here less that there",
    # label gain
    "n_of_b": "labelled images per class that arm_b has",
    "n_of_a_to_equal_b": "labelled images per class that arm_a needs for the same mean",
    "resamples_in_range": "share of resamples whose answer lies between the smallest and the largest measured n",
    "open_ends": "in how many resamples it lies below or above",
    # sensitivity
    "generalises_to": "what the method's interval is about",
    "tost_p": "p-value of two one-sided tests, not corrected",
    "equivalent": "whether the 90% interval lies inside the margin",
    "b_noninferior": "whether arm_b is surely not worse than arm_a by more than the margin",
    "p_below": "posterior probability of a difference below -margin",
    "p_within": "posterior probability of a difference inside the margin",
    "p_above": "posterior probability of a difference above the margin",
    "p_holm_within": "corrected within one data set and n (Holm)",
    "p_shaffer": "corrected within one data set and n, of three arms (Shaffer)",
    "p_family": "p-value of a difference, corrected over differences and equivalences as one family; the verdicts' own",
    "p_family_equivalent": "p-value of equivalence, likewise",
    "variance_seeds": "variance of one training sample's difference that comes from the training samples",
    "variance_patients": "that comes from the patients",
    "variance_interaction": "that comes from both together",
    "variance_of_mean": "variance of the mean over training samples",
    "share_seeds": "share of it that comes from the training samples",
    "share_patients": "share of it that comes from the patients",
    "share_interaction": "share of it that comes from both together",
    "patients_now": "groups of the holdout",
    "resampled": "what was resampled: seeds and patients, or patients alone",
    "resamples": "number of resamples",
    "redrawn": "resamples that lacked a class and were drawn again",
    # calibration and net benefit
    "as_is": "the value with the scores as they are",
    "change": "corrected less as_is",
    "training_prior": "where the prior of training comes from",
    "in_the_large": "how far the log odds must be moved for the mean probability to be the observed rate",
    "intercept": "of the recalibration; 0 is perfect",
    "slope": "of the recalibration; 1 is perfect",
    "calibration_error_debiased": "calibration error less what chance alone would show",
    "fits": "how many classes or labels have a fit",
    "why_not": "why the others have none",
    "net_benefit": "true positives less false ones at the threshold's odds, an image",
    "treat_all": "net benefit of acting on every image",
    "gain": "net benefit less the better of acting on all images and on none",
    # the budget
    "check": "what is checked: chance, edge or rise",
    "flagged": "whether it is flagged",
    "where": "the end of a dimension, or the trials that are looked at",
    "end": "the value at that end",
    "of": "of how many cells",
    "share": "cells over all cells",
    "before": "what the second quarter of the epochs brings",
    "before_se": "its standard error",
    "trials": "finished trials",
    "fewest_in_a_cell": "finished trials of the cell that has fewest",
    "most_in_a_cell": "finished trials of the cell that has most",
    "diverged": "trials that diverged, and count with the worst value",
    "epochs": "epochs of all trials",
    "images_seen": "training images of all trials, each as often as it was seen",
    "device_seconds": "seconds of one device, or of one core, for all trials",
    "seconds_a_trial": "mean seconds of a trial",
    "peak_memory_mb": "largest memory of a trial, in MB",
    "seconds": "device-seconds at which arms are compared",
    "trials_a": "trials of arm_a that fit into them",
    "trials_b": "trials of arm_b that fit into them",
    "at_equal_trials": "difference of the best validation values after all trials",
    "at_equal_seconds": "the same within equal device-seconds",
    "trials_ci_low": "lower end of the 95% interval at equal trials",
    "trials_ci_high": "upper end of the 95% interval at equal trials",
    "seconds_ci_low": "lower end of the 95% interval at equal device-seconds",
    "seconds_ci_high": "upper end of the 95% interval at equal device-seconds",
    "default_validation": "validation value of trial 0, the published default; mean over seeds",
    "best_validation": "validation value of the best trial; mean over seeds",
    "tuning_gain": "how much better the best trial is than trial 0",
    "optimism": "how much better the best validation value is than the holdout's",
    "optimism_sd": "its standard deviation over seeds",
    "default_was_best": "in how many cells trial 0 was the best",
    "area": "mean of the best value so far, over trials and seeds",
    "final": "mean of the best values after the last trial",
    "against": "the other arm",
    "trials_to_its_final": "trials until the other arm's final value is reached",
    "expected_best": "validation value to expect of the best of so many trials",
    # the data
    "task": "binary, multiclass or multilabel",
    "images": "images of the holdout that have the class or label",
    "groups": "groups (patients, lesions) that have it",
    "prevalence": "share of the images whose label is known",
    "unknown": "images whose label is unknown",
    "images_in_all": "images of the holdout",
    "groups_in_all": "groups of the holdout",
}

#: (table, column) -> its meaning, where it is another than elsewhere.
ELSEWHERE: Mapping[tuple[str, str], str] = {
    ("bootstrap", "arm_b"): "the second arm of a difference; empty in a row about arm_a alone",
    ("bootstrap", "estimate"): "mean of arm_a, or difference b - a",
    ("equivalence", "primary"): "whether this is the margin of the verdicts",
    ("flags", "cells"): "cells in which it is so",
    ("flags", "estimate"): "chance: AUROC on the holdout; rise: what the second half of the epochs brings",
    ("multiplicity", "p_holm"): "corrected over all differences (Holm)",
    ("multiplicity", "p_equivalent"): "p-value of equivalence, not corrected",
    ("optimism", "holdout"): "the tuned metric on the holdout; mean over seeds",
    ("power", "seeds"): "number of training samples to plan for; inf: no end",
    ("ranks", "p"): "p-value of equal ranks of all arms (Iman and Davenport)",
    ("expected_maximum", "trials"): "number of random trials",
    ("winner", "estimate"): "its mean over training samples",
    ("winner", "corrected"): "its mean less the bias",
    ("prior_corrected", "corrected"): "the value with scores corrected to the holdout's prevalence",
}

#: End of a name -> what it says of the column without it.
ENDS = {
    "_band_low": "lower end of the 95% band of {}, over all thresholds together",
    "_band_high": "upper end of the 95% band of {}, over all thresholds together",
    "_low": "lower end of the 95% interval of {}",
    "_high": "upper end of the 95% interval of {}",
}
PATIENTS = "patients_x"


def shared_meaning(table: str, column: str) -> str | None:
    """What a column says, by its name or its end; None where that is unknown here."""
    for known in (ELSEWHERE.get((table, column)), SHARED.get(column)):
        if known is not None:
            return known
    if column.startswith(PATIENTS):
        return f"smallest detectable difference with {column.removeprefix(PATIENTS)} times this holdout's patients"
    for end, text in ENDS.items():
        if column.endswith(end) and shared_meaning(table, column.removesuffix(end)):
            return text.format(column.removesuffix(end))
    return None
