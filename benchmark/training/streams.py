"""Torch's global generators, which weights and dropout are drawn from, given to one fit at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from benchmark.seeds import int_seed


class Stream:
    """The global generators as one fit sees them, however many others draw in between."""

    def __init__(self, seed: np.random.SeedSequence) -> None:
        """Begin the stream; the generators themselves stay as they are."""
        self._devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
        with torch.random.fork_rng(devices=self._devices):
            torch.manual_seed(int_seed(seed))
            self._keep()

    @contextmanager
    def resumed(self) -> Iterator[None]:
        """The generators continue this stream for the duration, then are put back."""
        with torch.random.fork_rng(devices=self._devices):
            torch.set_rng_state(self._cpu)
            for device, state in self._cards.items():
                torch.cuda.set_rng_state(state, device)
            yield
            self._keep()

    def _keep(self) -> None:
        self._cpu = torch.get_rng_state()
        self._cards = {device: torch.cuda.get_rng_state(device) for device in self._devices}


@contextmanager
def seeded(seed: np.random.SeedSequence) -> Iterator[None]:
    """The global generators seeded for the duration, then put back."""
    with Stream(seed).resumed():
        yield
