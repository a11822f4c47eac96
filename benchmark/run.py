"""The whole comparison, end to end.

    python -m benchmark.run --budget 50

Tunes every arm under the same budget on the same subsamples, refits, predicts the holdout, and writes tables,
figures and a page. The same command continues a run that was stopped; a larger --budget extends its studies.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.command_line import (
    LateHelp,
    RenamedFlag,
    add_data_root,
    comma_integers,
    comma_list,
    device_names,
    leave,
    run_command,
    settings_list,
    shard,
)
from benchmark.errors import InputError
from benchmark.leases import turn
from benchmark.memory import require_addresses
from benchmark.results import LEASES, PLAN, REPORT, clear_temporary, path_name
from benchmark.spec import HOLDOUTS, PRECISIONS, SAMPLERS, BenchmarkSpec

if TYPE_CHECKING:
    from benchmark.runs.planning import Plan
    from benchmark.runs.request import Request

ROOT = Path("mlruns")
WORKERS_A_CARD = 2  # processes: small networks leave a card idle between their kernels

#: Settings that have a flag; the others are a preset's alone.
FLAGS = (
    "budget",
    "datasets",
    "arms",
    "n_per_class",
    "seeds",
    "folds",
    "min_epochs",
    "max_epochs",
    "image_size",
    "backbone",
    "precision",
    "sampler",
    "holdout",
    "merge_duplicates",
    "tune_metric",
)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code: 1 where a cell failed, 2 for bad input."""
    flags = _parser().parse_args(argv)
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
    plan = make_plan(request, _report)
    refuse_conflicts(request, plan.inputs, _report)
    with turn(request.out / LEASES / "spec"):
        refuse_conflicts(request, plan.inputs, _report)  # by another run that began just now
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


def resolve(flags: argparse.Namespace, devices: tuple[str, ...] | None = None) -> Request:
    """Flags and preset to a request; whatever is not given comes from the preset.

    Args:
        flags: as parsed.
        devices: in place of those that the flags ask for.
    """
    from benchmark import datasets
    from benchmark.runs.preset import Choice, choose, lacking, settings
    from benchmark.runs.request import Request, is_begun
    from benchmark.runs.weight_flags import weight_files

    data_root = datasets.data_root(flags.data_root)
    given = {name: getattr(flags, name) for name in (*FLAGS, "external") if getattr(flags, name) is not None}

    def place(choice: Choice) -> tuple[BenchmarkSpec, dict[str, str], Path]:
        spec, places = settings(choice, given)
        return spec, places, flags.out or ROOT / f"{path_name('+'.join(spec.datasets))}-{spec.identity({})[:8]}"

    def begun(choice: Choice) -> bool:
        spec, _, out = place(choice)
        return is_begun(out, spec)

    def wanting() -> str:
        named = flags.backbone or flags.weights  # who names a network knows what it takes
        return "" if named else lacking(_device_names(flags), ROOT / "weights")

    choice = choose(flags.preset, flags.datasets, data_root, begun, wanting)
    spec, places, out = place(choice)
    return Request(
        spec=spec,
        out=out,
        root=ROOT,
        data_root=data_root,
        weights=weight_files(flags.weights, places),
        devices=devices or _devices(flags),
        skip_bad_images=flags.skip_bad_images,
        allowed_leaks=flags.allow_leaks,
        shard=flags.shard,
        engine=flags.engine,
        address=flags.address,
        resources=flags.resources,
        remark=choice.remark,
        places=places,
    )


def _device_names(flags: argparse.Namespace) -> tuple[str, ...]:
    """The devices that the flags ask for, each once."""
    if flags.engine == "local":
        return device_names(flags.device)
    # other machines compute: theirs cannot be tried here
    return ("cpu",) if flags.device == "auto" else comma_list(flags.device)


