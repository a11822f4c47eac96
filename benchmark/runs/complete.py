"""Whether a run is complete as it is asked for, without planning it: nothing heavy is imported for the answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmark import datasets
from benchmark.arm import is_file_name
from benchmark.errors import InputError
from benchmark.external import of_target
from benchmark.images.contract import LoadOptions
from benchmark.intact import sums_of
from benchmark.results import DONE, SPEC, read_json
from benchmark.runs.externals import load_external
from benchmark.runs.repair import THREADS, cell_faults
from benchmark.runs.request import Request, is_done
from benchmark.runs.weights import needs


def is_complete(request: Request) -> bool:
    """Whether every cell is finished and whole, for these settings, these images and the weights that are named.

    What it cannot tell cheaply counts as no: whoever plans the run then says what is wrong.
    """
    try:
        described = read_json(request.out / SPEC)
        if described["spec"] != request.spec.as_dict():
            return False
        inputs = described["inputs"]
        return _cells_are_whole(request) and _images_are_the_same(request, inputs) and _weights_are(request, inputs)
    except (OSError, InputError, KeyError, TypeError):
        return False


def _cells_are_whole(request: Request) -> bool:
    cells = list(request.spec.cells())
    if not all((cell.folder(request.out) / DONE).is_file() for cell in cells):
        return False
    with ThreadPoolExecutor(THREADS) as pool:
        return all(pool.map(lambda cell: is_done(cell, request) and not cell_faults(cell, request), cells))


def _images_are_the_same(request: Request, inputs: dict[str, str]) -> bool:
    options = LoadOptions(
        image_size=request.spec.image_size,
        holdout=request.spec.holdout,
        root_seed=request.spec.root_seed,
        memory=request.root / "cache",
    )
    for name in request.spec.datasets:
        images = datasets.load(request.located(name), request.data_root, options)
        if images.fingerprint != inputs[f"data {name}"]:
            return False
        for external in of_target(request.spec.external, name):
            elsewhere = load_external(request, external, images)
            if elsewhere.fingerprint != inputs[f"external {external.label}"]:
                return False
    return True


def _weights_are(request: Request, inputs: dict[str, str]) -> bool:
    """Whether the files that the user and the arms' definitions name now are those that the run started from."""
    for need in needs(request):
        named = str(need.named or "")
        if named and (is_file_name(named) or named != request.arm(need.arm).weights):  # else the settings say all
            digest = sums_of(Path(named.rpartition("@")[2]))["sha256"]
            if any(digest != inputs[f"weights {name}/{need.arm}"] for name in need.datasets):
                return False
    return True
