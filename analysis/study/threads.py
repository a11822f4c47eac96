"""Threads for the parts of a report that do not depend on each other: NumPy and our kernels let go of Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")


def threads() -> int:
    """How many threads to use, at most four."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(4, available))


def in_threads(work: Callable[[Item], Value], items: Iterable[Item]) -> list[Value]:
    """`work` of every item, in their order; the first that raises ends it."""
    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(work, items))
