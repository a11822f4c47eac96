"""The whole comparison, end to end.

    python -m benchmark.run --budget 50

Tunes every arm under the same budget on the same subsamples, refits, predicts the holdout, and writes tables,
figures and a page. The same command continues a run that was stopped; a larger --budget extends its studies.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.command_line import add_data_root, comma_integers, comma_list, device_name, run_command
from benchmark.errors import InputError
from benchmark.spec import HOLDOUTS, METRICS, SAMPLERS, BenchmarkSpec, Cell, read_preset

if TYPE_CHECKING:
    from benchmark.runs.planning import Plan, Request
    from studies.workers import Told

PRESETS = Path(__file__).parent.parent / "studies" / "presets"
ROOT = Path("mlruns")

#: Settings that have a flag; the others are a preset's alone.
GIVEN = (
    "budget",
    "datasets",
    "arms",
    "n_per_class",
    "seeds",
    "folds",
    "image_size",
    "backbone",
    "sampler",
    "holdout",
    "metric",
)

#: The data sets of the study: what a run without flags takes, as far as they are found.
STUDY = ("chest-xray", "ham10000", "chexpert")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code: 1 where a cell failed, 2 for bad input."""
    flags = _parser().parse_args(argv)
    return run_command(lambda: _run(flags))


def _run(flags: argparse.Namespace) -> int:
    from benchmark.runs import planning

    request = resolve(flags)
    planning.check_names(request)
    if flags.dry_run:
        from benchmark.runs.dry_run import describe

        sys.stdout.write(describe(request))
        return 0
    plan = planning.make_plan(request, _say)
    planning.refuse_conflicts(request, plan)
    _write_spec(request, plan)
    failed = _execute(request, plan)
    if failed:
        for cell, reason in failed.items():
            _say(f"FAILED {cell.key}: {reason.strip()}")
        _say(
            f"{len(failed)} of {len(plan.blocks) * len(request.spec.arms)} cells failed, so there is no report. "
            "The others are kept: mend the cause and give the same command again."
        )
        return 1
    return _report(request)


def resolve(flags: argparse.Namespace) -> Request:
    """Flags and preset to a request; whatever is not given comes from the preset."""
    from benchmark import datasets
    from benchmark.runs.planning import Request

    data_root = datasets.data_root(flags.data_root)
    found = [name for name in STUDY if name in datasets.found(data_root)] if data_root else []
    asked = flags.datasets or (None if flags.preset else (tuple(found) or None))
    real = asked is not None and any(datasets.find(name).REAL for name in asked)
    preset = flags.preset or ("real" if real else "builtin")
    settings = read_preset(PRESETS / f"{preset}.toml" if not preset.endswith(".toml") else Path(preset))
    given = {name: getattr(flags, name) for name in GIVEN if getattr(flags, name) is not None}
    settings |= given
    if "datasets" not in settings:
        settings["datasets"] = tuple(found) or ("phantom",)
    spec = BenchmarkSpec(**settings)
    if flags.datasets is None and flags.preset is None:
        where = f"found under {data_root}" if found else "built in, as no data root names a real one"
        _say(f"data sets: {', '.join(spec.datasets)} ({where}); preset '{preset}'")
    out = flags.out or ROOT / f"{'+'.join(spec.datasets).replace('/', '_').replace(':', '_')}-{spec.identity({})[:8]}"
    return Request(
        spec=spec,
        out=out,
        root=ROOT,
        data_root=data_root,
        weights=_weights(flags.weights),
        device=device_name(flags.device),
        workers=flags.workers or max(1, os.cpu_count() or 1),
        skip_bad_images=flags.skip_bad_images,
        allowed_leaks=flags.allow_leaks,
    )


def _weights(pairs: Sequence[str]) -> dict[str, Path]:
    files = {}
    for pair in pairs:
        arm, equals, path = pair.partition("=")
        if not equals or not path:
            raise InputError(f"--weights takes ARM=PATH, for example medical=weights.safetensors, not '{pair}'.")
        files[arm] = Path(path)
    return files


def _write_spec(request: Request, plan: Plan) -> None:
    from benchmark.results import SPEC, write_json
    from benchmark.runs.protocol import protocol_records
    from benchmark.runs.provenance import git_commit, hardware, versions
    from studies.spaces import side_by_side

    spec = request.spec
    tables = {
        "protocol": protocol_records(request),
        "spaces": side_by_side(spec.arms, spec.max_epochs),
        **{name: records for name, records in plan.tables.items() if records},
    }
    described: dict[str, Any] = {
        "spec": spec.as_dict(),
        "hash": spec.identity(plan.inputs),
        "inputs": dict(plan.inputs),
        "versions": versions(),
        "git_commit": git_commit(),
        "hardware": hardware(request.device, request.workers),
        "tables": tables,
    }
    write_json(request.out / SPEC, described)


