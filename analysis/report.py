"""From predictions to conclusions: tables, figures and one page.

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

    from analysis.page.page import Head
    from analysis.predictions.block import Predictions
    from analysis.study.study import Study


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What was written.

    Attributes:
        frames: the tables by name, as in ``tables/<name>.csv``.
        sentences: (data set, n, one sentence a pair).
        remarks: what was assumed or left out.
        synthetic: data sets that are not real.
        index: the page.
    """

    frames: Mapping[str, pd.DataFrame]
    sentences: Sequence[tuple[str, int, Sequence[str]]]
    remarks: Sequence[str]
    synthetic: Sequence[str]
    index: Path

    @property
    def arms(self) -> pd.DataFrame:
        """One row an arm."""
        return self.frames["arms"]

    @property
    def pairwise(self) -> pd.DataFrame:
        """One row a pair of arms."""
        return self.frames["pairwise"]


def write_report(
    source: Path,
    out: Path,
    *,
    metric: str = "auroc",
    margin: float = 0.02,
    seed: int = 0,
    common_seeds: bool = False,
    resamples: int | None = None,
    beside: Path | None = None,
) -> Report:
    """Analyse predictions and write ``tables/``, ``figures/`` and ``index.html``.

    The tables that rest on predictions are the same, byte for byte, from a run's folder and from its
    predictions alone; a run's folder adds those of its trials and of its protocol.

    Args:
        source: a run's folder, or a predictions table (Parquet).
        out: where to write; made if need be.
        metric: the primary one.
        margin: of equivalence, positive, in the metric's units.
        seed: of all resampling.
        common_seeds: where arms have different seeds, keep those that all have.
        resamples: of the bootstrap; 10,000 where None.
        beside: a run of the same arms on another holdout, to show the shift between the two.

    Raises:
        InputError: bad input, or `out` cannot be written; nothing is written then.
    """
    from threadpoolctl import threadpool_limits

    from analysis.figures import all as figures
    from analysis.page import formats, page
    from analysis.predictions.reading import read_predictions
    from analysis.study import study
    from analysis.tables import chapters, shift
    from analysis.tables.claims import sentences
    from benchmark.results import SPEC, read_json, write_text

    if not margin > 0:
        raise InputError(f"the margin is {margin}: it must be positive, for example 0.02.")
    _writable(out)
    predictions = read_predictions(source, common_seeds=common_seeds)
    other = read_predictions(beside, common_seeds=common_seeds) if beside is not None else None
    described = read_json(source / SPEC) if (source / SPEC).is_file() else None
    trials = budget.read_trials(source)
    tuned = (described or {}).get("spec", {}).get("metric")
    # The threads are ours, over resamples: those of BLAS would contend with them, and sum in another order on
    # another machine.
    with threadpool_limits(limits=1, user_api="blas"):
        whole = study.study(predictions, metric, margin, seed, resamples or study.RESAMPLES)
        frames = chapters.tables(whole, trials, tuned)
        if other is not None:
            moved = shift.table(whole.of(metric), predictions, other)
            frames |= {"shift": moved} if len(moved) else {}
    frames |= chapters.run_tables(described, list(frames))
    remarks = [*predictions.remarks, *_remarks(whole, frames)]
    if beside is not None and "shift" not in frames:
        remarks.append(f"{beside} has no arm on another holdout of these data sets: there is no shift to show.")
    said = sentences(whole)
    for name, frame in frames.items():
        formats.write(frame, out / "tables", name)
    drawn = figures.draw(whole, trials, frames.get("optimism"), out / "figures")
    head = _head(predictions, whole, described, said, remarks)
    write_text(out / "index.html", page.render(head, chapters.chapters(frames), drawn))
    return Report(frames, said, remarks, head.synthetic, out / "index.html")


def summary_text(report: Report) -> str:
    """The main tables and the sentences, for a terminal."""
    from analysis.page.formats import plain

    arms = report.arms[["dataset", "n_per_class", "arm", "seeds", "estimate", "ci_low", "ci_high", "seed_sd"]]
    lines = [""]
    if report.synthetic:
        lines += [f"SYNTHETIC DATA ({', '.join(report.synthetic)}): nothing here is about real patients.", ""]
    metric = str(report.arms["metric"].iloc[0])
    lines += [f"{metric}, 95% intervals for new patients and new training samples", "", plain(arms), ""]
    if len(report.pairwise):
        shown = [
            "dataset",
            "n_per_class",
            "arm_a",
            "arm_b",
            "difference",
            "ci_low",
            "ci_high",
            "p_holm",
            "verdict",
        ]
        lines += ["difference: b minus a", "", plain(report.pairwise[shown]), ""]
    for dataset, n, said in report.sentences:
        lines += [f"{dataset}, n = {n}:", *(f"  - {line}" for line in said or ["one arm: there is nothing to compare"])]
    return "\n".join(lines) + "\n"


