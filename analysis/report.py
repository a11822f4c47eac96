"""From predictions to conclusions: tables, figures and one page.

python -m analysis.report RUN_OR_PREDICTIONS --out DIR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.command_line import RenamedFlag, run_command
from benchmark.errors import InputError
from benchmark.memory import FOR_A_REPORT, require_addresses

if TYPE_CHECKING:
    import pandas as pd

    from analysis.page.head import Head
    from analysis.predictions.block import Estimand
    from analysis.study.locked_plan import LockedPlan

METRIC = "auroc"  # concluded on where neither the caller, a plan nor the run says otherwise
MARGIN = 0.02  # of equivalence, likewise
ESTIMAND = "population"  # likewise
FEWEST_RESAMPLES = 100

EXAMPLES = """\
examples:
  a run's report again, concluding on another metric
    python -m analysis.report RUN --metric balanced_accuracy --out DIR
  a leaderboard: anyone's predictions, one set a model
    python -m analysis.report predictions.parquet --estimand models --out DIR
  a look at the first 5 seeds of a run that goes on
    python -m analysis.report RUN --seeds 5 --out DIR"""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What was written.

    Attributes:
        frames: the tables by name, as in ``tables/<name>.csv``.
        head: what the page says first.
        index: the page.
    """

    frames: Mapping[str, pd.DataFrame]
    head: Head
    index: Path

    @property
    def arms(self) -> pd.DataFrame:
        """One row an arm."""
        return self.frames["arms"]

    @property
    def pairwise(self) -> pd.DataFrame:
        """One row a pair of arms."""
        return self.frames["pairwise"]

    @property
    def sentences(self) -> Sequence[tuple[str, int, Sequence[str]]]:
        """(data set, n, one sentence a pair)."""
        return self.head.sentences

    @property
    def remarks(self) -> Sequence[str]:
        """What was assumed or left out."""
        return self.head.remarks

    @property
    def synthetic(self) -> Sequence[str]:
        """Data sets that are not real."""
        return self.head.synthetic


