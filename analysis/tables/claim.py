"""CLAIM 2024: Checklist for Artificial Intelligence in Medical Imaging.

Tejani et al., Radiology: Artificial Intelligence 2024, doi 10.1148/ryai.240300. Numbers and sections were held against
two listings of the items by others, not against the paper itself.
"""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._checklist import HOW, Item, checklist

NAME = "claim"
ORDER = 300
CHAPTER = "Reporting guidelines"
TITLE = "CLAIM 2024"
CAPTION = (
    "Checklist for Artificial Intelligence in Medical Imaging, 2024 update (Tejani et al. 2024, doi "
    f"10.1148/ryai.240300), 44 items, held against listings by others and not against the paper itself. {HOW}"
)
FOLDED = True

ITEMS = (
    Item("1", "Title or abstract", "named as a study of AI, with the kind of AI"),
    Item("2", "Abstract", "summary of design, methods, results, conclusions"),
    Item("3", "Introduction", "background; intended use and role of the AI"),
    Item("4", "Introduction", "aims, objectives, hypotheses"),
    Item("5", "Study design", "prospective or retrospective"),
    Item("6", "Study design", "goal of the study"),
    Item("7", "Data", "where the data come from", "sources", part=True),
    Item("8", "Data", "who is included and excluded", "flow", part=True),
    Item("9", "Data", "preprocessing", "preprocessing"),
    Item("10", "Data", "how subsets were chosen", "sample", part=True),
    Item("11", "Data", "de-identification"),
    Item("12", "Data", "missing data", "missing", part=True),
    Item("13", "Data", "how images were acquired"),
    Item("14", "Reference standard", "how the reference was obtained", "classes", part=True),
    Item("15", "Reference standard", "why this reference"),
    Item("16", "Reference standard", "who annotated"),
    Item("17", "Reference standard", "how the test set was annotated"),
    Item("18", "Reference standard", "agreement within and between annotators"),
    Item("19", "Data partitions", "how data were divided", "partition"),
    Item("20", "Data partitions", "unit that parts do not share", "level"),
    Item("21", "Testing data", "intended size of the sample", "sample", part=True),
    Item("22", "Model", "the model in detail", "model", part=True),
    Item("23", "Model", "software, with versions", "software"),
    Item("24", "Model", "initial parameters", "initialisation"),
    Item("25", "Training", "how training went", "training"),
    Item("26", "Training", "how the final model was chosen", "selection"),
    Item("27", "Training", "ensembles", "ensembling"),
    Item("28", "Evaluation", "metrics", "metrics"),
    Item("29", "Evaluation", "uncertainty and significance", "uncertainty"),
    Item("30", "Evaluation", "robustness and sensitivity", "robustness"),
    Item("31", "Evaluation", "explanation of the model's output"),
    Item("32", "Evaluation", "evaluation on internal data", "holdout"),
    Item("33", "Evaluation", "testing on data from elsewhere", "external", part=True),
    Item("34", "Evaluation", "registration of a clinical trial"),
    Item("35", "Results: data", "numbers included and excluded", "flow", part=True),
    Item("36", "Results: data", "characteristics of the cases in every part", "characteristics", part=True),
    Item("37", "Results: performance", "performance with its uncertainty", "performance"),
    Item("38", "Results: performance", "diagnostic performance and its precision", "performance"),
    Item("39", "Results: performance", "analysis of failures", "failures", part=True),
    Item("40", "Discussion", "limitations", "limitations", part=True),
    Item("41", "Discussion", "meaning for practice"),
    Item("42", "Other information", "protocol or technical details", "command", part=True),
    Item("43", "Other information", "availability of software, models and data", "code", part=True),
    Item("44", "Other information", "funding, and the funders' role"),
)


def build(study: Study) -> pd.DataFrame | None:
    """One row an item; None without a run's folder."""
    return checklist(study, ITEMS)
