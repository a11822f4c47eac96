"""What the test sets from elsewhere are, and which of their images count."""

from __future__ import annotations

import pandas as pd

from analysis.study.intervals import fewest_patients
from analysis.study.study import Study

NAME = "external_sets"
ORDER = 44
CHAPTER = "A test set from elsewhere"
TITLE = "The test sets from elsewhere"
CAPTION = (
    "Other data sets that the same trained models predict; nothing was tuned or chosen on them. map: class of the own "
    "data set = labels there. Images that belong to no class of the map, or to several, are left out and counted. "
    "fewest_patients: of any class, with or without it; below 30 intervals rest on few. native_size: of the first "
    "image, before it is resized."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row a test set; None without any."""
    rows = {}
    for there in study.elsewhere:
        block = there.scored.block
        facts = study.external.facts.get(block.dataset, {}) if study.external is not None else {}
        left_out = facts.get("left_out", {})
        rows[block.dataset] = {
            "dataset": block.dataset,
            "images": len(block.sample_ids),
            "groups": block.group_count,
            "positives": ", ".join(f"{name} {count:,}" for name, count in block.class_counts().items()),
            "fewest_patients": fewest_patients(there.scored),
            "left_out": ", ".join(f"{reason} {count:,}" for reason, count in left_out.items() if count),
            "native_size": facts.get("native", ""),
            "groups_known": facts.get("leaks", "yes"),
            "map": facts.get("map", ""),
            "labels": facts.get("labels", ""),
        }
    return pd.DataFrame(rows.values()) if rows else None
