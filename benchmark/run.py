"""The whole comparison, end to end.

    python -m benchmark.run --budget 50

Tunes every arm under the same budget on the same subsamples, refits, predicts the holdout, and writes tables,
figures and a page. The same command continues a run that was stopped; a larger --budget extends its studies.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from benchmark.command_line import leave, run_command
from benchmark.errors import InputError
from benchmark.leases import turn
from benchmark.memory import require_addresses
from benchmark.results import LEASES, PLAN, REPORT, clear_temporary
from benchmark.runs.flags import make_parser, resolve

if TYPE_CHECKING:
    from benchmark.runs.planning import Plan
    from benchmark.runs.request import Request


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code: 1 where a cell failed, 2 for bad input."""
    flags = make_parser().parse_args(argv)
    return run_command(lambda: _run(flags))


def _run(flags: argparse.Namespace) -> int:
    require_addresses()
    from benchmark.runs.request import check_request, refuse_conflicts
    from studies.workers import warm_up

    if not flags.dry_run and flags.shard is None:
        summary = _nothing_to_do(flags)
        if summary is not None:
            sys.stdout.write(summary)
            return 0
    if not flags.dry_run and flags.engine == "local":
        warm_up()
    request = resolve(flags)
    if request.remark:
        _report(request.remark)
    check_request(request)
    if (request.out / PLAN).exists():
        from analysis.study.locked_plan import read_plan

        read_plan(request.out / PLAN)  # what the report will be held against must be readable before it is needed
    if flags.dry_run:
        from benchmark.runs.dry_run import describe

        sys.stdout.write(describe(request, _report))
        return 0
    from benchmark.runs.planning import make_plan
    from benchmark.runs.repair import repair_cells
    from benchmark.runs.running import run_cells, write_spec

    for folder in (request.out, request.root / "cache", request.root / "weights"):
        clear_temporary(folder)
    (request.root / "cache").mkdir(parents=True, exist_ok=True)  # hashes of files are remembered there
    refuse_conflicts(request, {}, _report)  # of settings, before images are decoded and networks pretrained
    plan = make_plan(request, _report)
    with turn(request.out / LEASES / "spec"):
        refuse_conflicts(request, plan.inputs, _report)
        repair_cells(request, _report)
        write_spec(request, plan)
    failed = run_cells(request, plan, _report)
    for cell, reason in failed.items():
        _report(f"FAILED {cell.key}: {reason.strip()}")
    if request.shard is not None:
        _report("this shard has ended: when all have, the same command without --shard writes the report and MLflow")
        return 1 if failed else 0
    if failed:
        _report(
            f"{len(failed)} of {len(plan.blocks) * len(request.spec.arms)} cells failed. The report leaves them out: "
            "mend the cause and give the same command again."
        )
    try:
        _write_report(request, plan, partial=bool(failed))
    except InputError as error:
        if not failed:
            raise
        _report(f"there is no report, as what is complete cannot be compared: {error}")
    return 1 if failed else 0


def _nothing_to_do(flags: argparse.Namespace) -> str | None:
    """What the command says at its end, where cells and report are complete already; None where there is work."""
    from analysis.page.current import current_summary
    from analysis.page.terminal import fit_terminal
    from benchmark.runs.complete import is_complete
    from benchmark.runs.mirroring import send_report, unmirrored

    request = resolve(flags, devices=("cpu",))  # whatever they are: looking at them takes torch
    summary = current_summary(request.out, request.out / REPORT)
    if summary is None or not is_complete(request) or unmirrored(request):
        return None
    send_report(request)
    count = len(list(request.spec.cells()))
    _report(f"{request.out}: {count} cells of {request.spec.budget} trials, {count} already finished")
    _report("nothing to do: cells and report are complete, and their inputs unchanged")
    return fit_terminal(summary) + _places(request)


def _write_report(request: Request, plan: Plan, partial: bool) -> None:
    from analysis.page.current import current_summary, keep
    from analysis.page.terminal import fit_terminal
    from analysis.report import summary_text, write_report
    from benchmark.runs.holdout_facts import write_pictures
    from benchmark.runs.mirroring import send_report

    def keep_pictures(wanted: Mapping[str, Collection[str]]) -> None:
        write_pictures(request.out, plan.images, wanted)

    out = request.out / REPORT
    with turn(request.out / LEASES / "report"):  # of several runs that end together one writes it
        summary = None if partial else current_summary(request.out, out)
        if summary is None:
            _report("writing the report")
            summary = summary_text(write_report(request.out, out, partial=partial, keep_pictures=keep_pictures))
            if not partial:
                keep(request.out, out, summary)
    send_report(request)
    sys.stdout.write(fit_terminal(summary) + _places(request))


def _places(request: Request) -> str:
    index = request.out / REPORT / "index.html"
    return f"\nreport: {index}\ntrials: python -m benchmark.ui --root {request.root}\n"


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    leave(main())
