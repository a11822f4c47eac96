"""Running a plan: its cells in worker processes, MLflow's mirror and the progress of it all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmark import arms, metrics
from benchmark.results import COSTS, SPEC, SPEC_COPY, STUDY, read_table, write_json
from benchmark.runs.planning import Plan
from benchmark.runs.protocol import protocol_records
from benchmark.runs.provenance import git_commit, hardware, versions
from benchmark.runs.request import Request, is_done
from benchmark.spec import Cell
from benchmark.tracking.mirror import Mirror
from studies.costs import Costs
from studies.devices import CardMemory, free_memory
from studies.journal import finished_seconds
from studies.progress import Progress
from studies.spaces import as_records, side_by_side
from studies.trainer import CellJob
from studies.workers import Message, execute


def write_spec(request: Request, plan: Plan) -> None:
    """Write the run's spec.json: settings, inputs, versions, hardware, and the tables that only the plan knows."""
    spec = request.spec
    tables = {
        "protocol": protocol_records(request),
        "spaces": side_by_side(spec.arms, spec.min_epochs, spec.max_epochs, spec.backbone),
        **{name: records for name, records in plan.tables.items() if records},
    }
    described = {
        "spec": spec.as_dict(),
        "arms": {name: arms.find(name).TITLE for name in spec.arms},
        "hash": spec.identity(plan.inputs),
        "inputs": dict(plan.inputs),
        "versions": versions(),
        "git_commit": git_commit(),
        "hardware": hardware(request.device, request.workers),
        "spaces": as_records(spec.arms, spec.min_epochs, spec.max_epochs, spec.backbone),
        "tables": tables,
    }
    for name in (SPEC, SPEC_COPY):
        write_json(request.out / name, described)


def run_cells(request: Request, plan: Plan, report: Callable[[str], None]) -> dict[Cell, str]:
    """Run the cells that are not finished.

    Args:
        request: what was asked for.
        plan: made from it.
        report: takes a line on what is done.

    Returns:
        The cells that failed, with the reason; the others are finished.
    """
    spec = request.spec
    cells = [cell for cell in spec.cells() if not is_done(cell, request)]
    total = len(plan.blocks) * len(spec.arms)
    report(f"{request.out}: {total} cells of {spec.budget} trials, {total - len(cells)} already finished")
    if not cells:
        return {}
    costs = known_costs(request, cells)
    progress = Progress(costs, request.workers)
    jobs = [_job(cell, request, plan) for cell in cells]
    memory = CardMemory(free_memory(request.devices))
    with Mirror(request.root, request.out.name, metrics.find(spec.tune_metric)) as mirror:
        follow = _Follower(request, plan, mirror, progress)
        try:
            return execute(jobs, request.devices, follow.receive, costs, memory)
        finally:
            progress.close()


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
    return CellJob(
        cell=cell,
        block=plan.blocks[cell.dataset, cell.n_per_class, cell.seed],
        weights=plan.weights[cell.dataset, cell.arm],
        spec=request.spec,
        run=request.out,
        device=request.device,
    )


class _Follower:
    """Passes what workers send on to MLflow and to the progress."""

    def __init__(self, request: Request, plan: Plan, mirror: Mirror, progress: Progress) -> None:
        self._request, self._plan = request, plan
        self._mirror, self._progress = mirror, progress
        self._started: set[Cell] = set()

    def receive(self, message: Message) -> None:
        cell, spec = message.cell, self._request.spec
        if cell not in self._started:
            self._started.add(cell)
            block = self._plan.blocks[cell.dataset, cell.n_per_class, cell.seed]
            self._mirror.study_started(cell, {**block.facts, "budget": spec.budget, "backbone": spec.backbone})
        if message.kind == "trial":
            trial, cost, curves = message.content
            self._mirror.trial_finished(cell, trial, cost, curves)
            self._progress.trial(cell)
        elif message.kind == "done":
            self._mirror.study_finished(cell, message.content, cell.folder(self._request.out))
            score = message.content[f"holdout_{spec.tune_metric}"]
            self._progress.cell(cell, f"holdout {spec.tune_metric} {score:.3f}")
        else:
            self._progress.cell(cell, "failed")
