"""How far a run is: what is done, what runs where, what failed and why, what is missing, and how long it will take.

    python -m benchmark.status RUN [--watch]

It reads the run's folder alone, so it answers wherever that is mounted, whoever computes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmark.command_line import run_command

WATCH_EVERY = 2.0  # seconds


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code, 2 where the folder is no run's."""
    flags = _parser().parse_args(argv)
    return run_command(lambda: _show(flags))


def _show(flags: argparse.Namespace) -> int:
    from benchmark.runs.status import read_status, status_text

    while True:
        status = read_status(flags.run)
        clear = "\x1b[H\x1b[2J" if flags.watch and sys.stdout.isatty() else ""
        sys.stdout.write(f"{clear}{status_text(status, flags.all)}")
        sys.stdout.flush()
        if not flags.watch or status.complete:
            return 0
        time.sleep(WATCH_EVERY)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.status",
        description="How far a run is: cells done, running, failed and missing, trials, and the time left.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="the run's folder")
    parser.add_argument("--watch", action="store_true", help="show it again every two seconds, until all is done")
    parser.add_argument("--all", action="store_true", help="name every cell, done and missing ones too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
