"""Features of the frozen part, computed once for all trials of a cell that share it.

A view of an image is fixed by (cell, strength, epoch), not drawn anew in each trial. So the frozen features of a
view can be kept, and a trial that trains only a head costs next to nothing, while augmentation stays as rich as
for an arm that trains everything: epoch e of every trial sees view e.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor

from benchmark.seeds import int_seed, seed_for
from benchmark.training.augment import augment
from benchmark.training.network import Network, computing_in

CHUNK = 64  # images a forward pass; fixed, so that cached and recomputed features are the same bits
CAPACITY = 768 * 2**20  # bytes kept in one process


class FrozenFeatures:
    """The frozen features of one cell's subsample, kept within a memory capacity, oldest use dropped first.

    What is dropped is computed again, to the same bits: the capacity changes the time, never the result.
    """

    def __init__(
        self,
        images: Tensor,
        flip: bool,
        root_seed: int,
        cell: str,
        capacity: int = CAPACITY,
        precision: str = "float32",
    ) -> None:
        """Keep the subsample's images, (N, C, H, W) uint8 on the device."""
        self._images = images
        self._precision = precision
        self._flip = flip
        self._seed = (root_seed, cell)
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, float, int], Tensor] = OrderedDict()

    def clean(self, network: Network) -> Tensor:
        """Features of the images as they are, (N, ...)."""
        return self._get(network, strength=-1.0, epoch=0)

    def view(self, network: Network, strength: float, epoch: int) -> Tensor:
        """Features of the images' views in this epoch, (N, ...)."""
        return self._get(network, strength, epoch)

    def _get(self, network: Network, strength: float, epoch: int) -> Tensor:
        key = (network.frozen_key, strength, epoch)
        if key not in self._kept:
            self._kept[key] = self._compute(network, strength, epoch)
            while self._bytes() > self._capacity and len(self._kept) > 1:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _compute(self, network: Network, strength: float, epoch: int) -> Tensor:
        if network.below is not None:
            kept = self._kept.get((network.below.frozen_key, strength, epoch))
            if kept is not None:
                return _through(network, kept, self._precision)
        if strength < 0:
            return frozen_features(network, self._images, self._precision)
        root, cell = self._seed
        seed = seed_for(root, "view", cell=cell, strength=str(strength), epoch=epoch)
        generator = torch.Generator(self._images.device).manual_seed(int_seed(seed))
        views = (augment(chunk, strength, self._flip, generator) for chunk in torch.split(self._images, CHUNK))
        return torch.cat([frozen_features(network, view, self._precision) for view in views])

    def _bytes(self) -> int:
        return sum(kept.numel() * kept.element_size() for kept in self._kept.values())


@torch.no_grad()
def frozen_features(network: Network, images: Tensor, precision: str = "float32") -> Tensor:
    """Pass images through the frozen part in evaluation mode: (N, C, H, W), uint8 or in [0, 1], to (N, ...)."""
    below, features = network.below, []
    for chunk in torch.split(images, CHUNK):
        inputs = as_unit(chunk) if below is None else frozen_features(below, chunk, precision)
        features.append(_through(network, inputs, precision))
    return torch.cat(features)


@torch.no_grad()
def _through(network: Network, inputs: Tensor, precision: str) -> Tensor:
    """The frozen part alone; what is pooled, and small, is float32, maps are kept as they were computed."""
    assert network.frozen is not None
    frozen = network.frozen.eval()
    with computing_in(precision, inputs.device):
        features = torch.cat([frozen(chunk) for chunk in torch.split(inputs, CHUNK)])
    return features.float() if features.ndim == 2 else features


def as_unit(images: Tensor) -> Tensor:
    """Images as float32 in [0, 1], in the memory order that convolutions are fastest in."""
    if images.dtype == torch.uint8:
        images = images.float().div_(255.0)
    return images.contiguous(memory_format=torch.channels_last)
