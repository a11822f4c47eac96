"""Running a plan: its cells by an engine, MLflow's mirror and the progress of it all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from benchmark.results import COSTS, SPEC, SPEC_COPY, STUDY, read_json, read_table, write_json
from benchmark.runs.arm_records import arm_record
from benchmark.runs.holdout_facts import write_attributes
from benchmark.runs.mirroring import Mirroring, unmirrored
from benchmark.runs.planning import Plan
from benchmark.runs.protocol import protocol_records
from benchmark.runs.provenance import start_record, start_row
from benchmark.runs.request import Request, is_done
from benchmark.spec import BenchmarkSpec, Cell
from studies import engines
from studies.costs import Costs
from studies.engines import Settings
from studies.journal import finished_seconds
from studies.open_cells import Message
from studies.progress import Progress
from studies.spaces import as_records, side_by_side
from studies.trainer import CellJob


def write_spec(request: Request, plan: Plan) -> None:
    """Write the run's spec.json: settings, inputs, and the tables that only the plan knows; and the images' attributes.

    Every start that has cells to run is added to those before it, with its versions and its hardware.
    """
    spec = request.spec
    files = [request.out / name for name in (SPEC, SPEC_COPY)]
    before: dict[str, Any] = next((read_json(path) for path in files if path.exists()), {})
    starts = [*before.get("starts", ())]
    if open_cells(request) or not starts:
        starts.append(start_record(request))
    tables = {
        "protocol": protocol_records(request, plan.images),
        "starts": [start_row(start) for start in starts],
        "spaces": side_by_side(spec),
        **{name: records for name, records in plan.tables.items() if records},
    }
    described = {
        "spec": spec.as_dict(),
        "arms": {name: arm_record(request.arm(name), request, plan.weights) for name in spec.arms},
        "hash": spec.identity(plan.inputs),
        "inputs": dict(plan.inputs),
        "starts": starts,
        "spaces": as_records(spec),
        "tables": tables,
    }
    write_attributes(request.out, plan.images)
    if described != before or not all(path.exists() for path in files):
        for path in files:
            write_json(path, described)


def open_cells(request: Request) -> list[Cell]:
    """The cells that are not finished."""
    return [cell for cell in request.spec.cells() if not is_done(cell, request)]


def run_cells(request: Request, plan: Plan, report: Callable[[str], None]) -> dict[Cell, str]:
    """Run the cells that are not finished, or this shard's part of them, and let MLflow follow.

    Args:
        request: what was asked for.
        plan: made from it.
        report: takes a line on what is done.

    Returns:
        The cells that failed, with the reason; the others are finished.
    """
    spec = request.spec
    part = list(spec.cells()) if request.shard is None else share(spec, *request.shard)
    unfinished = set(open_cells(request))
    cells = [cell for cell in part if cell in unfinished]
    report(f"{request.out}: {len(part)} cells of {spec.budget} trials, {len(part) - len(cells)} already finished")
    if not cells and (request.shard is not None or not unmirrored(request)):
        return {}
    costs = known_costs(request, cells)
    progress = Progress(costs, request.workers)
    jobs = [_job(cell, request, plan) for cell in cells]

    def facts(cell: Cell) -> dict[str, Any]:
        return dict(plan.blocks[cell.dataset, cell.n_per_class, cell.seed].facts)

    with Mirroring(request, facts) if request.shard is None else nullcontext() as mirror:

        def receive(message: Message) -> None:
            if mirror is not None:
                mirror.receive(message)
            _show(message, progress, spec.tune_metric)

        try:
            if not jobs:
                return {}
            settings = Settings(request.devices, request.address, request.resources)
            return engines.find(request.engine).execute(jobs, settings, receive, costs)
        finally:
            progress.close()


def share(spec: BenchmarkSpec, part: int, parts: int) -> list[Cell]:
    """The cells of one of several equal shards: every arm and size is dealt over all of them.

    Args:
        spec: the run's settings.
        part: from 1.
        parts: number of shards.
    """
    dealt = sorted(spec.cells(), key=lambda cell: (cell.dataset, cell.n_per_class, cell.arm, cell.seed))
    return dealt[part - 1 :: parts]


def _show(message: Message, progress: Progress, metric: str) -> None:
    if message.kind == "trial":
        progress.trial(message.cell)
    elif message.kind == "done":
        progress.cell(message.cell, f"holdout {metric} {message.content[f'holdout_{metric}']:.3f}")
    else:
        progress.cell(message.cell, "failed")


def known_costs(request: Request, open_cells: Sequence[Cell]) -> Costs:
    """What the run's folder says of the cost of cells: finished cells by their costs table, others by their journal."""
    seconds = {cell: finished_seconds(cell.folder(request.out) / STUDY) for cell in open_cells}
    costs = Costs({cell: max(0, request.spec.budget - len(of_cell)) for cell, of_cell in seconds.items()})
    for cell, of_cell in seconds.items():
        costs.learn(cell, of_cell)
    for cell in request.spec.cells():
        path = cell.folder(request.out) / COSTS
        if cell not in seconds and costs.trial_seconds(cell) is None and path.exists():
            costs.learn(cell, read_table(path)["seconds"])
    return costs


def _job(cell: Cell, request: Request, plan: Plan) -> CellJob:
    """A cell as any machine can take it up: its paths are absolute."""
    weights = plan.weights[cell.dataset, cell.arm]
    return CellJob(
        cell=cell,
        block=plan.blocks[cell.dataset, cell.n_per_class, cell.seed],
        weights=None if weights is None else replace(weights, path=weights.path.absolute()),
        spec=request.spec,
        run=request.out.absolute(),
        device=request.device,
    )
