"""MLflow's database made anew from the run folders.

python -m benchmark.tracking --rebuild
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.command_line import run_command


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    flags = _parser().parse_args(argv)

    def work() -> int:
        from benchmark.tracking.database import DATABASE
        from benchmark.tracking.rebuild import rebuild

        count = rebuild(flags.root, flags.runs)
        sys.stdout.write(f"{flags.root / DATABASE}: {count} studies\n")
        return 0

    return run_command(work)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.tracking",
        description="MLflow's database is a mirror of the run folders; this makes it anew.",
    )
    parser.add_argument("--rebuild", action="store_true", required=True, help="make the database anew")
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help="run folders (default: all under ROOT)")
    parser.add_argument("--root", type=Path, default=Path("mlruns"), help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
