"""A finished run's predictions as one small file, from which anyone can redo the statistics without an image.

python -m analysis.publish RUN --out results/NAME.parquet
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.command_line import run_command
from benchmark.errors import InputError

if TYPE_CHECKING:
    from analysis.predictions.block import Block, Predictions

TUNED = "auroc"  # where the run does not say what its studies tuned

DESCRIPTION = """\
Write the predictions of a finished run as one Parquet file: rounded scores; images and patients under other
names (a hash under a key that only who holds the images can compute); test sets from elsewhere, every n and every data
set included. The file says what a reader must know of the run: settings, arms, versions, commit, hardware, counts,
licences, whom to cite, device-seconds; no path, no name of the machine. What rests on trials (budget, optimism,
hyper-parameters, flags) and on attributes or pictures of images stays in the run's folder."""

EXAMPLES = """\
examples:
  publish a run, and redo its statistics as a reader does
    python -m analysis.publish RUN --out NAME.parquet
    python -m analysis.report NAME.parquet --out DIR"""


@dataclass(frozen=True, slots=True)
class Published:
    """What was written.

    Attributes:
        path: the file.
        cells: whose predictions it holds.
        incomplete: what is missing of the run, in a sentence; None where nothing is.
        moved: the largest change of one model's AUROC by rounding.
        moved_mean: the largest change of an arm's mean AUROC.
        changed: verdicts on the own holdout that are others than from the run's folder.
    """

    path: Path
    cells: int
    incomplete: str | None
    moved: float
    moved_mean: float
    changed: int


def publish(run: Path, out: Path, *, partial: bool = False) -> Published:
    """Write a run's predictions in the form in which they are published, and read them back.

    Args:
        run: a finished run's folder.
        out: the file to write.
        partial: of a run with failed or unfinished cells, publish the largest part that is complete; the file says
            what is missing, and so does every report on it.

    Raises:
        InputError: no run's folder, cells are missing, or the predictions cannot be analysed.
    """
    from analysis.predictions.compact import write_compact
    from analysis.predictions.external import read_external
    from analysis.predictions.partial import complete_part
    from analysis.predictions.reading import read_predictions
    from analysis.study.published import published, without_private
    from analysis.study.run_facts import RunFacts, description
    from analysis.study.trials import read_trials
    from benchmark import metrics
    from benchmark.results import PREDICTIONS, SPEC, TableInfo
    from benchmark.spec import BenchmarkSpec

    if out.suffix != ".parquet":
        raise InputError(f"--out {out} is no Parquet file by its name: give NAME.parquet.")
    described = description(run) if run.is_dir() else {}
    if not described:
        raise InputError(f"{run} is no run's folder: it lacks {SPEC}, which says what was run.")
    part = complete_part(run, described)
    predictions, elsewhere = read_predictions(run, cells=part.folders), read_external(run, cells=part.folders)
    lacking = [] if part.caution is None else [part.caution]
    lacking += () if elsewhere is None else elsewhere.remarks
    if lacking and not partial:
        raise InputError(
            f"{run}: {' '.join(lacking)} Finish the run, or publish what is complete with --partial: the file and "
            "every report on it then say what is missing."
        )
    cells = [cell for cell in BenchmarkSpec.from_dict(described["spec"]).cells() if cell.folder(run) in part.folders]
    blocks = [*predictions.blocks, *(() if elsewhere is None else elsewhere.blocks)]
    facts = {**predictions.facts, **({} if elsewhere is None else elsewhere.facts)}
    info = TableInfo(
        {block.dataset: block.classes for block in blocks},
        {block.dataset: block.task for block in blocks},
        {block.dataset: without_private(facts.get(block.dataset, {})) for block in blocks},
    )
    files = [cell.folder(run) / PREDICTIONS for cell in cells]
    files += _external_files(files, {block.dataset for block in blocks})
    trials = read_trials(run, described, metrics.find(TUNED))
    about = published(RunFacts(run, described), trials, cells, " ".join(lacking) or None)
    write_compact(out, files, _keys(described, info.tasks), info, about)
    again, elsewhere = read_predictions(out), read_external(out)
    moved, moved_mean = _moved(blocks, [*again.blocks, *(() if elsewhere is None else elsewhere.blocks)])
    changed = _changed(run, predictions, again, described)
    return Published(out, len(cells), about.get("incomplete"), moved, moved_mean, changed)


