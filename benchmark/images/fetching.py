"""Fetching data sets whose licence lets a program do so: checked, unpacked safely, complete or not there."""

from __future__ import annotations

import hashlib
import json
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from benchmark.download import fetch_url
from benchmark.errors import InputError

TIMEOUT = 30.0  # seconds without an answer

Say = Callable[[str], None]


def download(url: str, path: Path, say: Say, md5: str | None = None) -> None:
    """One file to `path`, unless it is there with this MD5.

    Raises:
        InputError: no answer, cut short, or another MD5 than published.
    """
    if path.is_file() and (md5 is None or _md5(path) == md5):
        say(f"{path} is there")
        return
    say(f"{url} -> {path}")
    arriving = path.with_name(f".{path.name}.arriving")
    fetch_url(url, arriving)
    if md5 is not None and _md5(arriving) != md5:
        arriving.unlink()
        raise InputError(f"{url} gave a file whose MD5 is not the published {md5}: it was not kept. Try again later.")
    arriving.replace(path)


def from_dataverse(
    server: str,
    doi: str,
    folder: Path,
    *,
    wanted: Sequence[str],
    unwanted: Sequence[str],
    say: Say,
) -> None:
    """Files of a Dataverse data set, checked by the MD5 sums that the server lists; zips are unpacked.

    Args:
        server: its address.
        doi: the data set's.
        folder: where to.
        wanted: beginnings of the names of the files to fetch.
        unwanted: parts of names to pass over.
        say: takes one line about each step.

    Raises:
        InputError: no answer, not what was expected, or a damaged file.
    """
    address = f"{server}/api/datasets/:persistentId/?persistentId={doi}"
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            listing = json.load(answer)["data"]["latestVersion"]["files"]
    except (OSError, ValueError, KeyError, urllib.error.URLError) as error:
        raise InputError(
            f"{address} did not list the files ({error}). Without a network, follow the steps by hand."
        ) from error
    chosen = [
        file["dataFile"]
        for file in listing
        if file["dataFile"]["filename"].startswith(tuple(wanted))
        and not any(part.lower() in file["dataFile"]["filename"].lower() for part in unwanted)
    ]
    if not chosen:
        raise InputError(f"{address} lists none of {', '.join(wanted)}: its files may have been renamed.")
    for file in chosen:
        # A table that the server keeps as .tab is asked for as it was sent in, which is what the MD5 belongs to.
        name = file.get("originalFileName") or file["filename"]
        original = "?format=original" if "originalFileFormat" in file else ""
        target = folder / PurePosixPath(name).name
        download(f"{server}/api/access/datafile/{file['id']}{original}", target, say, file.get("md5"))
        if target.suffix == ".zip":
            unpack(target, folder / target.stem, say)


def unpack(archive: Path, folder: Path, say: Say) -> None:
    """Unpack a zip into `folder`, which appears once all is there; a wrapping folder of its name is dropped.

    Raises:
        InputError: not a zip, damaged, or a name in it that leads out of the folder.
    """
    if folder.exists():
        say(f"{folder} is there")
        return
    say(f"unpacking {archive}")
    try:
        with zipfile.ZipFile(archive) as zipped, tempfile.TemporaryDirectory(dir=archive.parent) as place:
            for name in zipped.namelist():
                if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                    raise InputError(f"{archive}: '{name}' leads out of the folder: it was not unpacked.")
            members = [name for name in zipped.namelist() if not name.startswith("__MACOSX")]
            zipped.extractall(place, members)
            inner = [path for path in Path(place).iterdir() if not path.name.startswith(".")]
            wrapped = len(inner) == 1 and inner[0].is_dir() and inner[0].name == folder.name
            (inner[0] if wrapped else Path(place)).rename(folder)
            Path(place).mkdir(exist_ok=True)  # for the context manager to remove
    except (zipfile.BadZipFile, EOFError) as error:
        raise InputError(f"{archive} is damaged ({error}): remove it and fetch it again.") from error


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
