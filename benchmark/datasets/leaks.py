"""The leak audit: nothing that was learnt from may be in the holdout."""

from __future__ import annotations

import numpy as np

from benchmark.datasets.contract import Images
from benchmark.errors import InputError

NAMED = 5


def refuse_shared_groups(images: Images) -> None:
    """Raise `InputError`, naming them, where groups (patients or lesions) are in both pool and holdout."""
    shared = np.intersect1d(images.groups[images.holdout], images.groups[~images.holdout])
    if len(shared):
        listed = ", ".join(map(str, shared[:NAMED])) + (", ..." if len(shared) > NAMED else "")
        raise InputError(
            f"{images.dataset}: {len(shared)} groups are in both pool and holdout ({listed}). Scores on them would "
            "be of patients already seen: use --holdout grouped, or mend the split."
        )
    for part, rows in (("holdout", images.holdout), ("pool", ~images.holdout)):
        if not rows.any():
            raise InputError(f"{images.dataset}: the {part} is empty.")


def audit(images: Images) -> list[dict[str, object]]:
    """What was looked for and found, as records for the report."""
    verifiable = "leaks" not in images.facts
    return [
        {
            "dataset": images.dataset,
            "check": "groups in both pool and holdout",
            "found": 0 if verifiable else str(images.facts["leaks"]),
        }
    ]