def write_report(
    source: Path,
    out: Path,
    *,
    metric: str | None = None,
    margin: float | None = None,
    seed: int = 0,
    common_seeds: bool = False,
    resamples: int | None = None,
    other_holdout: Path | None = None,
    plan: Path | None = None,
    seeds: int | None = None,
    estimand: Estimand | None = None,
    partial: bool = False,
    external: str | None = None,
    paper: bool = False,
    keep_pictures: Callable[[Mapping[str, Collection[str]]], None] | None = None,
) -> Report:
    """Analyse predictions and write ``tables/``, ``figures/`` and ``index.html``.

    The tables that rest on predictions are the same, byte for byte, from a run's folder and from its predictions
    alone, and the same to rounding from its published file (`analysis.publish`), which adds the run's protocol; its
    folder adds tables of trials, too.

    Args:
        source: a run's folder, or a predictions table (Parquet), published or anyone's.
        out: where to write; made if need be.
        metric: the primary one; where None the plan's, else the run's own, else AUROC.
        margin: of equivalence, positive, in the metric's units; where None the plan's, else 0.02.
        seed: of all resampling.
        common_seeds: where arms have different seeds, keep those that all have.
        resamples: of the bootstrap; 10,000 where None.
        other_holdout: a run of the same arms on another holdout, to show the shift between the two; where None, the
            run of the same settings beside this one, if there is one.
        plan: locked before the holdout was opened (`analysis.study.locked_plan`); where None, the run's plan.toml, if
            there is one. The report says what departs from it.
        seeds: analyse only as many training seeds of every block, the first ones; the others may be unfinished. Where
            the plan foresees a look at so many, the report is that look, else exploratory.
        estimand: what inference is about: "population" or "pool", new training samples (of new images, or from the same
            pool) and new patients; or "models", these trained models on new patients, which takes no more than one
            seed. Where None the plan's, else "population".
        partial: of a run with failed or unfinished cells, analyse the largest part that is complete; the report says
            first what is missing.
        external: report on this test set from elsewhere alone, in place of the own holdout: every table, figure and
            sentence. Where None, the own holdout is reported, and what there is of test sets from elsewhere in a
            chapter of its own.
        paper: draw every figure once more at a journal's width, as PDF and PNG in ``figures/paper/``.
        keep_pictures: called with the images (data set -> sample ids) that the report shows if the run's folder holds
            small pictures of them; may put them there (`benchmark.results.PICTURES`).

    Raises:
        InputError: bad input, or `out` cannot be written; nothing is written then.
    """
    from threadpoolctl import threadpool_limits

    from analysis import figures, tables
    from analysis.page import formats, page
    from analysis.page.chapters import chapters, run_tables
    from analysis.page.head import head
    from analysis.page.looks import what_follows_looks
    from analysis.page.paper import write_paper_tables
    from analysis.page.remarks import remark_on_other, remark_on_plan, remarks_on
    from analysis.predictions.external import only, read_external
    from analysis.predictions.partial import complete_part
    from analysis.predictions.reading import read_predictions
    from analysis.study import estimand as estimands
    from analysis.study import study
    from analysis.study.about import models_fixed
    from analysis.study.arm_facts import read_arm_facts
    from analysis.study.errors import pictured
    from analysis.study.locked_plan import departures, first_predicted, plan_of
    from analysis.study.looks import caution, look_of
    from analysis.study.other_holdout import read_other_holdout
    from analysis.study.run_facts import description, read_run
    from analysis.study.trials import read_trials, remark_on_missing
    from benchmark import metrics
    from benchmark.results import write_text

    described = description(source)
    locked = plan_of(source, plan, described)
    planned_metric, planned_margin, planned_estimand = intended(locked, described)
    margin = planned_margin if margin is None else margin
    if not margin > 0:
        raise InputError(f"the margin is {margin}: it must be positive, for example {MARGIN:g}.")
    _check_writable(out)
    asked = estimands.find(estimand or planned_estimand)
    primary = metrics.find(metric or planned_metric)
    part = complete_part(source, described) if partial else None
    cells = None if part is None else part.folders
    predictions = read_predictions(source, common_seeds=common_seeds, first=seeds, cells=cells)
    there = read_external(source, common_seeds=common_seeds, first=seeds, cells=cells)
    if external is not None:
        predictions, there = only(there, external), None
    lacking = described.get("incomplete") if part is None else part.caution
    fixed = asked == "models"  # looks are over training seeds
    own = external is None  # else plan, trials and other holdouts are of other images
    planned_looks = () if locked is None or fixed or not own else locked.looks
    looks = look_of(planned_looks, predictions.blocks, described) if lacking is None else None
    ordered = described.get("spec", {}).get("seeds")
    early = looks is None and not fixed and (lacking is None or bool(planned_looks))
    warning = caution(planned_looks, predictions.blocks, ordered, seeds is not None) if early else None
    warnings = [text for text in (lacking, warning) if text is not None]
    trials = read_trials(source, described, primary) if own else None
    other = read_other_holdout(source, other_holdout, common_seeds) if own else None
    # The threads are ours, over resamples: those of BLAS would contend with them, and sum in another order on
    # another machine.
    with threadpool_limits(limits=1, user_api="blas"):
        computed = study.study(
            predictions,
            primary.name,
            margin,
            seed,
            resamples or study.RESAMPLES,
            trials=trials,
            other=None if other is None else other.predictions,
            looks=looks,
            estimand=asked,
            external=there,
            run=read_run(source, described),
            arms=read_arm_facts(described),
        )
        if keep_pictures is not None:
            keep_pictures(pictured(computed.errors))
        frames = tables.build_all(computed)
    remarks = [*predictions.remarks, *remark_on_missing(source), *remarks_on(computed)]
    remarks += there.remarks if there is not None else ()
    if looks is not None:
        remarks.insert(0, what_follows_looks())
    if locked is not None and own:
        remarks.insert(0, remark_on_plan(locked, departures(locked, computed, first_predicted(source, described))))
    if other is not None:
        remarks.append(remark_on_other(other, shown="shift" in frames))
    frames |= run_tables(described)
    first = head(computed, described, remarks, warnings)
    for name, frame in frames.items():
        formats.write(frame, out / "tables", name)
    write_paper_tables(frames, out / "tables" / "paper")
    pictures = figures.draw_all(computed, out / "figures", paper=paper)
    write_text(out / "index.html", page.render(first, chapters(frames, models_fixed(computed)), pictures))
    return Report(frames, first, out / "index.html")


