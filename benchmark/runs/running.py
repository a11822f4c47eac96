"""Running a plan: its cells in worker processes, MLflow's mirror and the progress of it all."""

from __future__ import annotations

from collections.abc import Callable

from benchmark import metrics
from benchmark.results import SPEC, write_json
from benchmark.runs.planning import Plan
from benchmark.runs.protocol import protocol_records
from benchmark.runs.provenance import git_commit, hardware, versions
from benchmark.runs.request import Request, is_done
from benchmark.spec import Cell
from benchmark.tracking.mirror import Mirror
from studies.progress import Progress
from studies.spaces import side_by_side
from studies.trainer import CellJob
from studies.workers import Message, execute


def write_spec(request: Request, plan: Plan) -> None:
    """Write the run's spec.json: settings, inputs, versions, hardware, and the tables that only the plan knows."""
    spec = request.spec
    tables = {
        "protocol": protocol_records(request),
        "spaces": side_by_side(spec.arms, spec.max_epochs, spec.backbone),
        **{name: records for name, records in plan.tables.items() if records},
    }
    described = {
        "spec": spec.as_dict(),
        "hash": spec.identity(plan.inputs),
        "inputs": dict(plan.inputs),
        "versions": versions(),
        "git_commit": git_commit(),
        "hardware": hardware(request.device, request.workers),
        "tables": tables,
    }
    write_json(request.out / SPEC, described)


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
    # The costly arms first and the simple CNN last, so that no worker is left alone with a long study at the end.
    cells.sort(key=lambda cell: spec.arms.index(cell.arm), reverse=True)
    progress = Progress(cells, spec.budget, request.workers)
    with Mirror(request.root, request.out.name, metrics.find(spec.tune_metric)) as mirror:
        follow = _Follower(request, plan, mirror, progress)
        try:
            return execute([_job(cell, request, plan) for cell in cells], request.workers, follow.receive)
        finally:
            progress.close()


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
            trial, cost = message.content
            self._mirror.trial_finished(cell, trial, cost)
            self._progress.trial(cell, cost["seconds"])
        elif message.kind == "done":
            self._mirror.study_finished(cell, message.content, cell.folder(self._request.out))
            score = message.content[f"holdout_{spec.tune_metric}"]
            self._progress.cell(cell, f"holdout {spec.tune_metric} {score:.3f}")
        else:
            self._progress.cell(cell, "failed")
