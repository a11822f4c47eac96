"""Downloading one file: checked on the way, complete or not there."""

from __future__ import annotations

import hashlib
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from benchmark.errors import InputError
from benchmark.results import atomic_path

TIMEOUT = 10.0  # seconds without an answer before a server is given up

_CHUNK = 1 << 20

#: Called with (bytes so far, bytes in all or None).
Progress = Callable[[int, int | None], None]


def fetch_url(url: str, target: Path, sha256: str | None = None, progress: Progress | None = None) -> str:
    """Download one file to `target` through a temporary name, and return its SHA-256.

    Args:
        url: http, https or file.
        target: where the complete file goes; nothing appears there otherwise.
        sha256: the expected digest or its first digits; None = not known.
        progress: called after each chunk.

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
