"""How fast studies are, as ratios measured in one run; and three questions beside it.

    python -m benchmark.perf                       # against the plain script, case by case
    python -m benchmark.perf --short               # the same on tiny studies, in two minutes
    python -m benchmark.perf --agreement           # do both sides reach the same AUROC?
    python -m benchmark.perf --epochs 15,30,60     # AUROC by epochs: where does every arm's curve flatten?
    python -m benchmark.perf --card                # images a second on a card, beside a loop of large batches

The plain script (`benchmark.performance.plain_script`) decodes every JPEG in every epoch, augments it alone with
torchvision, and passes it through the whole network. Ours is the study as a run's worker computes it. Both have the
same files, folds, parameters and epochs, and one thread each; they take turns, so that a noisy machine is noisy for
both.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.command_line import comma_list, run_command
from benchmark.errors import InputError, unknown_name

ROUNDS, SHORT_ROUNDS = 5, 2
KINDS, SHORT_KINDS = ("224", "native"), ("224",)  # of files, as `performance.images.FILES`
CASES = ("scratch", "all", "last", "head")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    from benchmark.performance import agreement, card
    from benchmark.runs import epochs

    parser = argparse.ArgumentParser(prog="python -m benchmark.perf", description="How fast studies are, as ratios.")
    parser.add_argument(
        "--cases", type=comma_list, default=CASES, metavar="A,B", help=f"of {', '.join(CASES)} (default: all)"
    )
    parser.add_argument(
        "--jpegs",
        type=comma_list,
        metavar="A,B",
        help=f"size of the files, of {', '.join(KINDS)} (default: all, --short {', '.join(SHORT_KINDS)})",
    )
    parser.add_argument("--rounds", type=int, metavar="R", help=f"pairs (default: {ROUNDS}, --short {SHORT_ROUNDS})")
    parser.add_argument("--short", action="store_true", help="tiny studies: what a change brings, within minutes")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write everything measured, as JSON")
    agreement.add_flags(parser)
    card.add_flags(parser)
    epochs.add_flags(parser)
    flags = parser.parse_args(argv)
    if flags.agreement:
        return run_command(lambda: agreement.print_table(flags))
    if flags.card:
        return run_command(lambda: card.print_table(flags))
    if flags.epochs:
        return run_command(lambda: epochs.print_table(flags))
    return run_command(lambda: print_table(flags))


def print_table(flags: argparse.Namespace) -> int:
    """Measure, print the table, and write the JSON; returns the exit code."""
    from benchmark.performance import cases, measuring, table
    from benchmark.results import write_json

    chosen = cases.chosen(flags.cases)
    kinds = flags.jpegs or (SHORT_KINDS if flags.short else KINDS)
    for kind in kinds:
        if kind not in KINDS:
            raise unknown_name("kind of --jpegs", kind, KINDS)
    rounds = flags.rounds if flags.rounds is not None else SHORT_ROUNDS if flags.short else ROUNDS
    if rounds < 1:
        raise InputError(f"--rounds {rounds}: give at least 1.")
    if flags.out is not None and not flags.out.parent.is_dir():
        raise InputError(f"--out {flags.out}: there is no folder {flags.out.parent}. Make it, or name another file.")
    sizes = cases.SHORT if flags.short else cases.Sizes()
    rows = measuring.measure(chosen, kinds, sizes, rounds, _report)
    sys.stdout.write(table.markdown(rows, sizes))
    if flags.out is not None:
        write_json(flags.out, table.record(rows, sizes))
    return 0


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
