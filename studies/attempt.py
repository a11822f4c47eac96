"""One attempt at a cell, wherever it runs: under the cell's lease, with every way in which it can end told apart."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import torch

from benchmark.disk import DiskFull, disk_full, is_full
from benchmark.errors import InputError
from benchmark.leases import Held, LeaseLost, acquire
from benchmark.results import FAILED, STUDY
from studies.cell import run_cell
from studies.open_cells import Ended, finished, lease_folder, note_failure
from studies.trainer import CellJob
from studies.tune import Trial


def attempt(job: CellJob, told: Callable[[Trial], None] = lambda trial: None, dead: str | None = None) -> Ended:
    """Run a cell, or continue it, if nobody else does.

    Args:
        job: the cell.
        told: called after each newly finished trial; the error that it raises is raised.
        dead: the stamp of a holder that may be passed over.
    """
    metrics = finished(job)
    if metrics is not None:
        return Ended("done", metrics)
    try:
        lease = acquire(lease_folder(job.run, job.cell), dead)
    except Held as error:
        return Ended("held", str(error))
    except OSError as error:
        return _full(job) if is_full(error) else Ended("failed", str(error))
    with lease:
        metrics = finished(job)
        if metrics is not None:  # by somebody else, just now
            return Ended("done", metrics)
        folder = job.cell.folder(job.run)
        try:
            (folder / FAILED).unlink(missing_ok=True)
            lease.fence(folder / STUDY)
            return Ended("done", run_cell(job, told, lease.check))
        except LeaseLost as error:
            return Ended("held", str(error))
        except BrokenPipeError:
            raise
        except (MemoryError, torch.cuda.OutOfMemoryError) as error:
            return Ended("lost", f"it ran out of memory ({error})")
        except DiskFull as error:
            return Ended("full", str(error))
        except InputError as error:
            reason = str(error)
        except Exception as error:
            if is_full(error):
                return _full(job)
            reason = traceback.format_exc()
        note_failure(job.run, job.cell, reason)  # while the cell is still ours
        return Ended("failed", reason)


def _full(job: CellJob) -> Ended:
    return Ended("full", str(disk_full(job.cell.folder(job.run))))
