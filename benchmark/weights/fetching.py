"""Fetching a weight file: checked on the way, complete or not there."""

from __future__ import annotations

import hashlib
import shutil
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from benchmark.errors import InputError
from benchmark.results import atomic_path
from benchmark.weights.caches import HUB_FILES
from benchmark.weights.sources import WeightSource

#: Seconds without an answer before a server is given up.
TIMEOUT = 10.0

_CHUNK = 1 << 20

Progress = Callable[[int, int | None], None]


def fetch(source: WeightSource, folder: Path, progress: Progress | None = None) -> Path:
    """Bring a source's file into the weights folder, unless it is there, and say where it lies.

    Files of the Hugging Face hub go into the hub's own cache, where timm finds them too.

    Args:
        source: what to fetch.
        folder: the weights folder; made where it is missing.
        progress: called with (bytes so far, bytes in all or None).

    Raises:
        InputError: the source has no address for programs, no network, or not the published file.
    """
    if source.hub_id is not None:
        try:
            return _from_hub(source.hub_id)
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


def fetch_url(url: str, target: Path, sha256: str | None = None, progress: Progress | None = None) -> str:
    """Download one file to `target` through a temporary name, and return its SHA-256.

    Args:
        url: http, https or file.
        target: where the complete file goes; nothing appears there otherwise.
        sha256: the expected digest or its first digits; None = not known.
        progress: called with (bytes so far, bytes in all or None).

    Raises:
        InputError: no answer, an answer cut short, a web page, or another SHA-256.
    """
    digest = hashlib.sha256()
    request = urllib.request.Request(url, headers={"User-Agent": "low-data-imaging-benchmark"})
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as temporary:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer, temporary.open("wb") as file:
                stated = answer.headers.get("Content-Length")
                total, done = int(stated) if stated else None, 0
                if total is not None and shutil.disk_usage(target.parent).free < total:
                    raise InputError(
                        f"no room for {target} ({total / 1e6:.0f} MB): free some space, or use another folder."
                    )
                while chunk := answer.read(_CHUNK):
                    if done == 0 and chunk.lstrip()[:14].lower().startswith((b"<!doctype", b"<html")):
                        raise InputError(f"{url} answered with a web page, not a file: download it in a browser.")
                    file.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    if progress is not None:
                        progress(done, total)
            if total is not None and done != total:
                raise InputError(f"{url} was cut off after {done} of {total} bytes: try again.")
            if sha256 is not None and not digest.hexdigest().startswith(sha256):
                raise InputError(
                    f"{url} is not the published file: its SHA-256 begins {digest.hexdigest()[:12]}, "
                    f"expected {sha256[:12]}. Nothing was kept; try again, or download it elsewhere and "
                    "compare."
                )
    except urllib.error.HTTPError as error:
        raise InputError(f"{url} answered {error.code} {error.reason}: the address may have moved.") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise InputError(f"{url} cannot be reached ({reason}): is there a network?") from error
    except OSError as error:
        raise InputError(f"{target} cannot be written ({error}): check the folder's rights and space.") from error
    return digest.hexdigest()


def _from_hub(hub_id: str) -> Path:
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    unreachable = f"{hub_id} cannot be reached on the Hugging Face hub: is there a network?"
    if not _answers(constants.ENDPOINT):  # the hub's own client would retry for half a minute
        raise InputError(unreachable)
    for name in HUB_FILES:
        try:
            return Path(hf_hub_download(hub_id, name, etag_timeout=TIMEOUT))
        except LocalEntryNotFoundError as error:  # an EntryNotFoundError too: offline, not absent
            raise InputError(unreachable) from error
        except EntryNotFoundError:
            continue
        except (HfHubHTTPError, OSError) as error:
            first = str(error).partition("\n")[0][:200]
            raise InputError(f"{hub_id} cannot be fetched from the Hugging Face hub ({first}).") from error
    raise InputError(f"{hub_id} holds neither {' nor '.join(HUB_FILES)}.")


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
