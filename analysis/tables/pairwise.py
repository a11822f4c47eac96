"""Every comparison of two arms in the primary metric."""

from __future__ import annotations

import pandas as pd

from analysis.study.study import Study
from analysis.tables._rows import CLAIM_COLUMNS, claim_row

NAME = "pairwise"
ORDER = 20
CHAPTER = "Main results"
TITLE = "Every pair of arms"
CAPTION = (
    "Difference arm_b - arm_a, paired by seed and patient (Obuchowski-Rockette's variance, calibrated critical "
    "value), about what estimand names. Claims of difference (p_holm) and of equivalence (p_equivalent) are corrected "
    "as one family over every row of this table, by Holm's procedure restricted by logic; the verdict rests on both. "
    "ci_low and ci_high are of one row alone, ci_low_family and ci_high_family hold for all rows together "
    "(Bonferroni; the verdict may see a little further). Under a plan with looks these are repeated confidence "
    "intervals (table 'looks'), and p_holm and p_equivalent are corrected over the looks too. hedges_g: difference "
    "over the seeds' SD, positive where b is better; p_superior: share of seeds in which b beats a; mdd: smallest "
    "true difference that this design finds with 80% power at the first step of the correction, mdd_unadjusted: with "
    "one comparison; rho: overlap of the training subsamples."
)
CAPTION_MODELS = (
    "Difference arm_b - arm_a of these trained models, paired by patient (for AUROC clustered DeLong, by Student's t "
    "with df by Satterthwaite, few where few patients carry the difference), for new patients. Claims of difference "
    "(p_holm) and of equivalence (p_equivalent) are corrected as one family over every row of this table, by Holm's "
    "procedure restricted by logic; the verdict rests on both. ci_low and ci_high are of one row alone, ci_low_family "
    "and ci_high_family hold for all rows together (Bonferroni; the verdict may see a little further). mdd: smallest "
    "true difference that these patients find with 80% power at the first step of the correction, mdd_unadjusted: with "
    "one comparison. hedges_g, p_superior and rho are about several training samples, and p is empty where a single "
    "one was asked about others."
)


def build(study: Study) -> pd.DataFrame:
    """One row a comparison, tested about what is asked; the whole table is one family."""
    return pd.DataFrame(map(claim_row, study.comparisons), columns=list(CLAIM_COLUMNS))
