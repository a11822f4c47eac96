"""Training steps on a card, replayed as graphs: to launch a step's kernels one by one takes longer than they do.

A graph is what one step did, captured: the same kernels on the same addresses, so that batch, mixture and learning rate
are written to where it reads them. It draws on from the generators that the step draws from, and gives what the step
would give.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from benchmark.training.augment import Mixture
from benchmark.training.step import Step


class Replayed:
    """The steps of one fit on a card: of each batch size the first as it is, the second captured, then replays.

    Steps of a network that cannot be captured, as it waits for the card, are made one by one, and so are all later ones
    of the process: a capture that failed leaves the allocator waiting for its end.

    Attributes:
        possible: whether this process captures.
    """

    possible = True

    def __init__(self, step: Step) -> None:
        """Replay this step, whose tensors are on the current card."""
        self._step = step
        self._stream = _stream(step.device)
        self._values = torch.ones(2, device=step.device)  # share of a mixture, learning rate
        self._rows: dict[int, Tensor] = {}  # by batch size: (2, B), its rows and each one's partner among them
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}

    def epoch(self, batches: Sequence[Tensor], mixtures: Sequence[Mixture | None], rates: Sequence[float]) -> None:
        """Learn from the (B,) rows of an epoch's batches, which are given to the card at once."""
        rows, values = _laid_out(batches, mixtures, rates)
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            on_card = rows.to(self._values.device), values.to(self._values.device)
            for batch, *given in zip(batches, *on_card, strict=True):
                self._learn(len(batch), *given)
        torch.cuda.current_stream().wait_stream(self._stream)

    def _learn(self, size: int, rows: Tensor, values: Tensor) -> None:
        first = size not in self._rows
        if first:
            self._rows[size] = torch.empty(2, size, dtype=torch.long, device=rows.device)
        self._rows[size].copy_(rows[:, :size])
        self._values.copy_(values)
        if self.possible and not first and size not in self._graphs:
            self._capture(size)
        if size in self._graphs:
            self._graphs[size].replay()
        else:
            with warnings.catch_warnings():  # that what may be captured is not
                warnings.filterwarnings("ignore", message=".*capturable=True")
                self._once(size)

    def _once(self, size: int) -> None:
        batch, partner = self._rows[size]
        share, rate = self._values
        self._step.set_rate(rate)
        self._step(batch, lambda: (partner, share))

    def _capture(self, size: int) -> None:
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self._step.drawing)
        generators = (self._step.drawing, torch.cuda.default_generators[torch.cuda.current_device()])
        states = [generator.clone_state() for generator in generators]
        pool: Any = next((other.pool() for other in self._graphs.values()), None)  # they are replayed one at a time
        try:
            with torch.cuda.graph(graph, pool=pool, stream=self._stream, capture_error_mode="thread_local"):
                self._once(size)
        except RuntimeError as error:
            Replayed.possible = False
            for generator, state in zip(generators, states, strict=True):
                generator.graphsafe_set_state(state)
            why = f"training steps are made one by one from here on, as this network's cannot be captured: {error}"
            warnings.warn(why, RuntimeWarning, stacklevel=2)
        else:
            self._graphs[size] = graph


@cache
def _stream(device: torch.device) -> Any:
    """What all fits compute in, so that one has the memory that another has freed."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def _laid_out(
    batches: Sequence[Tensor], mixtures: Sequence[Mixture | None], rates: Sequence[float]
) -> tuple[Tensor, Tensor]:
    """(S, 2, B) rows and partners, (S, 2) shares and rates; a batch that is not mixed keeps all of itself."""
    size = max(map(len, batches))
    rows, values = torch.zeros(len(batches), 2, size, dtype=torch.long), torch.ones(len(batches), 2)
    for place, (batch, mixture) in enumerate(zip(batches, mixtures, strict=True)):
        partner, share = (torch.arange(len(batch)), 1.0) if mixture is None else mixture
        rows[place, 0, : len(batch)], rows[place, 1, : len(batch)] = batch, partner
        values[place, 0], values[place, 1] = share, rates[place]
    return rows, values
