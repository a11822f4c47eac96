"""Take turns: both sides compute the same studies, each in a process of its own, several times, one after another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmark.performance import ours, plain
from benchmark.performance.cases import PRECISIONS, Case, Sizes, block_of, of_case, parameters_of, spec_of
from benchmark.performance.images import write_images
from benchmark.performance.ours import OurStudy
from benchmark.performance.plain import PlainStudy
from benchmark.processes import follow_parent

Argument = TypeVar("Argument")
Result = TypeVar("Result")
Report = Callable[[str], None]

DATASET = "performance"  # what seeds are named by, wherever the files are: all kinds of them have the same parameters


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sides of one study, measured one right after the other."""

    plain: PlainStudy
    ours: OurStudy


@dataclass(frozen=True, slots=True)
class Row:
    """A case, with images and a precision.

    Attributes:
        case, files, precision: which; of images by their name in `images.FILES`.
        plain_precision: what the plain script computed in, the faster of the two where ours is in bfloat16.
        autocast_gain: how many times as fast the plain script is in bfloat16 as in float32.
        pairs: one a round.
    """

    case: Case
    files: str
    precision: str
    plain_precision: str
    autocast_gain: float
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class _Study:
    """What a case's turns are made of."""

    ours: dict[str, ours.Task]  # by precision
    plain: plain.PlainTask


def measure(cases: Sequence[Case], kinds: Sequence[str], sizes: Sizes, rounds: int, report: Report) -> list[Row]:
    """Measure the cases on files of each kind, in as many rounds.

    Args:
        cases: of `cases.CASES`.
        kinds: of `images.FILES`.
        sizes: of the studies.
        rounds: pairs of each.
        report: takes a line on what is done.

    Raises:
        InputError: the weights are missing, or the sizes do not fit together.
    """
    from studies.workers import warm_up

    warm_up()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for kind in kinds:
            folder = Path(name) / kind
            folder.mkdir()
            for case in cases:
                rows += _measure(case, kind, prepare(case, kind, sizes, folder), rounds, report)
    return rows


def prepare(case: Case, kind: str, sizes: Sizes, folder: Path) -> _Study:
    """Write the images, where they are not there yet, and make of them what the two sides take.

    Both are given the same files, folds, weights and parameters.
    """
    from benchmark import arms, datasets
    from benchmark.images.contract import LoadOptions
    from benchmark.methods import own_dimension
    from benchmark.weights.find import find

    root = folder / "images"
    if not root.exists():
        write_images(root, sizes.images, kind)
    images = replace(datasets.load(f"folder:{root}", None, LoadOptions()), dataset=DATASET)
    specs = {precision: spec_of(case, sizes, images.dataset, precision) for precision in PRECISIONS}
    spec = specs["float32"]
    weights = file = None
    if arms.starts_from_weights(arms.find(case.arm)):
        weights = find(spec.backbone, "imagenet", None, Path("mlruns") / "weights", True, spec.image_size)
        file = plain.save_weights(spec, weights, folder)
    block = block_of(images, spec)
    files = [root / images.sample_ids[row] for row in block.subsample]
    wanted = parameters_of(case, spec)
    method, backbone = of_case(case, spec)
    own = own_dimension(method, backbone)[0].name
    return _Study(
        ours={p: ours.Task(case, specs[p], images, block, weights) for p in PRECISIONS},
        plain=plain.PlainTask(
            data=plain.data_of(block, files, spec, images.channels),
            model=plain.model_of(case, spec, weights, file),
            settings=plain.settings_of(spec, "float32"),
            parameters=tuple(
                {name: value for name, value in p.items() if case.own is None or name != own} for p in wanted
            ),
        ),
    )


def _measure(case: Case, kind: str, study: _Study, rounds: int, report: Report) -> list[Row]:
    report(f"{case.name}, {kind} JPEGs: which precision suits the plain script?")
    gain = in_process(plain.autocast_gain, study.plain)
    halved = replace(study.plain, settings=replace(study.plain.settings, bfloat16=True))
    plain_tasks = {"float32": study.plain} | ({"bfloat16": halved} if gain > 1 else {})
    turns: list[tuple[str, str]] = [("plain", p) for p in plain_tasks] + [("ours", p) for p in PRECISIONS]
    theirs: dict[str, list[PlainStudy]] = {p: [] for p in plain_tasks}
    own: dict[str, list[OurStudy]] = {p: [] for p in PRECISIONS}
    for number in range(rounds):
        for side, precision in turns if number % 2 == 0 else turns[::-1]:
            if side == "plain":
                theirs[precision].append(in_process(plain.run_study, plain_tasks[precision]))
                seconds = theirs[precision][-1].seconds
            else:
                own[precision].append(in_process(ours.run_study, study.ours[precision]))
                seconds = own[precision][-1].seconds
            report(f"{case.name}, {kind} JPEGs, round {number + 1} of {rounds}: {side}, {precision}, {seconds:.1f} s")
    rows = []
    for precision in PRECISIONS:
        against = precision if precision in theirs else "float32"
        pairs = tuple(Pair(a, b) for a, b in zip(theirs[against], own[precision], strict=True))
        for pair in pairs:
            require_same_work(pair)
        rows.append(Row(case, kind, precision, against, gain, pairs))
    return rows


def require_same_work(pair: Pair) -> None:
    """Raise `RuntimeError` where the two sides were not given the same to do."""
    shared = [{name: value for name, value in p.items() if name != "depth"} for p in pair.ours.parameters]
    if shared != [dict(p) for p in pair.plain.parameters] or pair.ours.images_seen != pair.plain.images_seen:
        raise RuntimeError(f"the sides differ in what they did: {pair.plain.parameters} and {pair.ours.parameters}")


def in_process(work: Callable[[Argument], Result], argument: Argument) -> Result:
    """Do some work in a process of its own, which has imported everything and computed nothing."""
    with processes(1) as pool:
        return pool.submit(work, argument).result()


@contextmanager
def processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that end with this one."""
    from studies.workers import start_context

    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(count, start_context(), initializer=follow_parent) as pool:
        yield pool


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, smallest and largest."""
    return float(np.median(values)), min(values), max(values)