def _devices(flags: argparse.Namespace) -> tuple[str, ...]:
    """A device for every worker."""
    from studies.devices import share_out

    devices = _device_names(flags)
    for name, value in (("--workers", flags.workers), ("--workers-per-device", flags.workers_per_device)):
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}: it must be at least 1.")
    each = flags.workers_per_device or (max(1, os.cpu_count() or 1) if devices == ("cpu",) else WORKERS_A_CARD)
    if flags.workers:
        return share_out(devices, -(-flags.workers // len(devices)))[: flags.workers]
    return share_out(devices, each)


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


def _complete_help(parser: argparse.ArgumentParser) -> None:
    from benchmark.runs.help import complete

    complete(parser, FLAGS)


def _parser() -> argparse.ArgumentParser:
    parser = LateHelp(
        complete=_complete_help,
        prog="python -m benchmark.run",
        description="Compare pretraining with training from scratch on small labelled samples:\nequal budgets, "
        "repeated subsamples, one untouched holdout, and intervals for\nnew patients and new training samples.",
        epilog="What is not given comes from the preset: where a real data set is named or found under the data root "
        "'real', or 'laptop' if there is neither a GPU nor a file of ResNet-50's weights; else 'builtin'. The same "
        "command continues a run that was stopped; a larger --budget extends its studies.",
    )
    grid = parser.add_argument_group("what is compared")
    grid.add_argument("--preset", metavar="NAME", help="settings in studies/presets/NAME.toml, or a .toml file")
    grid.add_argument("--budget", type=int, metavar="TRIALS", help="finished trials in every cell")
    grid.add_argument(
        "--datasets",
        type=comma_list,
        metavar="A,B",
        help="see below; images of your own: folder:PATH, with :exclude=*_mask*+*_roi* for files to leave out and at "
        "the end :group-pattern=REGEX for the patient in their names",
    )
    grid.add_argument("--arms", type=comma_list, metavar="A,B", help="see below")
    grid.add_argument("--n-per-class", type=comma_integers, metavar="N,N", help="labelled images per class")
    grid.add_argument("--seeds", type=int, metavar="S", help="training subsamples, numbered from 0")
    grid.add_argument("--holdout", choices=HOLDOUTS, help="official test set, or a patient-disjoint share")
    grid.add_argument(
        "--merge-duplicates",
        action="store_true",
        default=None,
        help="make one patient of those who share images that are the same, or nearly, before the split; of those in "
        "an official holdout too, the pool's images are left out",
    )
    grid.add_argument(
        "--external",
        action="append",
        default=[],
        metavar="NAME[::MAP]",
        help="a test set from elsewhere, which nothing is tuned on: nih, or with a map of classes "
        "'nih::PNEUMONIA=Pneumonia,NORMAL=No Finding' (A=x+y joins labels, A= leaves A out); may be repeated",
    )
    tuning = parser.add_argument_group("how it is tuned and trained")
    tuning.add_argument("--folds", type=int, metavar="K", help="inner validation folds")
    tuning.add_argument("--min-epochs", type=int, metavar="E", help="fewest epochs that a trial may train for")
    tuning.add_argument("--max-epochs", type=int, metavar="E", help="most epochs that a trial may train for")
    tuning.add_argument("--sampler", choices=SAMPLERS, help="Optuna's sampler")
    tuning.add_argument("--tune-metric", metavar="NAME", help="what the studies tune: auroc, log_loss, ...")
    tuning.add_argument(
        "--metric",
        action=RenamedFlag,
        successor="--tune-metric NAME, which the studies tune; the report's is given to python -m analysis.report",
    )
    tuning.add_argument("--image-size", type=int, metavar="PX", help="working size in pixels")
    tuning.add_argument(
        "--backbone", metavar="NAME", help="timm's name of the shared network; NAME:K keeps its first K stages"
    )
    tuning.add_argument(
        "--precision", choices=PRECISIONS, help="bfloat16 is faster on GPUs and on processors made for it"
    )
    tuning.add_argument(
        "--weights",
        action="append",
        default=[],
        metavar="ARM[@DATASET]=PATH",
        help=".safetensors or .pth file that an arm starts from, on one data set or on all; may be repeated",
    )
    places = parser.add_argument_group("where and how fast (no influence on the results)")
    add_data_root(places)
    places.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (default: mlruns/NAME)")
    places.add_argument(
        "--device",
        default="auto",
        metavar="A,B",
        help="cpu, or cards as cuda:0,cuda:1 (default: every card there is, else cpu)",
    )
    places.add_argument("--workers", type=int, metavar="N", help="processes at once, on all devices together")
    places.add_argument(
        "--workers-per-device",
        type=int,
        metavar="N",
        help="processes on every device, as far as its memory holds them (default: one a core on the CPU, "
        f"{WORKERS_A_CARD} a card)",
    )
    machines = parser.add_argument_group("more than one machine (docs/clusters.md; no influence on the results)")
    machines.add_argument(
        "--shard",
        type=shard,
        metavar="I/N",
        help="run the I-th of N equal parts of the cells, without MLflow and report: for the jobs of any scheduler",
    )
    machines.add_argument(
        "--engine",
        default="local",
        metavar="NAME",
        help="what runs the cells: local processes, ray (extra 'ray') or submitit (extra 'slurm')",
    )
    machines.add_argument("--address", help="of a Ray cluster, for example auto (default: a cluster of this machine)")
    machines.add_argument(
        "--resources",
        type=settings_list,
        default={},
        metavar="K=V,K=V",
        help="of every worker: num_gpus=0.5 for Ray; timeout_min=600,slurm_partition=gpu,gpus_per_node=1 for submitit",
    )
    places.add_argument("--skip-bad-images", action="store_true", help="leave unreadable images out and count them")
    places.add_argument(
        "--allow-leaks",
        type=comma_list,
        default=(),
        metavar="A,B",
        help="report these leaks instead of stopping: groups, duplicates, near-duplicates, folds, weights",
    )
    places.add_argument(
        "--dry-run", action="store_true", help="show cells, counts, expected time, disk and memory, and stop"
    )
    return parser


if __name__ == "__main__":
    leave(main())
