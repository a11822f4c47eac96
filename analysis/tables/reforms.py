"""REFORMS: recommendations for science that rests on machine learning.

Kapoor et al., Science Advances 2024;10:eadk3452, doi 10.1126/sciadv.adk3452. Numbers and sections were held against
table 1 of the paper (1a to 3d) and against two listings of the items by others (the rest).
"""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._checklist import HOW, Item, checklist

NAME = "reforms"
ORDER = 320
CHAPTER = "Reporting guidelines"
TITLE = "REFORMS"
CAPTION = (
    "Recommendations for science based on machine learning (Kapoor et al. 2024, doi 10.1126/sciadv.adk3452), 32 items, "
    f"held against the paper's table as far as 3d and against listings by others for the rest. {HOW}"
)
FOLDED = True

ITEMS = (
    Item("1a", "Study goals", "population that the claim is about"),
    Item("1b", "Study goals", "why this population"),
    Item("1c", "Study goals", "why machine learning"),
    Item("2a", "Reproducibility", "data sets, with links or DOIs", "sources"),
    Item("2b", "Reproducibility", "code, and its exact version", "code", part=True),
    Item("2c", "Reproducibility", "computing infrastructure", "hardware"),
    Item("2d", "Reproducibility", "README with the steps"),
    Item("2e", "Reproducibility", "script that reproduces all results", "command", part=True),
    Item("3a", "Data quality", "sources, times and annotation of training and test data", "sources", part=True),
    Item("3b", "Data quality", "frame that the data are sampled from"),
    Item("3c", "Data quality", "why the data suit the task"),
    Item("3d", "Data quality", "outcome, with statistics by class", "classes", part=True),
    Item("3e", "Data quality", "sample size and frequency of the outcome", "holdout", part=True),
    Item("3f", "Data quality", "share of missing data", "missing", part=True),
    Item("3g", "Data quality", "whether the data represent the population of 1a"),
    Item("4a", "Data preprocessing", "samples left out, and why", "flow", part=True),
    Item("4b", "Data preprocessing", "impossible or damaged samples", "flow", part=True),
    Item("4c", "Data preprocessing", "every transformation on the way to the model", "preprocessing"),
    Item("5a", "Modelling", "all models that were trained", "model"),
    Item("5b", "Modelling", "why these kinds of models"),
    Item("5c", "Modelling", "method of evaluation, divisions of the data", "partition"),
    Item("5d", "Modelling", "selection of the models reported", "selection"),
    Item("5e", "Modelling", "choice of hyper-parameters", "search"),
    Item("5f", "Modelling", "baselines, and that they are fair", "baseline", part=True),
    Item("6a", "Data leakage", "training and test data kept apart in all steps", "leaks"),
    Item("6b", "Data leakage", "dependencies and duplicates between samples", "leaks"),
    Item("6c", "Data leakage", "inputs that would not be there in use"),
    Item("7a", "Metrics and uncertainty", "metrics", "metrics"),
    Item("7b", "Metrics and uncertainty", "uncertainty of the metrics", "uncertainty"),
    Item("7c", "Metrics and uncertainty", "statistical tests, and why they are valid", "uncertainty"),
    Item("8a", "Generalisability and limitations", "evidence of validity elsewhere", "external", part=True),
    Item("8b", "Generalisability and limitations", "where findings should not hold", "limitations", part=True),
)


def build(study: Study) -> pd.DataFrame | None:
    """One row an item; None without a run's folder."""
    return checklist(study, ITEMS)
