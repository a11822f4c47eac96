"""Weight files in the exact key forms of their publishers, made from random torchvision and timm networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.benchmark.weights.weight_networks import lived_in


@pytest.fixture(autouse=True)
def one_quiet_thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """One thread, no network, and caches that hold nothing."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch-home"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def resnet50() -> nn.Module:
    """torchvision's ResNet-50 with random weights and moved batch-norm statistics."""
    from torchvision.models import resnet50 as build

    torch.manual_seed(50)
    return lived_in(build(weights=None))


@pytest.fixture(scope="session")
def resnet18() -> nn.Module:
    from torchvision.models import resnet18 as build

    torch.manual_seed(18)
    return lived_in(build(weights=None))
