"""Helper processes that end with the process that started them, however that one ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait


def follow_parent() -> None:
    """End this process, a child made by `multiprocessing`, as soon as its parent has ended, by SIGKILL too.

    Ctrl-C is left to the parent, which ends its children: a terminal sends it to all of them at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None, "no child of multiprocessing"

    def watch(sentinel: int) -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(parent.sentinel,), name="parent watch", daemon=True).start()
