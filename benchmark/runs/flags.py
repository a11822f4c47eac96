"""The command line of a run: its flags, and the request that they make."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.command_line import (
    LateHelp,
    RenamedFlag,
    add_data_root,
    comma_integers,
    comma_list,
    device_names,
    settings_list,
    shard,
)
from benchmark.errors import InputError
from benchmark.results import path_name
from benchmark.spec import HOLDOUTS, PRECISIONS, SAMPLERS, BenchmarkSpec

if TYPE_CHECKING:
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


def make_parser() -> argparse.ArgumentParser:
    """What reads the flags; defaults and lists are added to its help when that is asked for."""
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


def _complete_help(parser: argparse.ArgumentParser) -> None:
    from benchmark.runs.help import complete

    complete(parser, FLAGS)


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
        weights=weight_files(flags.weights, {name: places[name] for name in spec.datasets}),
        devices=devices or devices_of(flags),
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


def devices_of(flags: argparse.Namespace) -> tuple[str, ...]:
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
