"""What a run would do, and how long it would take here: the grid, the counts, the weights, the expected time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.errors import InputError
from benchmark.planning import (
    BUILT_IN,
    check_names,
    class_counts,
    data_records,
    draw_all,
    is_done,
    load_images,
    weights_at_hand,
)
from benchmark.progress import spoken
from benchmark.timing import trial_seconds

if TYPE_CHECKING:
    from benchmark.planning import Request


def describe(request: Request) -> str:
    """The plan in words. Nothing is decoded, trained or written; what is missing is listed, not raised."""
    spec = request.spec
    check_names(request)
    cells = list(spec.cells())
    open_cells = [cell for cell in cells if not is_done(cell, request)]
    lines = [
        f"run folder  {request.out}",
        f"grid        {len(spec.datasets)} data sets x {len(spec.n_per_class)} n x {spec.seeds} seeds x "
        f"{len(spec.arms)} arms = {len(cells)} cells, {len(cells) - len(open_cells)} finished",
        f"trials      {len(cells)} x {spec.budget} = {len(cells) * spec.budget:,}, of {spec.folds} folds each",
    ]
    missing: list[str] = []
    seconds = 0.0
    for name in spec.datasets:
        try:
            images = load_images(request, name)
        except InputError as error:
            missing.append(f"{name}: {error}")
            continue
        lines.append("")
        for record in data_records(images):
            counts = ", ".join(f"{label} {record[label]:,}" for label in images.classes)
            lines.append(
                f"{name}, {record['part']}: {record['images']:,} images, {record['groups']:,} groups; {counts}"
            )
        draws = draw_all(spec, images)
        for (n, seed), drawn in draws.items():
            if seed == 0:
                short = f"; short of {n}: {dict(drawn.shortfalls)}" if drawn.shortfalls else ""
                lines.append(
                    f"{name}, n = {n}: {class_counts(images, drawn)}; {len(set(images.groups[drawn.indices]))} "
                    f"groups; overlap between seeds {drawn.overlap:.2f}{short}"
                )
        for cell in open_cells:
            if cell.dataset == name:
                rows = len(draws[cell.n_per_class, cell.seed].indices)
                seconds += spec.budget * trial_seconds(
                    request, cell.arm, images.channels, len(images.classes), images.task, rows
                )
    try:
        found = weights_at_hand(request)
        lines.append("")
        for (dataset, arm), file in found.items():
            if file is not None:
                lines.append(f"weights     {dataset}, {arm}: {file.source.name} ({file.path})")
        if BUILT_IN in spec.datasets and any((BUILT_IN, arm) not in found for arm in spec.arms):
            lines.append(f"weights     {BUILT_IN}, medical: pretrained on the built-in corpus, once, and kept")
    except InputError as error:
        missing.append(str(error))
    lines += [
        "",
        f"expected    {spoken(seconds / request.workers)} with {request.workers} workers on {request.device}",
    ]
    if missing:
        lines += ["", "missing:", *(f"- {item}" for item in missing)]
    return "\n".join(lines) + "\n"
