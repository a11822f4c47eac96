"""What the project's commands share: reading lists and devices, and ending with a clear message."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark.errors import InputError


def comma_list(text: str) -> tuple[str, ...]:
    """``a,b,c`` to a tuple, for argparse."""
    items = tuple(item.strip() for item in text.split(",") if item.strip())
    if not items:
        raise argparse.ArgumentTypeError("expected names separated by commas")
    return items


def comma_integers(text: str) -> tuple[int, ...]:
    """``100,200`` to a tuple of integers, for argparse."""
    try:
        return tuple(int(item) for item in comma_list(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected whole numbers separated by commas, not '{text}'") from None


def comma_floats(text: str) -> tuple[float, ...]:
    """``1,0.3`` to a tuple of positive numbers, for argparse."""
    try:
        numbers = tuple(float(item) for item in comma_list(text))
    except ValueError:
        numbers = ()
    if not numbers or not all(0 < number < math.inf for number in numbers):
        raise argparse.ArgumentTypeError(f"expected positive numbers separated by commas, not '{text}'")
    return numbers


def add_data_root(parser: argparse._ActionsContainer) -> None:
    """The flag that names the folder of the data sets."""
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="folder that holds chest_xray/, HAM10000/, ... (default: $BENCHMARK_DATA)",
    )


class RenamedFlag(argparse.Action):
    """A flag that has another name now: given, it ends the command with the name of its successor."""

    def __init__(self, *, successor: str, **options: Any) -> None:
        """`successor` says what to give instead."""
        super().__init__(**{**options, "help": argparse.SUPPRESS, "dest": argparse.SUPPRESS})
        self._successor = successor

    def __call__(self, parser: argparse.ArgumentParser, *given: Any) -> None:
        """Refuse the old name."""
        raise argparse.ArgumentError(self, f"was renamed: give {self._successor}")


def device_name(wanted: str) -> str:
    """``auto`` to the fastest device there is; a named one is checked.

    Raises:
        InputError: this machine has no such device.
    """
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=wanted)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the device '{wanted}' cannot be used ({reason}). Use --device cpu.") from error
    return wanted


def run_command(work: Callable[[], int]) -> int:
    """Do a command's work; bad input and interruption end it with a message instead of a traceback.

    Returns:
        The exit code: 2 for bad input, 130 for an interruption.
    """
    try:
        return work()
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: what was finished is kept, and the same command continues\n")
        return 130
