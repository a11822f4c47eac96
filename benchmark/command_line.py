"""What the project's commands share: reading lists and devices, and ending with a clear message."""

from __future__ import annotations

import argparse
import atexit
import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from benchmark.disk import DiskFull, disk_full, is_full
from benchmark.errors import InputError
from benchmark.memory import OutOfMemory, is_exhausted, out_of_memory

LONGEST_END = 2.5  # seconds from a signal to the end of the process


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


def settings_list(text: str) -> dict[str, str]:
    """``a=1,b=x`` to a dictionary, for argparse."""
    pairs = [item.partition("=") for item in comma_list(text)]
    if not all(name and equals and value for name, equals, value in pairs):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE separated by commas, not '{text}'")
    return {name: value for name, _, value in pairs}


def shard(text: str) -> tuple[int, int]:
    """``2/8`` to (2, 8), the second of eight, for argparse."""
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"expected I/N with I from 1 to N, for example 2/8, not '{text}'")
    return int(part), int(parts)


def add_data_root(parser: argparse._ActionsContainer) -> None:
    """The flag that names the folder of the data sets."""
    parser.add_argument(
        "--data-root",
        type=Path,
        metavar="DIR",
        help="folder that holds chest_xray/, HAM10000/, ... (default: $BENCHMARK_DATA)",
    )


class LateHelp(argparse.ArgumentParser):
    """A parser whose help is completed only when it is asked for: lists of names take imports."""

    def __init__(self, *, complete: Callable[[argparse.ArgumentParser], None], **options: Any) -> None:
        """`complete` writes into the parser what its help lacks; line breaks of the epilog are kept."""
        super().__init__(**{"formatter_class": argparse.RawDescriptionHelpFormatter, **options})
        self._complete: Callable[[argparse.ArgumentParser], None] | None = complete

    def format_help(self) -> str:
        """The whole help."""
        if self._complete is not None:
            complete, self._complete = self._complete, None
            complete(self)
        return super().format_help()


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


def device_names(wanted: str) -> tuple[str, ...]:
    """``cuda:0,cuda:1`` to devices, each checked; ``auto`` is every card there is, else the CPU.

    Raises:
        InputError: one of them cannot be used, or is named twice.
    """
    if wanted == "auto":
        import torch

        return tuple(f"cuda:{card}" for card in range(torch.cuda.device_count())) or ("cpu",)
    names = tuple(device_name(name) for name in comma_list(wanted))
    if len(set(names)) < len(names):
        raise InputError(f"--device names a device twice: {wanted}. Say --workers-per-device for more processes on it.")
    return names


def run_command(work: Callable[[], int]) -> int:
    """Do a command's work; bad input, a full disk, no memory, Ctrl-C and SIGTERM end it with a message.

    Returns:
        The exit code: 1 for a full disk or too little memory, 2 for bad input, 130 after SIGINT, 143 after SIGTERM.
    """
    # Before torch is loaded. Threads that spin while they wait for each other take the cores from those they wait for:
    # beside other work, pretraining in two threads took seven times as long and more.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with _signals_raise():
            return work()
    except DiskFull as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except OutOfMemory as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except (OSError, MemoryError, RuntimeError, ImportError) as error:
        if is_full(error):
            place = error.filename if isinstance(error, OSError) else None
            sys.stderr.write(f"error: {disk_full(Path(place or '.'))}\n")
        elif is_exhausted(error):
            sys.stderr.write(f"error: {out_of_memory(error)}\n")
        else:
            raise
        return 1
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except Interrupted as error:
        sys.stderr.write(error.message)
        return error.exit_code


def leave(code: int) -> NoReturn:
    """End the process at once: once torch is loaded, taking the interpreter apart costs more than a second."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM came: as Ctrl-C for whoever has something to put away."""

    def __init__(self, number: int) -> None:
        """Take the signal's number."""
        super().__init__()
        word = "terminated" if number == signal.SIGTERM else "interrupted"
        self.message = f"\n{word}: what was finished is kept, and the same command continues\n"
        self.exit_code = 128 + number


@contextmanager
def _signals_raise() -> Iterator[None]:
    """Let the first SIGINT or SIGTERM raise `Interrupted`, and see to it that the process ends soon after that.

    An exception can get lost, in a destructor or in a library's import, and putting away can take long, so the time
    for it is limited. Later signals change nothing. Outside the main thread, where Python takes no signals, no effect.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    limits: list[threading.Timer] = []

    def answer(number: int, frame: object) -> None:
        for kind in before:
            signal.signal(kind, signal.SIG_IGN)
        error = Interrupted(number)
        limits.append(threading.Timer(LONGEST_END, _end_now, [error]))
        limits[0].daemon = True
        limits[0].start()
        raise error

    def unraisable(failure: sys.UnraisableHookArgs) -> None:
        if not isinstance(failure.exc_value, Interrupted):
            hook(failure)

    hook, sys.unraisablehook = sys.unraisablehook, unraisable
    before = {kind: signal.signal(kind, answer) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for limit in limits:
            limit.cancel()
        for kind, handler in before.items():
            signal.signal(kind, handler)
        sys.unraisablehook = hook


def _end_now(error: Interrupted) -> None:
    sys.stderr.write(error.message)
    sys.stderr.flush()
    os._exit(error.exit_code)
