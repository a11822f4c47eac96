"""Can this machine run a comparison? What is there, what is missing, and what to do about it, on one screen.

python -m benchmark.doctor
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.command_line import add_data_root, leave, run_command


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code: 1 where something is wrong."""
    flags = _parser().parse_args(argv)
    return run_command(lambda: _examine(flags))


def _examine(flags: argparse.Namespace) -> int:
    from benchmark.runs.health import examine, table

    checks = list(examine(flags.root, flags.data_root))
    sys.stdout.write(table(checks))
    wrong = sum(check.verdict == "WRONG" for check in checks)
    sys.stdout.write(f"\n{f'{wrong} thing(s) are wrong' if wrong else 'ready: python -m benchmark.run --dry-run'}\n")
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.doctor",
        description="Python, torch and GPU, threads, memory, disk, permissions, weights and data: what is there, and "
        "what to do about what is not. Exit code 1 where something is wrong.",
    )
    add_data_root(parser)
    parser.add_argument("--root", type=Path, default=Path("mlruns"), help="default: %(default)s")
    return parser


if __name__ == "__main__":
    leave(main())
