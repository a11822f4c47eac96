"""Which device each worker computes on, and how many workers the memory of a card holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

#: Of a card's free memory, what workers may fill: the allocator's unused pieces need room.
FILLED = 0.9
#: Megabytes that a process takes on a card beside its tensors: CUDA's context and the libraries' kernels.
CONTEXT_MB = 700.0


def share_out(devices: Sequence[str], workers_each: int) -> tuple[str, ...]:
    """A device for each worker, round robin: the first workers stand on different cards."""
    return tuple(devices) * workers_each


@dataclass
class CardMemory:
    """Admits workers to cards by what their trials were seen to take.

    A card of which nothing is known yet is given one worker; its first trial says how many fit. Where a later trial
    takes more than the ones before, workers that have become too many are given no further cell.

    Attributes:
        free_mb: by device, what was free before the run; a device that is not in it (the CPU) takes every worker.
    """

    free_mb: dict[str, float]
    _peak_mb: dict[str, float] = field(default_factory=dict)

    def trial(self, device: str, peak_mb: float) -> None:
        """A trial's process has taken so much on this device at most."""
        self._peak_mb[device] = max(peak_mb, self._peak_mb.get(device, 0.0))

    def admits(self, device: str, busy: int) -> bool:
        """Whether one more worker may compute on a device where `busy` do; the first always may."""
        if busy == 0 or device not in self.free_mb:
            return True
        if device not in self._peak_mb:
            return False
        return (busy + 1) * (self._peak_mb[device] + CONTEXT_MB) <= FILLED * self.free_mb[device]


def free_memory(devices: Sequence[str]) -> dict[str, float]:
    """Free megabytes of every card among the devices."""
    import torch

    return {device: torch.cuda.mem_get_info(device)[0] / 2**20 for device in set(devices) if device.startswith("cuda")}
