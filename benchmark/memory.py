"""Memory that runs out: said in one message, before libraries die of it, each in its own way."""

from __future__ import annotations

import errno
import sys

from benchmark.errors import InputError

#: Bytes of addresses below which torch, LLVM or the threads of both ended in tracebacks of their own, or in abort();
#: with 8 GiB a small run went through. Addresses are not memory: of this much a fraction is ever used.
ADDRESSES = 8 * 2**30
FOR_A_REPORT = 3 * 2**30  # which needs LLVM, and no torch
#: What libraries say when they get no memory, beside MemoryError.
SIGNS = (
    "can't start new thread",
    "failed to map segment",
    "cannot allocate memory",
    "unable to allocate",
    "can't allocate memory",
    "out of memory",
    "std::bad_alloc",
)


class OutOfMemory(InputError):
    """Memory ran out, or a limit leaves too little. The message says how to go on."""


def require_addresses(needed: int = ADDRESSES) -> None:
    """Refuse a limit of the shell (``ulimit -v``) under which libraries cannot be loaded or threads not be started.

    Raises:
        OutOfMemory: the limit, and what is needed.
    """
    if sys.platform == "win32":  # which has no such limit
        return
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY or limit >= needed:
        return
    raise OutOfMemory(
        f"this process may use {limit / 2**30:.1f} GiB of addresses (ulimit -v), and needs {needed / 2**30:.0f} GiB: "
        "libraries and threads reserve far more than they use. Say 'ulimit -v unlimited', and limit memory itself "
        "instead, as 'systemd-run --user --scope -p MemoryMax=4G COMMAND' or your scheduler does."
    )


def is_exhausted(error: BaseException | None) -> bool:
    """Whether an error, or what it was raised from, is that there was no memory."""
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return True
        text = str(error).lower() if isinstance(error, RuntimeError | ImportError | OSError) else ""
        if any(sign in text for sign in SIGNS):
            return True
        error = error.__cause__ or error.__context__
    return False


def out_of_memory(error: BaseException) -> OutOfMemory:
    """The error to end with, in place of a library's own."""
    reason = (str(error) or type(error).__name__).strip().splitlines()[0]
    return OutOfMemory(
        f"memory ran out ({reason}). What was finished is kept. Give fewer --workers, a smaller --image-size or more "
        "memory (a limit of the shell is shown by 'ulimit -a'), and give the same command again."
    )