def _external_files(files: Sequence[Path], wanted: Collection[str]) -> list[Path]:
    """The predictions of test sets from elsewhere beside some predictions, of the data sets that are wanted."""
    from benchmark.results import EXTERNAL, read_info

    beside = [path for file in files for path in sorted((file.parent / EXTERNAL).glob("*.parquet"))]
    return [path for path in beside if set(read_info(path).tasks) <= set(wanted)]


def _keys(described: Mapping[str, Any], datasets: Iterable[str]) -> dict[str, str]:
    """Data set -> the hash of its images, which keys the names in the file (`analysis.predictions.compact.name_of`)."""
    inputs = described.get("inputs")
    known = inputs if isinstance(inputs, Mapping) else {}
    keys = {name: known.get(f"data {name}") or known.get(f"external {name}") for name in datasets}
    lacking = [name for name, key in keys.items() if not key]
    if lacking:
        raise InputError(
            f"the run's spec.json has no hash of the images of {', '.join(lacking)}, without which names of images and "
            "patients cannot be hidden. An older version wrote it: its command, given once more, adds it."
        )
    return {name: str(key) for name, key in keys.items()}


def _moved(before: Sequence[Block], after: Sequence[Block]) -> tuple[float, float]:
    """The largest changes of a model's AUROC, and of an arm's mean."""
    import numpy as np

    from analysis.study.scores import AUROC, score
    from benchmark import metrics

    of_block = {(block.dataset, block.n_per_class): block for block in after}
    single, mean = [0.0], [0.0]
    for block in before:
        other = of_block[block.dataset, block.n_per_class]
        rounded, exact = (np.asarray(score(one, metrics.find(AUROC)).refits) for one in (other, block))
        change = rounded - exact
        single.append(float(np.abs(change).max()))
        mean.append(float(np.abs(change.mean(axis=(1, 2))).max()))
    return max(single), max(mean)


def _changed(run: Path, before: Predictions, after: Predictions, described: Mapping[str, Any]) -> int:
    """The number of verdicts on the own holdout that rounding turns into others."""
    from analysis.report import intended
    from analysis.study.comparison import compare
    from analysis.study.estimand import find
    from analysis.study.locked_plan import plan_of

    metric, margin, about = intended(plan_of(run, None, described), described)
    both = [compare(one, metric=metric, margin=margin, estimand=find(about)) for one in (before, after)]
    return sum(one.verdict != other.verdict for one, other in zip(*both, strict=True))


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis.publish",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a finished run's folder")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .parquet file to write")
    parser.add_argument(
        "--partial",
        action="store_true",
        help="of a run with failed or unfinished cells, publish the largest part that is complete, and say so in it",
    )
    flags = parser.parse_args(argv)
    return run_command(lambda: _publish(flags))


def _publish(flags: argparse.Namespace) -> int:
    made = publish(flags.run, flags.out, partial=flags.partial)
    if made.incomplete is not None:
        sys.stdout.write(f"note: {made.incomplete}\n")
    sys.stdout.write(
        f"{made.path}: {made.cells} cells, {made.path.stat().st_size / 1000:,.0f} kB; rounding moves a model's "
        f"AUROC by at most {made.moved:.1e}, an arm's mean by {made.moved_mean:.1e}, and changes "
        f"{made.changed or 'no'} verdict{'s' if made.changed > 1 else ''}\n"
        f"python -m analysis.report {made.path} --out DIR redoes the statistics\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
