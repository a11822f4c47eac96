"""Features of the frozen part, computed once for all trials of a cell that share it.

A view of an image is fixed by (cell, strength, epoch), not drawn anew in each trial. So the frozen features of a
view can be kept, and a trial that trains only a head costs next to nothing, while augmentation stays as rich as
for an arm that trains everything: epoch e of every trial sees view e. Features of images as they are depend on nothing
but the images and the weights, and serve other cells as well.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from benchmark.seeds import int_seed, seed_for
from benchmark.training.augment import augment
from benchmark.training.feature_store import FeatureStore, Place
from benchmark.training.identity import digest_of, frozen_identity
from benchmark.training.network import Network, computing_in

CHUNK = 64  # images a forward pass; fixed, so that cached and recomputed features are the same bits
CAPACITY = 768 * 2**20  # bytes kept in one process
CLEAN = -1.0  # the "strength" of images as they are
SHARED = "clean"  # the store's group of what any cell may need

Key = tuple[str, float, int]  # of the frozen part; strength; epoch


class FrozenFeatures:
    """The frozen features of one cell's subsample: within a capacity in memory, and in a store on disk.

    What is in neither is computed again, to the same bits: both change the time, never the result.

    Attributes:
        used: images whose features were asked for, counted at every use.
        computed: those of them that passed through the frozen part from their pixels on.
    """

    def __init__(
        self,
        images: Tensor,
        flip: bool,
        root_seed: int,
        cell: str,
        capacity: int = CAPACITY,
        precision: str = "float32",
        store: FeatureStore | None = None,
    ) -> None:
        """Keep the subsample's images, (N, C, H, W) uint8 on the device; a store is used for the CPU alone."""
        self._images = images
        self._precision = precision
        self._flip = flip
        self._seed = (root_seed, cell)
        self._capacity = capacity
        self._kept: OrderedDict[Key, Tensor] = OrderedDict()
        self._store = store if images.device.type == "cpu" else None  # a card computes faster than a disk reads
        self._group = _digest(root_seed, cell)
        self._digests: list[str] = []
        self._identities: dict[str, str] = {}
        self.used = self.computed = 0

    def clean(self, network: Network, used: int = 0) -> Tensor:
        """Features of the images as they are, (N, ...); `used` says how many of them are."""
        return self._get(network, CLEAN, 0, used)

    def view(self, network: Network, strength: float, epoch: int, used: int = 0) -> Tensor:
        """Features of the images' views in this epoch, (N, ...); `used` says how many of them are."""
        if strength == 0 and not self._flip:
            return self._get(network, CLEAN, 0, used)  # the view is the image
        return self._get(network, strength, epoch, used)

    def of(self, network: Network, images: Tensor) -> Tensor:
        """Features of other images as they are, (M, C, H, W) uint8 to (M, ...), which the memory does not keep."""
        self.used += len(images)

        def features(chunk: Tensor) -> Tensor:
            place = Place(SHARED, 0, digest_of(chunk) if self._store is not None else "")
            return self._chunk(network, place, lambda: chunk)

        return joined(map(features, torch.split(images, CHUNK)), len(images))

    def close(self) -> None:
        """The cell is finished: its views need no room any more."""
        self._kept.clear()
        if self._store is not None:
            self._store.release(self._group)

    def _get(self, network: Network, strength: float, epoch: int, used: int) -> Tensor:
        self.used += used
        key = (network.frozen_key, strength, epoch)
        if key not in self._kept:
            self._make_room()
            self._kept[key] = self._compute(network, strength, epoch)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _make_room(self) -> None:
        """Let views go, the longest unused first, until one more has room; each takes as much as the last did."""
        expected = _bytes(next(reversed(self._kept.values()))) if self._kept else 0
        views = [key for key in self._kept if key[1] != CLEAN]  # validation needs the others in every trial
        while views and sum(map(_bytes, self._kept.values())) + expected > self._capacity:
            del self._kept[views.pop(0)]

    def _compute(self, network: Network, strength: float, epoch: int) -> Tensor:
        if network.below is not None:
            kept = self._kept.get((network.below.frozen_key, strength, epoch))
            if kept is not None:
                return _through(network, kept, self._precision)
        root, cell = self._seed
        seed = int_seed(seed_for(root, "view", cell=cell, strength=str(strength), epoch=epoch))
        draw = self._drawing(strength, seed)

        def chunk(number: int, digest: str) -> Tensor:
            place = Place(SHARED, 0, digest)
            if strength != CLEAN:
                place = Place(self._group, epoch, _digest(digest, number, strength, self._flip, seed))
            return self._chunk(network, place, lambda: draw(number))

        return joined((chunk(*numbered) for numbered in enumerate(self._image_digests())), len(self._images))

    def _drawing(self, strength: float, seed: int) -> Callable[[int], Tensor]:
        """Gives chunks of views by their number, in rising order: all are drawn from one stream."""
        chunks = torch.split(self._images, CHUNK)
        if strength == CLEAN:
            return lambda number: chunks[number]
        generator = torch.Generator(self._images.device).manual_seed(seed)
        views = enumerate(augment(chunk, strength, self._flip, generator) for chunk in chunks)
        return lambda number: next(view for place, view in views if place == number)

    def _chunk(self, network: Network, images: Place, draw: Callable[[], Tensor]) -> Tensor:
        """Features of a chunk; `images` is their place but for the network that they are features of."""
        place = None
        if self._store is not None:
            place = Place(images.group, images.epoch, _digest(images.key, self._identity(network)))
            stored = self._store.read(place)
            if stored is not None:
                return stored
        began = time.perf_counter()
        if network.below is None:
            inputs = as_unit(draw())
            self.computed += len(inputs)
        else:
            inputs = self._chunk(network.below, images, draw)
        features = _through(network, inputs, self._precision)
        if self._store is not None and place is not None:
            self._store.write(place, features, time.perf_counter() - began)
        return features

    def _image_digests(self) -> list[str]:
        """Of every chunk of the subsample; empty texts where nothing is stored."""
        if not self._digests:
            stored = self._store is not None
            self._digests = [digest_of(chunk) if stored else "" for chunk in torch.split(self._images, CHUNK)]
        return self._digests

    def _identity(self, network: Network) -> str:
        if network.frozen_key not in self._identities:
            self._identities[network.frozen_key] = frozen_identity(network, self._precision)
        return self._identities[network.frozen_key]


def joined(parts: Iterable[Tensor], count: int) -> Tensor:
    """What `torch.cat` makes of parts of `count` rows together, without holding them all beside it."""
    filled, result = 0, torch.empty(0)
    for part in parts:
        if filled == 0:
            two = torch.cat([part, part])
            result = torch.empty_strided((count, *two.shape[1:]), two.stride(), dtype=two.dtype, device=two.device)
        result[filled : filled + len(part)] = part
        filled += len(part)
    return result


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _bytes(features: Tensor) -> int:
    return features.numel() * features.element_size()


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
