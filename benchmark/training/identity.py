"""What decides the bits of frozen features, as one text: code and versions, the way of computing, the weights."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from benchmark.training.network import Network

ROOMS = ("training", "methods", "weights")  # whose code the frozen part of a network is made of
PACKAGES = ("torch", "timm", "numba")


def frozen_identity(network: Network, precision: str) -> str:
    """Equal for equal functions of images, bit for bit on one kind of processor; hexadecimal digits."""
    assert network.frozen is not None
    digest = hashlib.sha256(f"{_code()} {_machine()} {precision} {network.frozen!r}".encode())
    for name, value in (*network.frozen.named_parameters(), *network.frozen.named_buffers()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    if network.below is not None:
        digest.update(frozen_identity(network.below, precision).encode())
    return digest.hexdigest()


def digest_of(images: torch.Tensor) -> str:
    """Of images' pixels, (N, C, H, W) uint8, and of their number and size."""
    content = images.cpu().contiguous()
    return hashlib.sha256(f"{tuple(content.shape)}".encode() + content.numpy().tobytes()).hexdigest()


@cache
def _code() -> str:
    """Of the sources themselves: what was computed by other code is another thing, whatever it is called."""
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((Path(__file__).parents[1] / room).glob("*.py")):
            digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest() + "".join(f" {package} {_version(package)}" for package in PACKAGES)


def _machine() -> str:
    """What the library chooses its kernels, and the order of their sums, by."""
    known: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.7 has none
    processor = sorted((name, value) for name, value in known.items() if not name.startswith("num_"))
    return f"{torch.backends.cpu.get_cpu_capability()} {processor} {torch.get_num_threads()} threads"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
