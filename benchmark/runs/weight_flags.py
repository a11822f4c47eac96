"""What --weights says: the files that arms start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.errors import InputError


def weight_files(pairs: Sequence[str], places: Mapping[str, str]) -> dict[str, Path]:
    """``ARM=PATH`` and ``ARM@DATASET=PATH`` to arm, or arm@data set -> file.

    Args:
        pairs: as given.
        places: data set of the run -> its name with its place on this machine, by which it may be called too.

    Raises:
        InputError: a pair is of neither form.
    """
    files = {}
    for pair in pairs:
        key, equals, path = pair.partition("=")
        for dataset, place in places.items():
            for name in (dataset, place):  # which may itself hold an equals sign
                arm, at, rest = pair.partition(f"@{name}=")
                if at and "=" not in arm:
                    key, path = f"{arm}@{dataset}", rest
        if not equals or not path:
            raise InputError(
                f"--weights takes ARM=PATH or ARM@DATASET=PATH, for example medical=weights.safetensors, not '{pair}'."
            )
        files[key] = Path(path)
    return files
