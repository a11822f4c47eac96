"""The report: every table and figure of a run, or of a predictions table alone, and one page with all of it.

python -m analysis.report RUN_OR_PREDICTIONS --out DIR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from analysis.scores import Scored

METRIC, MARGIN = "auroc", 0.02

CAPTIONS = {
    "arms": "Every arm: mean over seeds on the holdout, with a 95% interval for new patients and new training samples "
    "(formed on the logit scale).",
    "pairwise": "Every pair, b minus a: Obuchowski and Rockette's joint test over seeds and patients with Hillis's "
    "degrees of freedom; Holm over all rows. mdd: smallest difference that this design finds with 80% power.",
    "equivalence": "Every pair against several margins; the primary one was set beforehand.",
    "sensitivity": "The same difference by other methods. Only the first row of each pair is for new seeds and new "
    "patients; the others answer narrower questions, or ignore something.",
    "variance": "What one difference varies with. The shares are of the variance of the mean.",
    "budget": "The ledger: finished trials, and what they cost.",
    "optimism": "Means over seeds: what tuning bought on inner validation, and by how much the best inner "
    "validation value overstates the holdout's.",
    "protocol": "What was done.",
    "spaces": "The search spaces, side by side: shared ranges are equally wide for every arm.",
    "data": "Images and groups (patients or lesions) of each part.",
    "subsamples": "The training subsamples, the same for all arms. overlap: share that two seeds are expected to have "
    "in common; short: classes that could not supply n.",
    "weights": "The weights that the arms start from, and what those were trained on.",
    "leaks": "The leak audit.",
}


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        tables: name -> frame.
        sentences: one a comparison.
        warnings: what a reader must know first.
        page: the HTML file.
    """

    tables: Mapping[str, pd.DataFrame]
    sentences: tuple[str, ...]
    warnings: tuple[str, ...]
    page: Path


def write_report(source: Path, out: Path, *, metric: str = METRIC, margin: float = MARGIN, seed: int = 0) -> Report:
    """Analyse a run's folder, or a predictions table, and write tables, figures and a page.

    Args:
        source: a run's folder or a Parquet file in the documented form.
        out: the folder to write to; `tables/`, `figures/` and `index.html` in it are replaced.
        metric: the primary metric.
        margin: of equivalence, in units of the metric.
        seed: of everything that resamples.

    Raises:
        InputError: bad predictions, an unknown metric or a margin that is not positive.
    """
    import pandas as pd

    from analysis import budget, tables
    from analysis.predictions import read
    from analysis.scores import score

    if not margin > 0:
        raise InputError(f"--margin is {margin}: it must be positive.")
    scored = [score(block, metric) for block in read(source)]
    found: dict[str, pd.DataFrame] = {
        "arms": tables.arms_table(scored),
        "pairwise": tables.pairwise_table(scored, margin),
        "equivalence": tables.equivalence_table(scored, margin),
        "sensitivity": tables.sensitivity_table(scored),
        "variance": tables.variance_table(scored),
    }
    spec = _spec(source)
    trials = budget.read_trials(source) if source.is_dir() else None
    if trials is not None:
        found["budget"] = budget.budget_table(trials)
        if spec.get("spec", {}).get("metric", metric) == metric:
            found["optimism"] = budget.optimism_table(trials, scored)
    for name, records in spec.get("tables", {}).items():
        found[name] = pd.DataFrame(records)
    for name, frame in found.items():
        tables.write(frame, out / "tables", name)
    sentences = _sentences(scored, found["pairwise"], margin)
    warnings = _warnings(scored)
    drawn = _figures(scored, trials, margin, out / "figures")
    page = _page(out, found, sentences, warnings, drawn, spec, metric, margin)
    return Report(found, sentences, warnings, page)


def summary_text(report: Report) -> str:
    """The arms and the comparisons for a terminal."""
    arms = report.tables["arms"]
    lines = [*(f"NOTE: {warning}" for warning in report.warnings), ""]
    header = f"{'data set':<16}{'n':>5}  {'arm':<14}{'seeds':>5}  {'holdout ' + arms['metric'][0]:>14}   95% CI"
    lines.append(header)
    for row in arms.to_dict("records"):
        lines.append(
            f"{row['dataset']:<16}{row['n_per_class']:>5}  {row['arm']:<14}{row['seeds']:>5}  "
            f"{row['estimate']:>14.3f}   {row['ci_low']:.3f} to {row['ci_high']:.3f}"
        )
    return "\n".join([*lines, "", *report.sentences]) + "\n"


def _spec(source: Path) -> dict[str, Any]:
    from benchmark.results import SPEC, read_json

    path = source / SPEC
    return dict(read_json(path)) if source.is_dir() and path.exists() else {}


