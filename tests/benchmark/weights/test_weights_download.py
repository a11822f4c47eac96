"""Downloads from a server on this machine: checked, complete or not there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import nn

from benchmark.errors import InputError
from benchmark.weights import fetching as download
from benchmark.weights import find as finding
from benchmark.weights.__main__ import main
from benchmark.weights.fetching import fetch, fetch_url
from benchmark.weights.sources import WeightSource, source_named

BODY = bytes(range(256)) * 9000
DIGEST = hashlib.sha256(BODY).hexdigest()


class Handler(BaseHTTPRequestHandler):
    served: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        if path == "moved":
            self.send_error(404)
            return
        body = self.served.get(path, BODY)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) * 2 if path == "cut" else len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()
    thread.join()


def test_a_whole_file_arrives_under_its_name_only(server: str, tmp_path: Path) -> None:
    seen = []
    target = tmp_path / "deep" / "w.pth"
    assert fetch_url(f"{server}/w", target, DIGEST[:8], lambda *at: seen.append(at)) == DIGEST
    assert target.read_bytes() == BODY
    assert [p.name for p in target.parent.iterdir()] == ["w.pth"]
    assert seen[-1] == (len(BODY), len(BODY)) and len(seen) > 1


def test_file_addresses_work_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(BODY)
    assert fetch_url((tmp_path / "a").as_uri(), tmp_path / "b") == DIGEST


@pytest.mark.parametrize(
    ("path", "sha256", "says"),
    [
        ("w", "0" * 64, "is not the published file: its SHA-256 begins"),
        ("cut", None, "cut off"),
        ("moved", None, "answered 404"),
        ("page", None, "web page"),
    ],
)
def test_nothing_is_kept_of_a_bad_answer(
    path: str, sha256: str | None, says: str, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Handler.served, "page", b"<!DOCTYPE html><html>please log in</html>")
    target = tmp_path / "w.pth"
    with pytest.raises(InputError, match=says):
        fetch_url(f"{server}/{path}", target, sha256)
    assert list(tmp_path.iterdir()) == []


def test_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(InputError, match="cannot be reached"):
        fetch_url("http://127.0.0.1:1/w", tmp_path / "w")


def test_no_right_to_write(tmp_path: Path, server: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"):
        fetch_url(f"{server}/w", tmp_path / "file" / "w")


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
    found = finding.find("resnet18", "imagenet", folder=folder)
    assert found.path == folder / "resnet18-f37072fd.pth" and found.sha256 == digest
    monkeypatch.setattr(finding, "sources_for", lambda *_: (replace(local, url=f"{server}/w", file="other.pth"),))
    with pytest.raises(InputError, match=r"the download failed .*not the published file.*Ways out"):
        finding.find("resnet18", "imagenet", folder=tmp_path / "elsewhere")


def test_medical_weights_are_downloaded_only_when_named(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(download, "fetch_url", lambda url, *rest: asked.append(url))
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
