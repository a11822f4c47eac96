"""The figures of a report: drawn, written as PNG and SVG, and described."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.figures import curves as figures_curves
from analysis.figures import drawing
from analysis.figures import estimates as figures_estimates
from analysis.page.page import Picture

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from analysis.study.study import Study

#: name -> title and caption, in the page's order.
ABOUT: Mapping[str, tuple[str, str]] = {
    "forest": (
        "Differences between arms",
        "Thin line: the joint 95% interval, for new training samples and new patients. Thick line: the "
        "interval for these trained models and new patients, which leaves the training out. Shaded: the "
        "margin of equivalence.",
    ),
    "seeds": (
        "Every training seed",
        "Grey lines join the arms of one seed: same subsample, same folds, same patients. Beside the points: "
        "mean and joint 95% interval of the arm. Intervals of two arms may overlap although their paired "
        "difference is clear.",
    ),
    "learning_curve": ("Against the number of labels", "Mean over seeds with the joint 95% interval."),
    "best_so_far_trials": (
        "Best so far, by trials",
        "Validation value of the trial that would be chosen, mean over seeds with a 95% band. It rises by "
        "selection alone and overstates the holdout: see the optimism below.",
    ),
    "best_so_far_seconds": (
        "Best so far, by time",
        "The same against the device-seconds spent on training trials.",
    ),
    "optimism": (
        "What tuning bought, and what it overstates",
        "From the published default to the best trial on inner validation, and the holdout value after the "
        "refit; means over seeds.",
    ),
    "roc": (
        "ROC curves",
        "Mean over seeds; bands are pointwise 95%, for new seeds and patients (two-level bootstrap). Several "
        "classes or labels are averaged, one versus rest.",
    ),
    "precision_recall": (
        "Precision-recall curves",
        "As above. Precision depends on the holdout's prevalence and does not carry over to another one.",
    ),
    "reliability": (
        "Reliability",
        "Observed rate against mean predicted probability in ten bins of equal size, mean over seeds. On the "
        "diagonal, probabilities mean what they say.",
    ),
    "variance": (
        "What the uncertainty is made of",
        "Variance of the mean difference. The seeds' parts shrink with more training seeds, the patients' "
        "part only with more patients.",
    ),
    "power_map": (
        "Buy seeds or buy patients?",
        "Smallest true difference that would be found with 80% power, for the last arm against the first; "
        "the circle is this study. Where contours run upright, more patients do not help; where they lie "
        "flat, more seeds do not.",
    ),
}


def draw(study: Study, trials: pd.DataFrame | None, optimism: pd.DataFrame | None, folder: Path) -> list[Picture]:
    """Draw every figure that the data allow, and write it to the folder."""
    with drawing.style():
        roc, precision = figures_curves.roc_and_precision(study)
        found: dict[str, Figure | None] = {
            "forest": figures_estimates.forest(study) if study.of(study.primary.name)[0].pairs else None,
            "seeds": figures_estimates.seeds(study),
            "learning_curve": figures_estimates.learning_curve(study),
            "roc": roc,
            "precision_recall": precision,
            "reliability": figures_curves.reliability(study),
            "variance": figures_estimates.variance(study),
            "power_map": figures_estimates.power_map(study),
        }
        if trials is not None:
            found["best_so_far_trials"] = figures_curves.best_so_far(trials, "trials")
            found["best_so_far_seconds"] = figures_curves.best_so_far(trials, "seconds")
        if optimism is not None:
            found["optimism"] = figures_curves.optimism(optimism, study.primary.label)
        pictures = []
        for name, (heading, caption) in ABOUT.items():
            figure = found.get(name)
            if figure is not None:
                pictures.append(Picture(name, heading, caption, drawing.save(figure, folder, name)))
    return pictures