def _sentences(scored: Sequence[Scored], pairwise: pd.DataFrame, margin: float) -> tuple[str, ...]:
    from analysis.equivalence import sentence

    lines = []
    rows = iter(pairwise["p_holm"])
    for each in scored:
        block = each.block
        for a, b in each.pairs:
            said = sentence(
                block.arms[a],
                block.arms[b],
                each.metric.upper(),
                each.pair(a, b),
                next(rows),
                margin,
                len(block.seeds),
            )
            lines.append(f"{block.dataset}, n = {block.n_per_class}: {said}")
    return tuple(lines)


def _warnings(scored: Sequence[Scored]) -> tuple[str, ...]:
    from analysis.inference import FEWEST_SEEDS, WHY_NO_P

    found = []
    synthetic = sorted({each.block.dataset for each in scored if each.block.notes.get("synthetic")})
    if synthetic:
        found.append(f"{', '.join(synthetic)} is SYNTHETIC: its numbers say nothing about medicine.")
    seeds = min(len(each.block.seeds) for each in scored)
    if seeds < FEWEST_SEEDS:
        found.append(f"{WHY_NO_P}.")
    elif seeds < 5:
        found.append(f"Only {seeds} seeds: intervals are rough below 5; studies should use 10.")
    if any("overlap" not in each.block.notes for each in scored):
        found.append("The overlap of the training samples is not recorded: it is taken as none (rho = 0).")
    return tuple(found)


def _figures(
    scored: Sequence[Scored], trials: pd.DataFrame | None, margin: float, folder: Path
) -> list[tuple[str, str]]:
    """(caption, SVG) of every figure, in the order of the page."""
    from analysis import budget, figures

    drawn = []

    def add(figure: Any, name: str, caption: str) -> None:
        drawn.append((caption, figures.save(figure, folder, _file_name(name))))

    if any(each.pairs for each in scored):
        add(
            figures.forest(scored, margin),
            "forest",
            "Differences between arms. Thin: 95% interval for new patients and new training samples. Thick: for these "
            "trained models alone. Grey: the margin of equivalence.",
        )
    for each in scored:
        title = f"{each.block.dataset}-n{each.block.n_per_class}"
        add(
            figures.paired(each),
            f"paired-{title}",
            "Every seed's holdout value; a line joins the arms that learnt from the same images. Bars: means.",
        )
        if each.block.task == "binary":
            add(
                figures.roc(each),
                f"roc-{title}",
                "ROC curves: the mean over seeds, and the range of the seeds.",
            )
    if any(each.pairs for each in scored):
        add(
            figures.variance_split(scored),
            "variance",
            "What the variance of each mean difference is made of: more seeds shrink the blue, more patients the orange.",
        )
    if trials is not None:
        curves = budget.incumbents(trials)
        for dataset, n in sorted({(d, n) for d, n, _ in curves}):
            add(
                figures.best_so_far(curves, dataset, n),
                f"best-so-far-{dataset}-n{n}",
                "The best inner-validation value after each trial: mean and range over seeds. The holdout plays no part.",
            )
    return drawn


def _page(
    out: Path,
    frames: Mapping[str, pd.DataFrame],
    sentences: Sequence[str],
    warnings: Sequence[str],
    drawn: Sequence[tuple[str, str]],
    spec: Mapping[str, Any],
    metric: str,
    margin: float,
) -> Path:
    from jinja2 import Environment, PackageLoader
    from markupsafe import Markup

    from analysis.tables import shown
    from benchmark.results import write_text

    environment = Environment(loader=PackageLoader("analysis"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page = environment.get_template("report.html").render(
        metric=metric,
        margin=margin,
        sentences=sentences,
        warnings=warnings,
        tables=[(name, CAPTIONS.get(name, name), *shown(frame)) for name, frame in frames.items() if len(frame)],
        figures=[(caption, Markup(svg[svg.index("<svg") :])) for caption, svg in drawn],
        provenance={
            "commit": spec.get("git_commit") or "unknown",
            **spec.get("hardware", {}),
            **spec.get("versions", {}),
        }
        if spec
        else {},
    )
    write_text(out / "index.html", page)
    return out / "index.html"


def _file_name(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analysis.report",
        description="Tables, figures and a page from a run's folder, or from any predictions table in the documented "
        "form, whoever made it.",
    )
    parser.add_argument("source", type=Path, help="a run's folder, or predictions.parquet")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--metric", default=METRIC, help="primary metric (default: %(default)s)")
    parser.add_argument(
        "--margin", type=float, default=MARGIN, help="of equivalence, set beforehand (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything that resamples")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    from benchmark.command_line import run_command

    flags = _parser().parse_args(argv)

    def work() -> int:
        report = write_report(flags.source, flags.out, metric=flags.metric, margin=flags.margin, seed=flags.seed)
        sys.stdout.write(f"{summary_text(report)}\n{report.page}\n")
        return 0

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