def _execute(request: Request, plan: Plan) -> dict[Cell, str]:
    from benchmark.runs.planning import is_done
    from benchmark.tracking.mirror import Mirror
    from studies.cell import CellJob
    from studies.progress import Progress
    from studies.workers import execute

    spec = request.spec
    cells = [cell for cell in spec.cells() if not is_done(cell, request)]
    total = len(plan.blocks) * len(spec.arms)
    _say(f"{request.out}: {total} cells of {spec.budget} trials, {total - len(cells)} already finished")
    if not cells:
        return {}
    # The costly arms first and the simple CNN last, so that no worker is left alone with a long study at the end.
    cells.sort(key=lambda cell: spec.arms.index(cell.arm), reverse=True)
    jobs = [
        CellJob(
            cell=cell,
            block=plan.blocks[cell.dataset, cell.n_per_class, cell.seed],
            weights=plan.weights[cell.dataset, cell.arm],
            spec=spec,
            run=request.out,
            device=request.device,
        )
        for cell in cells
    ]
    progress = Progress(cells, spec.budget, request.workers)
    with Mirror(request.root, request.out.name) as mirror:
        begun: set[Cell] = set()

        def hear(told: Told) -> None:
            cell = told.cell
            if cell not in begun:
                begun.add(cell)
                block = plan.blocks[cell.dataset, cell.n_per_class, cell.seed]
                mirror.study_started(cell, {**block.facts, "budget": spec.budget, "backbone": spec.backbone})
            if told.kind == "trial":
                trial, cost = told.content
                mirror.trial_finished(cell, trial, cost)
                progress.trial(cell, cost["seconds"])
            elif told.kind == "done":
                mirror.study_finished(cell, told.content, cell.folder(request.out))
                score = told.content[f"holdout_{spec.metric}"]
                progress.cell(cell, f"holdout {spec.metric} {score:.3f}")
            else:
                progress.cell(cell, "failed")

        try:
            return execute(jobs, request.workers, hear)
        finally:
            progress.close()


def _report(request: Request) -> int:
    from analysis.report import summary_text, write_report

    _say("writing the report")
    other = _other_holdout(request)
    if other is not None:
        _say(f"{other} is the same run on another holdout: the report shows the shift")
    report = write_report(request.out, request.out / "report", beside=other)
    sys.stdout.write(summary_text(report))
    sys.stdout.write(
        f"\nreport: {request.out / 'report' / 'index.html'}\ntrials: python -m benchmark.ui --root {request.root}\n"
    )
    return 0


def _other_holdout(request: Request) -> Path | None:
    """A finished run beside this one whose settings differ in the holdout alone."""
    from benchmark.results import DONE, SPEC, read_json

    mine = request.spec.as_dict()
    for path in sorted(request.out.parent.glob(f"*/{SPEC}")):
        try:
            theirs = read_json(path)["spec"]
        except (InputError, KeyError, TypeError):
            continue  # no run of ours: nothing that this report needs
        if isinstance(theirs, dict) and theirs == mine | {"holdout": theirs.get("holdout")} != mine:
            finished = (cell.folder(path.parent) / DONE for cell in request.spec.cells())
            if all(done.is_file() for done in finished):
                return path.parent
    return None


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmark.run",
        description="Compare pretraining with training from scratch on small labelled samples: equal budgets, "
        "repeated subsamples, one untouched holdout, intervals for new patients and new training samples.",
        epilog="What is not given comes from the preset: 'real' where a real data set is named or found under the "
        "data root, else 'builtin' (synthetic images, minutes on two cores). The same command continues a run "
        "that was stopped; a larger --budget extends its studies.",
    )
    grid = parser.add_argument_group("what is compared")
    grid.add_argument("--preset", metavar="NAME", help="settings in studies/presets/NAME.toml, or a .toml file")
    grid.add_argument("--budget", type=int, metavar="TRIALS", help="finished trials in every cell")
    grid.add_argument("--datasets", type=comma_list, metavar="A,B", help="phantom, chest-xray, folder:PATH, ...")
    grid.add_argument("--arms", type=comma_list, metavar="A,B", help="scratch, imagenet, medical, scratch-same")
    grid.add_argument("--n-per-class", type=comma_integers, metavar="N,N", help="labelled images per class")
    grid.add_argument("--seeds", type=int, metavar="S", help="training subsamples, numbered from 0")
    grid.add_argument("--holdout", choices=HOLDOUTS, help="official test set, or a patient-disjoint share")
    tuning = parser.add_argument_group("how it is tuned and trained")
    tuning.add_argument("--folds", type=int, metavar="K", help="inner validation folds")
    tuning.add_argument("--sampler", choices=SAMPLERS, help="Optuna's sampler")
    tuning.add_argument("--metric", choices=METRICS, help="what the studies tune")
    tuning.add_argument("--image-size", type=int, metavar="PX", help="working size in pixels")
    tuning.add_argument("--backbone", metavar="NAME", help="timm's name of the shared network")
    tuning.add_argument(
        "--weights",
        action="append",
        default=[],
        metavar="ARM=PATH",
        help=".safetensors or .pth file that an arm starts from; may be repeated",
    )
    places = parser.add_argument_group("where and how fast (no influence on the results)")
    add_data_root(places)
    places.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (default: mlruns/NAME)")
    places.add_argument("--device", default="auto", help="auto, cpu or cuda (default: %(default)s)")
    places.add_argument("--workers", type=int, metavar="N", help="processes at once (default: one a core)")
    places.add_argument("--skip-bad-images", action="store_true", help="leave unreadable images out and count them")
    places.add_argument(
        "--allow-leaks",
        type=comma_list,
        default=(),
        metavar="A,B",
        help="report these leaks instead of stopping: groups, duplicates, near-duplicates, folds, weights",
    )
    places.add_argument("--dry-run", action="store_true", help="show cells, counts and expected time, and stop")
    return parser


if __name__ == "__main__":
    sys.exit(main())
