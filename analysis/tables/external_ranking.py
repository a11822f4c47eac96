"""Whether the ranking of the arms holds on a test set from elsewhere."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._rows import block_keys

NAME = "external_ranking"
ORDER = 49
CHAPTER = "A test set from elsewhere"
TITLE = "Whether the ranking holds there, as far as it is decided here"
CAPTION = (
    "decided: pairs with the verdict 'better' or 'worse' on the own holdout, all its classes taken; same, opposite: "
    "of these, those with the same or the opposite verdict there; open: the rest; only_there: pairs that are decided "
    "there alone. holds is 'yes' where every pair that is decided here is decided there in the same direction, 'no' "
    "where one is decided in the opposite one, else 'open', as it is where nothing is decided here. Both sets of "
    "verdicts are corrected, each within its own family; 'open' says that these patients do not tell, not that the "
    "ranking changes, and 'yes' says nothing of pairs that are not decided here."
)


def build(study: Study) -> pd.DataFrame | None:
    """One row a test set and n; None without any."""
    rows = []
    for there in study.elsewhere:
        ranking = there.ranking
        rows.append(
            block_keys(there.scored)
            | {
                "pairs": ranking.pairs,
                "decided": ranking.decided,
                "same": ranking.same,
                "opposite": ranking.opposite,
                "open": ranking.decided - ranking.same - ranking.opposite,
                "only_there": ranking.only_there,
                "holds": ranking.holds,
            }
        )
    return pd.DataFrame(rows) if rows else None
