"""All commands under one name: ``lowdata run`` is ``python -m benchmark.run``.

Installed, `lowdata` finds the packages where pip put them, so that a file of your own called ``benchmark.py``, or a
folder called ``analysis``, in the folder where you work shadows nothing.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "run": ("benchmark.run", "tune every arm under equal budgets, predict the holdout, write the report"),
    "report": ("analysis.report", "tables, figures and page from a run, or from anyone's predictions"),
    "publish": ("analysis.publish", "a finished run's predictions as one small file, to redo the statistics from"),
    "plan": ("analysis.plan", "how many seeds, how many patients; lock the analysis before the holdout is opened"),
    "ui": ("benchmark.ui", "browse arms, studies and trials in MLflow, or in Optuna's dashboard"),
    "data": ("benchmark.data", "the data sets on this machine: list, fetch, check, show"),
    "weights": ("benchmark.weights.__main__", "known sources of weights: list, fetch, check"),
    "pretrain": ("benchmark.pretrain", "pretrain the backbone on medical images of your own choice"),
    "tracking": ("benchmark.tracking.__main__", "rebuild MLflow's database from the run folders"),
    "status": ("benchmark.status", "a run's cells: done, running, failed, missing, and the time left"),
    "doctor": ("benchmark.doctor", "what this machine has, what is missing, and how to mend it"),
    "perf": ("benchmark.perf", "speed as ratios, and the epochs at which curves flatten"),
    "validate": ("analysis.validate", "simulated studies: what every interval is worth"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Hand the rest of the command line to the command that comes first; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(usage())
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        sys.stderr.write(f"error: no command '{name}'.\n\n{usage()}")
        return 2
    module, _ = COMMANDS[name]
    return int(importlib.import_module(module).main(rest))


def usage() -> str:
    """The commands, a line each."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {sentence}" for name, (_, sentence) in COMMANDS.items()]
    return "usage: lowdata COMMAND ...\n\n" + "\n".join(lines) + "\n\n`lowdata COMMAND --help` says more.\n"


if __name__ == "__main__":
    sys.exit(main())
