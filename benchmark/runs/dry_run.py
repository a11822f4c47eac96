"""What a run would do, and how long it would take here: the grid, the counts, the weights, the expected time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from benchmark import datasets
from benchmark.enough_patients import unknown_patients
from benchmark.errors import InputError
from benchmark.external import of_target
from benchmark.images.contract import Images
from benchmark.images.subsample import Subsample
from benchmark.runs.estimate import Estimate, estimate
from benchmark.runs.externals import load_external
from benchmark.runs.planning import draw_all, load_images, measure_overlaps
from benchmark.runs.records import class_counts, data_records, overlap_text
from benchmark.runs.request import Request, check_request, is_done
from benchmark.runs.room import card_lines, disk_line, disk_needed, memory_line, memory_needed
from benchmark.runs.weights import find_weights, is_made, needs, refuse_same_file
from benchmark.spec import Cell
from benchmark.weights.find import WeightFile
from studies.devices import free_memory
from studies.progress import duration_text


def describe(request: Request, report: Callable[[str], None]) -> str:
    """The plan in words. Nothing is decoded, trained or written; what is missing is listed, not raised.

    Args:
        request: the run.
        report: takes a line on what is being done: this can take minutes.
    """
    spec = request.spec
    check_request(request)
    cells = list(spec.cells())
    open_cells = [cell for cell in cells if not is_done(cell, request)]
    lines = [
        f"run folder  {request.out}",
        f"grid        {len(spec.datasets)} data sets x {len(spec.n_per_class)} n x {spec.seeds} seeds x "
        f"{len(spec.arms)} arms = {len(cells)} cells, {len(cells) - len(open_cells)} finished",
        f"trials      {len(cells)} x {spec.budget} = {len(cells) * spec.budget:,}, of {spec.folds} folds each",
    ]
    missing: list[str] = []
    there: dict[str, Images] = {}
    elsewhere: dict[str, list[Images]] = {}
    reading: dict[str, float] = {}
    rows: dict[Cell, int] = {}
    for name in spec.datasets:
        report(f"{name}: reading its index")
        began = time.perf_counter()
        try:
            images = load_images(request, name)
        except InputError as error:
            missing.append("\n    ".join([f"{name}: {error}", *datasets.find(name).ORIGIN.steps]))
            continue
        reading[name] = time.perf_counter() - began
        draws = draw_all(spec, images)
        lines += ["", *_counts(name, images, draws)]
        elsewhere[name] = []
        for external in of_target(spec.external, name):
            try:
                elsewhere[name].append(load_external(request, external, images))
            except InputError as error:
                missing.append(f"{external.label}: {error}")
        lines += [_counts_elsewhere(test_set) for test_set in elsewhere[name]]
        there[name] = images
        rows |= {cell: len(draws[cell.n_per_class, cell.seed].indices) for cell in open_cells if cell.dataset == name}
    weights, lacking = _weights(request, report)
    lines += [*([""] if weights else []), *weights, ""]
    disk = disk_line(request, disk_needed(request, there, list(rows), elsewhere))
    if _has_devices(request):
        expected = estimate(request, there, reading, rows, elsewhere, report)
        lines += [*_expected(expected, there), disk]
        lines.append(memory_line(request, memory_needed(request, there, rows, expected.worker_mb)))
        lines += card_lines(request.devices, free_memory(request.devices), expected.card_mb)
    else:
        lines += [
            f"expected    not timed: workers compute on {request.device}, and there is none here. Ask in a job.",
            disk,
        ]
    missing += lacking
    if missing:
        lines += ["", "missing:", *(f"- {item}" for item in missing)]
    return "\n".join(lines) + "\n"


def _has_devices(request: Request) -> bool:
    """Whether short trials can be timed here, as other machines' workers compute elsewhere."""
    from torch import cuda

    return not request.device.startswith("cuda") or cuda.is_available()


def _counts(name: str, images: Images, draws: Mapping[tuple[int, int], Subsample]) -> list[str]:
    """Images, groups and classes of pool, holdout and the first subsample of every n."""
    lines = [] if images.groups_known else [f"WARNING: {unknown_patients(name, str(images.facts['leaks']))}"]
    for record in data_records(images):
        counts = ", ".join(f"{label} {record[label]:,}" for label in images.classes)
        lines.append(f"{name}, {record['part']}: {record['images']:,} images, {record['groups']:,} groups; {counts}")
    overlaps = measure_overlaps(images, draws)
    for (n, seed), drawn in draws.items():
        if seed == 0:
            short = f"; short of {n}: {dict(drawn.shortfalls)}" if drawn.shortfalls else ""
            lines.append(
                f"{name}, n = {n}: {class_counts(images, drawn)}; {len(set(images.groups[drawn.indices]))} "
                f"groups; overlap between seeds {overlaps[n].rho:.2f} ({overlap_text(overlaps[n])}){short}"
            )
    return lines


def _counts_elsewhere(images: Images) -> str:
    """Images, groups and classes of a test set from elsewhere, and what is left out of it."""
    counts = ", ".join(f"{label} {int((images.labels[:, k] > 0.5).sum()):,}" for k, label in enumerate(images.classes))
    left_out = ", ".join(f"{reason} {count:,}" for reason, count in images.facts["left_out"].items())
    groups = len(set(images.groups))
    return f"{images.dataset}: {len(images.labels):,} images, {groups:,} groups; {counts}; left out: {left_out}"


def _weights(request: Request, report: Callable[[str], None]) -> tuple[list[str], list[str]]:
    """What every arm would start from, and what is missing; nothing is downloaded or made for it."""
    spec = request.spec
    lines, missing = [], []
    for arm in spec.arms:
        lines += [
            f"weights     {arm}, for {name}: pretrained on the built-in corpus, once, and kept"
            for name in spec.datasets
            if is_made(name, arm, request)
        ]
    located: dict[tuple[str, str], WeightFile] = {}
    for need in needs(request):
        report(f"{need.arm}: looking for its weights, and trying them")
        try:
            file = find_weights(need, request, download=False)
        except InputError as error:
            missing.append(str(error))
        else:
            where = f", for {', '.join(need.datasets)}" if len(need.datasets) < len(spec.datasets) else ""
            lines.append(f"weights     {need.arm}{where}: {file.source.name} ({file.path})")
            located |= {(name, need.arm): file for name in need.datasets}
    for name in spec.datasets:
        refuse_same_file(name, {arm: located.get((name, arm)) for arm in spec.arms}, request)
    return lines, missing


def _expected(expected: Estimate, there: Collection[str]) -> list[str]:
    """Time of one process (a device, or a core) by data set and arm, and the wall time on this machine by part."""
    request = expected.request
    lines = []
    for name in request.spec.datasets:
        if name in there:
            by_arm = {arm: expected.of(name, arm) for arm in request.spec.arms}
            listed = ", ".join(f"{arm} {duration_text(seconds)}" for arm, seconds in by_arm.items())
            total = sum(by_arm.values())
            lines.append(f"studies     {name}: {listed}; together {total / 3600:,.1f} device-hours")
        else:
            lines.append(f"studies     {name}: time not known, as it is missing")
    wall = expected.wall()
    rest = "" if len(there) == len(request.spec.datasets) else ", without what is missing"
    parts = ", ".join(f"{name} {duration_text(seconds)}" for name, seconds in wall.items())
    devices = ", ".join(dict.fromkeys(request.devices))
    lines.append(
        f"expected    {duration_text(sum(wall.values()))} with {request.workers} workers on {devices}{rest} ({parts})"
    )
    return lines