def _writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"cannot write to {out} ({error.strerror}). Give another folder with --out.") from error


def _remarks(study: Study, frames: Mapping[str, pd.DataFrame]) -> list[str]:
    from analysis.statistics.inference import FEWEST_SEEDS
    from analysis.study.trials import unequal

    said = []
    for each in study.blocks:
        block = each.block
        name = f"{block.dataset}, n = {block.n_per_class}"
        count = len(block.seeds)
        if count == 1:
            said.append(
                f"{name}: one training seed. All intervals are about these trained models and new patients "
                "only; p-values are refused, as the variance between training samples is unknown."
            )
        elif count < FEWEST_SEEDS:
            said.append(
                f"{name}: {count} training seeds. p-values are refused below {FEWEST_SEEDS}: the variance "
                "between training samples cannot be judged from them."
            )
        elif count < 5:
            said.append(
                f"{name}: {count} training seeds. Intervals are wide and approximate; 5 or more are recommended."
            )
        if each.redrawn:
            said.append(f"{name}: {each.redrawn} bootstrap resamples lacked a class and were drawn again.")
    if "budget" in frames:
        said += [line for line in [unequal(frames["budget"])] if line]
    return said


def _head(
    predictions: Predictions,
    study: Study,
    described: Mapping[str, Any] | None,
    said: Sequence[tuple[str, int, Sequence[str]]],
    remarks: Sequence[str],
) -> Head:
    from analysis.page.page import Head

    datasets = list(dict.fromkeys(each.block.dataset for each in study.blocks))
    notes = {name: predictions.facts.get(name, {}) for name in datasets}
    synthetic = [name for name in datasets if notes[name].get("synthetic")]
    facts = []
    for name in datasets:
        known = [str(notes[name][key]) for key in ("title", "source") if notes[name].get(key)]
        holdout = notes[name].get("holdout")
        known += [f"holdout: {holdout}"] if holdout else []
        if known:
            facts.append((name, "; ".join(known)))
    counts = sorted({len(each.block.seeds) for each in study.blocks})
    facts.append(("training seeds", ", ".join(map(str, counts))))
    facts.append(("bootstrap", f"{len(study.blocks[0].shares)} resamples, seed {study.seed}"))
    for key, label in (
        ("git_commit", "commit"),
        ("hash", "specification"),
        ("hardware", "hardware"),
        ("versions", "versions"),
    ):
        value = (described or {}).get(key)
        if value:
            text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)
            facts.append((label, text))
    return Head(
        title=f"Low-data imaging benchmark: {', '.join(datasets)}",
        synthetic=synthetic,
        all_synthetic=len(synthetic) == len(datasets),
        metric=study.primary.label,
        margin=study.margin,
        sentences=said,
        facts=facts,
        remarks=remarks,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.report",
        description="Tables, figures and a page from predictions: intervals and tests for new patients and "
        "new training samples together.",
    )
    parser.add_argument("source", type=Path, metavar="RUN_OR_PREDICTIONS", help="a run's folder, or a .parquet file")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument("--metric", default="auroc", help="the primary metric (default: %(default)s)")
    parser.add_argument(
        "--margin",
        type=float,
        default=0.02,
        help="of equivalence, in the metric's units (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of all resampling (default: %(default)s)")
    parser.add_argument("--resamples", type=int, metavar="B", help="of the bootstrap (default: 10000)")
    parser.add_argument(
        "--common-seeds",
        action="store_true",
        help="where arms have different seeds, pair on those that all have",
    )
    parser.add_argument(
        "--beside",
        type=Path,
        metavar="RUN",
        help="a run of the same arms on another holdout: the table 'shift' shows the difference",
    )
    flags = parser.parse_args(argv)
    try:
        if flags.resamples is not None and flags.resamples < 100:
            raise InputError(f"--resamples {flags.resamples} is too few for an interval: at least 100.")
        report = write_report(
            flags.source,
            flags.out,
            metric=flags.metric,
            margin=flags.margin,
            seed=flags.seed,
            common_seeds=flags.common_seeds,
            resamples=flags.resamples,
            beside=flags.beside,
        )
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(f"{summary_text(report)}\nreport: {report.index}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
