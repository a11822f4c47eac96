"""Downloads from a server on this machine: checked, complete or not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.download import fetch_url
from benchmark.errors import InputError
from tests.benchmark.local_server import BODY, DIGEST, Handler, serving


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    with serving() as address:
        yield address


def test_a_complete_file_arrives_under_its_name_only(server: str, tmp_path: Path) -> None:
    progress = []
    target = tmp_path / "deep" / "w.pth"
    assert fetch_url(f"{server}/w", target, DIGEST[:8], lambda *at: progress.append(at)) == DIGEST
    assert target.read_bytes() == BODY
    assert [p.name for p in target.parent.iterdir()] == ["w.pth"]
    assert progress[-1] == (len(BODY), len(BODY)) and len(progress) > 1


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
