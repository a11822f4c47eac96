"""TRIPOD+AI: reporting of prediction models.

Collins et al., BMJ 2024;385:e078378, doi 10.1136/bmj-2023-078378. Numbers and sections were held against a copy of the
published checklist (CC BY 4.0).
"""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._checklist import HOW, Item, checklist

NAME = "tripod_ai"
ORDER = 310
CHAPTER = "Reporting guidelines"
TITLE = "TRIPOD+AI"
CAPTION = (
    "Reporting of clinical prediction models (Collins et al. 2024, doi 10.1136/bmj-2023-078378), 27 main items in 52 "
    f"parts, held against a copy of the published checklist. {HOW}"
)
FOLDED = True

ITEMS = (
    Item("1", "Title", "named as development or evaluation of a model, with population and outcome"),
    Item("2", "Abstract", "as TRIPOD+AI for abstracts asks"),
    Item("3a", "Background", "context in health care, and why a model"),
    Item("3b", "Background", "target population, place in care, users"),
    Item("3c", "Background", "known inequalities between groups"),
    Item("4", "Objectives", "aims; development, evaluation, or both"),
    Item("5a", "Data", "sources of the data, and why these", "sources", part=True),
    Item("5b", "Data", "dates of collection"),
    Item("6a", "Participants", "setting, centres, places"),
    Item("6b", "Participants", "eligibility", "flow", part=True),
    Item("6c", "Participants", "treatments, if any"),
    Item("7", "Data preparation", "preparation and its quality, alike between groups", "preprocessing", part=True),
    Item("8a", "Outcome", "the outcome and how it was assessed", "classes", part=True),
    Item("8b", "Outcome", "who assessed it, if it takes judgement"),
    Item("8c", "Outcome", "blinding of the assessment"),
    Item("9a", "Predictors", "choice of predictors", "preprocessing", part=True),
    Item("9b", "Predictors", "their definition and measurement"),
    Item("9c", "Predictors", "who assessed them, if it takes judgement"),
    Item("10", "Sample size", "how it was arrived at", "sample", part=True),
    Item("11", "Missing data", "how they were handled", "missing", part=True),
    Item("12a", "Analytical methods", "use of the data: development and evaluation", "partition"),
    Item("12b", "Analytical methods", "how predictors enter the model", "preprocessing", part=True),
    Item("12c", "Analytical methods", "kind of model, building, tuning, internal validation", "search"),
    Item("12d", "Analytical methods", "differences between clusters such as hospitals", "heterogeneity", part=True),
    Item("12e", "Analytical methods", "measures and plots of performance", "metrics"),
    Item("12f", "Analytical methods", "updating of the model"),
    Item("12g", "Analytical methods", "how predictions are computed at evaluation", "output", part=True),
    Item("13", "Class imbalance", "methods used, and recalibration", "prevalence"),
    Item("14", "Fairness", "what was done about it, and why", "fairness", part=True),
    Item("15", "Model output", "output, classes and thresholds", "threshold"),
    Item("16", "Training versus evaluation", "differences between the data of either", "holdout", part=True),
    Item("17", "Ethical approval", "committee, consent or waiver", "ethics"),
    Item("18a", "Open science", "funding, and the funders' role"),
    Item("18b", "Open science", "conflicts of interest"),
    Item("18c", "Open science", "protocol"),
    Item("18d", "Open science", "registration"),
    Item("18e", "Open science", "availability of the data", "licences", part=True),
    Item("18f", "Open science", "availability of the code", "code", part=True),
    Item("19", "Patient and public involvement", "any involvement, or none"),
    Item("20a", "Participants", "flow of participants", "flow", part=True),
    Item("20b", "Participants", "characteristics, in all and by setting", "characteristics", part=True),
    Item("20c", "Participants", "comparison of development and evaluation data", "characteristics", part=True),
    Item("21", "Model development", "numbers of participants and events in every analysis", "holdout", part=True),
    Item("22", "Model specification", "the full model, so that others can predict with it", "model", part=True),
    Item("23a", "Model performance", "performance with intervals, key subgroups too", "performance"),
    Item("23b", "Model performance", "differences between clusters", "heterogeneity", part=True),
    Item("24", "Model updating", "results of an update"),
    Item("25", "Interpretation", "main results, fairness too"),
    Item("26", "Limitations", "limits such as sample, bias, missing data", "limitations", part=True),
    Item("27a", "Usability", "poor or missing input"),
    Item("27b", "Usability", "what users must do and know"),
    Item("27c", "Usability", "next steps of research"),
)


def build(study: Study) -> pd.DataFrame | None:
    """One row an item; None without a run's folder."""
    return checklist(study, ITEMS)
