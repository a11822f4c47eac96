"""The tables: estimates of every arm, of every pair, by every method; and writing them three ways."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis import effects
from analysis.auc import newcombe
from analysis.equivalence import MARGINS, against, verdict
from analysis.inference import contrast, difference, logit_interval, paired_t, sign_flip, two_sided
from analysis.multiplicity import holm
from analysis.scores import Scored, ensemble, score, without_groups
from benchmark.results import write_text

if TYPE_CHECKING:
    import pandas as pd

SIGN_FLIP_SEEDS = range(6, 21)


def arms_table(scored: Sequence[Scored]) -> pd.DataFrame:
    """One row an arm: its mean over seeds, with an interval for new seeds and new patients.

    The interval is formed on the logit scale; where every seed reaches 1 it is Newcombe's, of the patients alone.
    """
    import pandas as pd

    rows = []
    for each in scored:
        for a, arm in enumerate(each.block.arms):
            found = each.arm(a)
            low, high = _arm_interval(each, a)
            rows.append(
                _keys(each)
                | {
                    "arm": arm,
                    "seeds": len(each.block.seeds),
                    "estimate": found.estimate,
                    "se": found.se,
                    "df": found.df,
                    "ci_low": low,
                    "ci_high": high,
                    "seed_sd": math.sqrt(found.seed_variance),
                }
            )
    return pd.DataFrame(rows)


def pairwise_table(scored: Sequence[Scored], margin: float) -> pd.DataFrame:
    """One row a pair of arms: b minus a, tested jointly over seeds and patients.

    Holm's correction runs over all pairs x data sets x n of the table.
    """
    import pandas as pd

    found = [(each, a, b, each.pair(a, b)) for each in scored for a, b in each.pairs]
    adjusted = holm([inference.p for *_, inference in found])
    rows = []
    for (each, a, b, inference), p_holm in zip(found, adjusted, strict=True):
        low, high = inference.interval()
        rows.append(
            _keys(each)
            | {
                "arm_a": each.block.arms[a],
                "arm_b": each.block.arms[b],
                "seeds": len(each.block.seeds),
                "difference": inference.estimate,
                "se": inference.se,
                "df": inference.df,
                "ci_low": low,
                "ci_high": high,
                "p": inference.p,
                "p_holm": p_holm,
                "verdict": verdict(inference, p_holm, margin),
                "hedges_g": effects.hedges_g(each.values[a], each.values[b]),
                "p_superior": effects.superior_share(each.values[a], each.values[b]),
                "mdd": effects.detectable(inference),
                "rho": each.block.rho,
            }
        )
    columns = [
        "dataset",
        "n_per_class",
        "metric",
        "arm_a",
        "arm_b",
        "seeds",
        "difference",
        "se",
        "df",
        "ci_low",
    ]
    columns += ["ci_high", "p", "p_holm", "verdict", "hedges_g", "p_superior", "mdd", "rho"]
    return pd.DataFrame(rows, columns=columns)


def equivalence_table(scored: Sequence[Scored], margin: float) -> pd.DataFrame:
    """Every pair against several margins: equivalence, non-inferiority of b, posterior probabilities."""
    import pandas as pd

    rows = []
    for each in scored:
        for a, b in each.pairs:
            inference = each.pair(a, b)
            for delta in sorted({*MARGINS, margin}):
                held = against(inference, delta)
                rows.append(
                    _pair_keys(each, a, b)
                    | {
                        "margin": delta,
                        "primary": delta == margin,
                        "tost_p": held.tost_p,
                        "equivalent": held.equivalent,
                        "b_noninferior": held.noninferior,
                        "p_below": held.below,
                        "p_within": held.within,
                        "p_above": held.above,
                    }
                )
    return pd.DataFrame(rows)


def sensitivity_table(scored: Sequence[Scored]) -> pd.DataFrame:
    """Every pair by every method, one row a method. Only the first is for new seeds and new patients."""
    import pandas as pd

    rows = []
    for each in scored:
        alone = score(without_groups(each.block), each.metric)
        together = score(ensemble(each.block), each.metric)
        for a, b in each.pairs:
            for method, about, estimate, se, df, p in _methods(each, alone, together, a, b):
                half = _quantile(df) * se
                rows.append(
                    _pair_keys(each, a, b)
                    | {
                        "method": method,
                        "generalises_to": about,
                        "difference": estimate,
                        "se": se,
                        "df": df,
                        "ci_low": estimate - half,
                        "ci_high": estimate + half,
                        "p": p,
                    }
                )
    return pd.DataFrame(rows)


def variance_table(scored: Sequence[Scored]) -> pd.DataFrame:
    """What the uncertainty of every difference is made of.

    The variance of one seed's difference splits into seeds (same patients, other training sample), patients (same
    for all seeds) and their interaction; the shares are of the variance V of the mean over seeds.
    """
    import pandas as pd

    rows = []
    for each in scored:
        seeds = len(each.block.seeds)
        for a, b in each.pairs:
            found = each.pair(a, b)
            cov = contrast(each.pair_covariance(a, b), seeds)
            own = float(np.trace(cov)) / seeds
            shared = float("nan") if seeds == 1 else (float(cov.sum()) - seeds * own) / (seeds * (seeds - 1))
            total = found.seed_part + found.patient_part
            rows.append(
                _pair_keys(each, a, b)
                | {
                    "variance_seeds": found.seed_variance - (own - shared),
                    "variance_patients": shared,
                    "variance_interaction": own - shared,
                    "share_of_seeds": found.seed_part / total if total else float("nan"),
                    "share_of_patients": found.patient_part / total if total else float("nan"),
                }
            )
    return pd.DataFrame(rows)


def write(frame: pd.DataFrame, folder: Path, name: str) -> None:
    """Write one frame as CSV (full precision), Markdown and LaTeX (rounded for reading)."""
    write_text(folder / f"{name}.csv", frame.to_csv(index=False, lineterminator="\n"))
    header, body = shown(frame)
    lines = [header, ["---"] * len(header), *body]
    markdown = "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
    write_text(folder / f"{name}.md", markdown)
    columns = "".join("r" if kind != object and kind != "str" else "l" for kind in frame.dtypes)
    latex = [f"\\begin{{tabular}}{{{columns}}}", "\\hline"]
    latex += [" & ".join(map(_latex, header)) + " \\\\", "\\hline"]
    latex += [" & ".join(map(_latex, row)) + " \\\\" for row in body]
    latex += ["\\hline", "\\end{tabular}", ""]
    write_text(folder / f"{name}.tex", "\n".join(latex))


def shown(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """A frame for reading: its header, and its cells with numbers rounded."""
    names = [str(column) for column in frame.columns]
    cells = [
        [_cell(name, value) for name, value in zip(names, row, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    ]
    return names, cells


def _methods(
    each: Scored, alone: Scored, together: Scored, a: int, b: int
) -> list[tuple[str, str, float, float, float, float]]:
    seeds = len(each.block.seeds)
    values = each.values[b] - each.values[a]
    cov = contrast(each.pair_covariance(a, b), seeds)
    primary = each.pair(a, b)
    both = "new seeds, new patients"
    rows = [("joint (primary)", both, primary.estimate, primary.se, primary.df, primary.p)]
    if each.block.rho > 0:
        off = each.pair(a, b, rho=0.0)
        rows.append(("joint, overlap of the seeds ignored", both, off.estimate, off.se, off.df, off.p))
    if seeds >= 2:
        mean, se, df = paired_t(values)
        rows.append(("paired t over seeds", "new seeds, these patients", mean, se, df, two_sided(mean, se, df)))
    if seeds in SIGN_FLIP_SEEDS:
        mean = float(values.mean())
        rows.append(
            (
                "exact sign-flip over seeds",
                "new seeds, these patients",
                mean,
                math.nan,
                math.nan,
                sign_flip(values),
            )
        )
    se = math.sqrt(max(float(cov.sum()), 0.0)) / seeds
    mean = float(values.mean())
    rows.append(
        (
            "patients only",
            "these trained models, new patients",
            mean,
            se,
            math.inf,
            two_sided(mean, se, math.inf),
        )
    )
    independent = difference(alone.values[a], alone.values[b], alone.pair_covariance(a, b), each.block.rho)
    rows.append(
        (
            "joint, images taken as independent",
            both,
            independent.estimate,
            independent.se,
            independent.df,
            independent.p,
        )
    )
    one = together.pair(a, b)
    p = two_sided(one.estimate, one.se, math.inf)
    rows.append(
        (
            "ensemble of the seeds (another estimand)",
            "these ensembles, new patients",
            one.estimate,
            one.se,
            math.inf,
            p,
        )
    )
    for s, seed in enumerate(each.block.seeds):
        se = math.sqrt(max(float(cov[s, s]), 0.0))
        value = float(values[s])
        rows.append(
            (
                f"clustered DeLong, seed {seed}",
                "these two models, new patients",
                value,
                se,
                math.inf,
                two_sided(value, se, math.inf),
            )
        )
    return rows


def _arm_interval(each: Scored, a: int) -> tuple[float, float]:
    found = each.arm(a)
    if 0 < found.estimate < 1:
        return logit_interval(found)
    truth = each.block.truth[:, each.block.columns[0]]
    return newcombe(found.estimate, int((truth == 1).sum()), int((truth == 0).sum()))


def _keys(each: Scored) -> dict[str, Any]:
    return {"dataset": each.block.dataset, "n_per_class": each.block.n_per_class, "metric": each.metric}


def _pair_keys(each: Scored, a: int, b: int) -> dict[str, Any]:
    return _keys(each) | {"arm_a": each.block.arms[a], "arm_b": each.block.arms[b]}


def _quantile(df: float) -> float:
    from scipy.stats import norm, t

    return float(norm.ppf(0.975) if math.isinf(df) else t.ppf(0.975, df))


def _cell(name: str, value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        if math.isnan(value):
            return ""
        if math.isinf(value):
            return "∞"
        if name in ("p", "p_holm", "tost_p"):
            return "< .001" if value < 0.001 else f"{value:.3f}"
        if name == "df":
            return f"{value:.1f}"
        if value != 0 and abs(value) < 0.001:
            return f"{value:.2e}"
        return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return "" if value is None else str(value)


def _latex(text: str) -> str:
    for plain, escaped in (
        ("\\", "\\textbackslash{}"),
        ("&", "\\&"),
        ("%", "\\%"),
        ("_", "\\_"),
        ("#", "\\#"),
    ):
        text = text.replace(plain, escaped)
    return text.replace("<", "$<$").replace(">", "$>$").replace("∞", "$\\infty$").replace("^", "\\^{}")
