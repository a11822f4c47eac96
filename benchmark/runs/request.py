"""What the user asked for: the settings, and beside them the places, files and speed that do not decide a result."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark import arms, datasets, methods
from benchmark.arm import Arm
from benchmark.errors import InputError, unknown_name
from benchmark.external import of_target
from benchmark.intact import set_aside
from benchmark.results import CELLS, DONE, LEASES, PLAN, REPORT, SPEC, SPEC_COPY, external_files, read_json
from benchmark.spec import EXTENSIBLE, BenchmarkSpec, Cell
from benchmark.weights.build import require_size
from studies import engines
from studies.spaces import as_records


@dataclass(frozen=True, slots=True)
class Request:
    """A run as it was asked for.

    Attributes:
        spec: the settings.
        out: the run's folder.
        root: `mlruns`, which holds the runs, the cache, the weights folder and MLflow's database.
        data_root: where the real data sets are.
        weights: arm, or arm@data set -> a file (or a known source's name) to start from.
        devices: "cpu", "cuda:0", ...: one for every worker process.
        skip_bad_images: leave unreadable images out, and count them.
        allowed_leaks: names of `leaks.LEAKS` that are reported instead of refused.
        shard: (part, parts) of the cells to run, from 1; None for all of them.
        engine: what runs the cells (`studies.engines`).
        address: of a Ray cluster.
        resources: of every worker, in the engine's words.
        remark: what was chosen without being named, for people; "" where everything was.
        places: data set of `spec`, or source of a test set from elsewhere -> its name with its place on this machine.
    """

    spec: BenchmarkSpec
    out: Path
    root: Path
    data_root: Path | None
    weights: Mapping[str, Path]
    devices: tuple[str, ...]
    skip_bad_images: bool
    allowed_leaks: tuple[str, ...]
    shard: tuple[int, int] | None = None
    engine: str = "local"
    address: str | None = None
    resources: Mapping[str, str] = field(default_factory=dict)
    remark: str = ""
    places: Mapping[str, str] = field(default_factory=dict)

    def arm(self, name: str) -> Arm:
        """What an arm of this run is."""
        return arms.find(name, self.spec.definitions)

    def backbone(self, arm: str) -> str:
        """The network of an arm of this run."""
        return arms.backbone_of(self.arm(arm), self.spec.backbone)

    def located(self, name: str) -> str:
        """The name by which a data set can be loaded here."""
        return self.places.get(name, name)

    @property
    def device(self) -> str:
        """The first worker's."""
        return self.devices[0]

    @property
    def driver_device(self) -> str:
        """What this process computes on: of another machine's workers it has nothing."""
        return self.device if self.engine == "local" else "cpu"

    @property
    def workers(self) -> int:
        """Processes that compute cells."""
        return len(self.devices)

    @property
    def decoders(self) -> int:
        """Processes that decode images: where cards compute, all cores do."""
        return self.workers if self.device == "cpu" else os.cpu_count() or 1


def places_of(names: Iterable[str]) -> dict[str, str]:
    """Data sets by the names under which tables and reports show them -> their names with their places here.

    Raises:
        InputError: one does not exist, or two would be shown under one name.
    """
    places: dict[str, str] = {}
    for name in map(datasets.canonical, names):
        other = places.setdefault(shown := datasets.shown(name), name)
        if other != name:
            raise InputError(f"'{other}' and '{name}' would both be called '{shown}': rename one of the folders.")
    return places


def check_request(request: Request) -> None:
    """Refuse unknown names, an image size that a backbone cannot take, and a folder that cannot be written.

    Nothing has been read yet.

    Raises:
        InputError: with the near miss, or the ways out.
    """
    for name in request.spec.datasets:
        datasets.find(name)
    chosen = [request.arm(name) for name in request.spec.arms]
    engines.find(request.engine)
    _check_arms(chosen, request)
    for key in request.weights:
        name, _, dataset = key.partition("@")
        if dataset and dataset not in request.spec.datasets:
            raise unknown_name("data set of --weights", dataset, request.spec.datasets)
        able = [arm.name for arm in chosen if arms.starts_from_weights(arm)]
        if name not in able:
            raise InputError(
                f"--weights {key}=...: this run has no arm '{name}' that starts from weights. "
                f"Those that do: {', '.join(able) or 'none'}."
            )
    if request.out.resolve() == request.root.resolve():
        raise InputError(
            f"--out {request.out} is the folder of all runs, of their images and weights: name a folder in it, as "
            f"--out {request.root}/NAME."
        )
    kept = (request.out / CELLS, request.out / REPORT, request.root / "cache", request.root / "weights")
    for folder in (request.out, request.root, *kept):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file, and should be a folder: move it away, or choose another --out.")
    for folder in (request.out, request.root):
        existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        try:
            tempfile.TemporaryDirectory(dir=existing).cleanup()
        except OSError as error:
            raise InputError(
                f"cannot write to {folder} ({error.strerror}): {existing} is no folder that can be written to. "
                "Choose another --out."
            ) from error


def _check_arms(chosen: Sequence[Arm], request: Request) -> None:
    shared = request.spec.backbone
    for arm in chosen:
        backbone = arms.backbone_of(arm, shared)
        named = arm.name in request.weights or all(f"{arm.name}@{d}" in request.weights for d in request.spec.datasets)
        arms.check(arm, shared, named)
        if backbone not in methods.networks(arms.method_of(arm)):
            require_size(backbone, request.spec.image_size)
    arms.refuse_twins(chosen, shared)


def is_done(cell: Cell, request: Request) -> bool:
    """Whether a cell is finished for this budget, and for all test sets from elsewhere."""
    described = read_done(cell.folder(request.out))
    return described is not None and covers(described, cell, request.spec)


def covers(described: Mapping[str, Any], cell: Cell, spec: BenchmarkSpec) -> bool:
    """Whether a cell's done.json is of this budget, and lists the predictions of all test sets from elsewhere."""
    wanted = {external.file for external in of_target(spec.external, cell.dataset)}
    return described.get("budget") == spec.budget and wanted <= set(external_files(described))


def read_done(folder: Path) -> dict[str, Any] | None:
    """What the done.json of a cell's folder says; None where there is none, or none that can be read."""
    try:
        described = read_json(folder / DONE)
    except (FileNotFoundError, NotADirectoryError, InputError):
        return None
    return described if isinstance(described, dict) and isinstance(described.get("budget"), int) else None


def refuse_conflicts(request: Request, inputs: Mapping[str, str], report: Callable[[str], None]) -> None:
    """Refuse to mix results: a folder of other settings, other data or other weights.

    A damaged spec.json is set aside, and its copy read instead.

    Args:
        request: what is asked for now.
        inputs: name -> hash of every input that decides the results beside the settings, as far as they are known.
        report: takes a line on what was damaged.

    Raises:
        InputError: with every difference shown.
    """
    before = _described_before(request.out, report)
    if before is None:
        if request.out.exists() and any(file.name not in (PLAN, LEASES) for file in request.out.iterdir()):
            raise InputError(
                f"{request.out} is not empty and has no {SPEC}: it is not a run's folder. Choose another --out."
            )
        return
    differences = _differences(before["spec"], request.spec) or _other_ranges(before, request.spec)
    for name, value in before["inputs"].items():
        if inputs.get(name, value) != value:
            differences.append(f"{name}: {_short(value)} there, {_short(inputs[name])} now (its content changed)")
    if differences:
        listed = "\n".join(f"  {difference}" for difference in differences)
        raise InputError(
            f"{request.out} holds a run with other settings, and its results may not be mixed:\n{listed}\n"
            "Use the same settings, or another --out."
        )


def is_begun(run: Path, spec: BenchmarkSpec) -> bool:
    """Whether a folder holds a run of these settings, but for those that a continued run may change."""
    described, now = _run_in(run / SPEC), spec.as_dict()
    if described is None:
        return False
    return all(now.get(name) == value for name, value in described["spec"].items() if name not in EXTENSIBLE)


def _described_before(run: Path, report: Callable[[str], None]) -> dict[str, Any] | None:
    """What a run's spec.json says, or its copy; None where there is neither.

    Raises:
        InputError: there are some, and none that describes a run.
    """
    path, copy = run / SPEC, run / SPEC_COPY
    described, spare = _run_in(path), _run_in(copy)
    if described is not None or not (path.exists() or copy.exists()):
        return described
    if spare is None:
        raise InputError(
            f"{path} is damaged: it does not say of which settings and data this run is, so nothing can be added to it "
            f"without mixing results. Restore it from a copy, or move {run} away and run again."
        )
    moved = set_aside(path)
    report(f"{path} {'was missing' if moved is None else f'is damaged: set aside as {moved.name}'}; its copy is used")
    return spare


def _run_in(path: Path) -> dict[str, Any] | None:
    """A file's description of a run; None where there is none, or none that can be read."""
    try:
        described = read_json(path)
    except (FileNotFoundError, InputError):
        return None
    wanted = isinstance(described, dict) and all(isinstance(described.get(part), dict) for part in ("spec", "inputs"))
    return described if wanted else None


def _short(value: str) -> str:
    """The beginning of a hash; what is none as it is."""
    return value[:12] if len(value) > 30 and " " not in value else value


def _newer_defaults(before: Mapping[str, object]) -> dict[str, object]:
    """Settings that a stored run does not know, as an older version wrote it, at the values that it had then."""
    fields = {field.name: field.default for field in dataclasses.fields(BenchmarkSpec) if field.name not in before}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


def _other_ranges(before: Mapping[str, Any], spec: BenchmarkSpec) -> list[str]:
    """Where the studies of another version searched other values than this one's would, of the same dimensions."""
    now = json.loads(json.dumps(as_records(spec)))  # as a file has them
    return [
        f"search space of {arm}: {_range_text(there)} there, {_range_text(here)} now (of another version)"
        for arm, dimensions in before.get("spaces", {}).items()
        for there, here in zip(dimensions, now.get(arm, ()), strict=False)
        if there != here and there["name"] == here["name"]  # else the arm itself is another
    ]


def _range_text(dimension: Mapping[str, Any]) -> str:
    values = dimension["choices"] or [f"{dimension[end]:.3g}" for end in ("low", "high")]
    return f"{dimension['name']} {' to '.join(map(str, values))}"


def _differences(before: Mapping[str, object], spec: BenchmarkSpec) -> list[str]:
    """What differs between stored settings and these, but for what may grow or change."""
    now = spec.as_dict()
    if "metric" in before:  # its studies keep values in which higher is better; reports can still be made of it
        return ["metric: an older version wrote this run; it tuned 'metric', which is 'tune_metric' now"]
    differences = []
    for name, value in {**_newer_defaults(before), **before}.items():
        if name in ("budget", "report_metric", "definitions"):  # what arms are is among the inputs
            continue
        grows = name in ("arms", "datasets", "external") and isinstance(value, list) and set(value) <= set(now[name])
        if now.get(name) != value and not grows:
            differences.append(f"{name}: {value} there, {now.get(name)} now")
    budget = before.get("budget")
    if isinstance(budget, int) and spec.budget < budget:
        differences.append(f"budget: {budget} there, {spec.budget} now (it can only grow)")
    return differences