def intended(plan: LockedPlan | None, described: Mapping[str, Any]) -> tuple[str, float, str]:
    """Metric, margin and estimand of a report for which nobody names others: the plan's, else the run's or ours."""
    of_run = described.get("spec", {}).get("report_metric", METRIC)
    return (of_run, MARGIN, ESTIMAND) if plan is None else (plan.metric, plan.margin, plan.estimand)


def summary_text(report: Report) -> str:
    """The main tables and the sentences, for a terminal."""
    from analysis.page.summary import summary

    return summary(report.head, report.frames)


def _check_writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"cannot write to {out} ({error.strerror}). Give another folder with --out.") from error


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code, 2 for bad input."""
    flags = _parser().parse_args(argv)
    return run_command(lambda: _report(flags))


def _report(flags: argparse.Namespace) -> int:
    require_addresses(FOR_A_REPORT)
    if flags.resamples is not None and flags.resamples < FEWEST_RESAMPLES:
        raise InputError(f"--resamples {flags.resamples} is too few for an interval: at least {FEWEST_RESAMPLES}.")
    if flags.seeds is not None and flags.seeds < 1:
        raise InputError(f"--seeds {flags.seeds}: at least one training seed is needed.")
    report = write_report(
        flags.source,
        flags.out,
        metric=flags.metric,
        margin=flags.margin,
        seed=flags.seed,
        common_seeds=flags.common_seeds,
        resamples=flags.resamples,
        other_holdout=flags.other_holdout,
        plan=flags.plan,
        seeds=flags.seeds,
        estimand=flags.estimand,
        partial=flags.partial,
        external=flags.external,
        paper=flags.paper,
    )
    from analysis.page.terminal import fit_terminal

    sys.stdout.write(f"{fit_terminal(summary_text(report))}\nreport: {report.index}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analysis.report",
        description="Tables, figures and a page from predictions: intervals and tests for new patients and new\n"
        "training samples together, or (--estimand models) for these trained models on new patients.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="RUN_OR_PREDICTIONS", help="a run's folder, or a .parquet file")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument("--metric", help=f"the primary metric (default: the plan's or the run's, or {METRIC})")
    parser.add_argument(
        "--margin", type=float, help=f"of equivalence, in the metric's units (default: the plan's, or {MARGIN:g})"
    )
    parser.add_argument(
        "--estimand",
        metavar="E",
        help="what is concluded on: population, new training samples of new images and new patients; pool, new "
        "training samples from the same images; models, these trained models on new patients, for leaderboards and "
        f"single training runs (default: the plan's, or {ESTIMAND})",
    )
    parser.add_argument(
        "--plan",
        type=Path,
        metavar="FILE",
        help="a plan that python -m analysis.plan --lock wrote: the report says what departs from it (default: the "
        "run's plan.toml, if there is one)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of all resampling (default: %(default)s)")
    parser.add_argument("--resamples", type=int, metavar="B", help="of the bootstrap (default: 10000)")
    parser.add_argument(
        "--seeds",
        type=int,
        metavar="K",
        help="analyse the first K training seeds alone, of a run that may be unfinished: a look, where the plan was "
        "locked with --looks that hold K, else exploratory",
    )
    parser.add_argument(
        "--common-seeds",
        action="store_true",
        help="where arms have different seeds, pair on those that all have",
    )
    parser.add_argument(
        "--partial",
        action="store_true",
        help="of a run with failed or unfinished cells, analyse the largest part that is complete",
    )
    parser.add_argument(
        "--paper",
        action="store_true",
        help="figures at a journal's width too: PDF and PNG of 300 dpi in figures/paper/",
    )
    parser.add_argument(
        "--other-holdout",
        type=Path,
        metavar="RUN",
        help="a run of the same arms on another holdout: the table 'shift' shows the difference (default: the run of "
        "the same settings in a folder beside this one, if there is one)",
    )
    parser.add_argument(
        "--external",
        metavar="NAME",
        help="report on this test set from elsewhere alone, in place of the own holdout: every table, figure and "
        "sentence (default: the own holdout, and a chapter on every test set from elsewhere)",
    )
    parser.add_argument("--beside", action=RenamedFlag, successor="--other-holdout RUN")
    return parser


if __name__ == "__main__":
    sys.exit(main())
