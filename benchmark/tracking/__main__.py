"""Make MLflow's database again from the run folders.

python -m benchmark.tracking --rebuild
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.command_line import run_command


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code, 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.tracking",
        description="Make MLflow's database again from the run folders, for example after they were moved or "
        "copied, or after the database was lost.",
    )
    parser.add_argument(
        "--rebuild",
        nargs="*",
        required=True,
        metavar="RUN",
        help="a fresh database of every run; with names (or folders), these are added to the one there is",
    )
    parser.add_argument(
        "--root", type=Path, default=Path("mlruns"), metavar="DIR", help="default: %(default)s"
    )
    flags = parser.parse_args(argv)
    return run_command(lambda: _rebuild(flags.root, flags.rebuild))


def _rebuild(root: Path, runs: Sequence[str]) -> int:
    from benchmark.tracking.database import quieten
    from benchmark.tracking.rebuild import rebuild

    quieten()
    rebuild(root, runs, _say)
    sys.stdout.write(f"browse: python -m benchmark.ui --root {root}\n")
    return 0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
