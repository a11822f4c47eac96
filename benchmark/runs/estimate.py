"""How long a run would take here, part by part: reading, decoding, pretraining, studies, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmark import arms, datasets
from benchmark.images import decoding
from benchmark.images.contract import Images, LoadOptions
from benchmark.pretraining.pretrain import THREADS, PretrainSpec
from benchmark.results import STUDY
from benchmark.runs.request import Request
from benchmark.runs.weights import pretraining_left
from benchmark.spec import Cell
from studies.costs import makespan
from studies.journal import finished_seconds
from studies.timing import CellTime, Speed, cell_time, measure_speeds

#: Seconds on the machine that they were measured on: imports until a worker can begin, and the report with its figures.
#: A report takes as many times longer elsewhere as imports do.
START, REPORT, REPORT_A_CELL = 4.0, 8.0, 0.1
#: Threads of a pretraining that do what as many processes of a study do.
THREADS_ARE_WORTH = 0.75
TRAINING = 3.0  # passes forward that one image in training costs


@dataclass
class Estimate:
    """Expected seconds of the parts of a run.

    Attributes:
        request: the run.
        cells: the studies by open cell, in one process.
        parts: wall time by part, of what comes before the studies.
        start: imports until a worker can begin, as they took now.
        worker_mb, card_mb: largest memory of a process that timed a trial, and of a card's that it took.
    """

    request: Request
    cells: dict[Cell, CellTime] = field(default_factory=dict)
    parts: dict[str, float] = field(default_factory=dict)
    start: float = START
    worker_mb: float = 0.0
    card_mb: float = 0.0

    def wall(self) -> dict[str, float]:
        """Wall time by part, in the order in which they come."""
        studies = makespan([cell.total for cell in self.cells.values()], self.request.workers)
        report = (REPORT + REPORT_A_CELL * len(list(self.request.spec.cells()))) * max(1.0, self.start / START)
        return {"start": self.start, **self.parts, "studies": studies, "report": report}

    def of(self, dataset: str, arm: str) -> float:
        """Device-seconds of an arm's open cells on a data set."""
        return sum(time.total for cell, time in self.cells.items() if (cell.dataset, cell.arm) == (dataset, arm))

    def add_part(self, name: str, seconds: float) -> None:
        """Seconds of wall time more for a part."""
        if seconds > 0:
            self.parts[name] = self.parts.get(name, 0.0) + seconds


def estimate(
    request: Request,
    images: Mapping[str, Images],
    reading: Mapping[str, float],
    rows: Mapping[Cell, int],
    elsewhere: Mapping[str, Sequence[Images]],
    report: Callable[[str], None],
) -> Estimate:
    """Time what a run would do, with short trials of noise, and add it up.

    Args:
        request: the run.
        images: by data set, of those that are there.
        reading: seconds that reading each of their indices took.
        rows: images of the subsample, by open cell of these data sets.
        elsewhere: the test sets from elsewhere of these data sets.
        report: takes a line on what is being timed.
    """
    expected = Estimate(request)
    if not rows:
        return expected
    for name, index in images.items():
        expected.add_part("reading", reading[name])
        for decoded in (index, *elsewhere[name]):
            expected.add_part("decoding", _decoding(request, decoded, request.decoders))
    speeds, start = measure_speeds(request.spec, request.devices, report)
    expected.start = max(START, start)
    measured = [speed for by_choice in speeds.values() for speed in by_choice]
    expected.worker_mb = max(speed.memory_mb for speed in measured)
    expected.card_mb = max(speed.card_mb for speed in measured)
    for pretraining in pretraining_left(request):
        expected.add_part("pretraining", _pretraining(request, pretraining, speeds))
    on_cards = any(device != "cpu" for device in request.devices)
    for cell, count in rows.items():
        sharing = None if on_cards else sum((of.dataset, of.arm) == (cell.dataset, cell.arm) for of in rows)
        holdout = int(images[cell.dataset].holdout.sum()) + sum(len(of.labels) for of in elsewhere[cell.dataset])
        time_of_cell = cell_time(request.spec, cell.arm, speeds[cell.arm], count, holdout, sharing)
        finished = len(finished_seconds(cell.folder(request.out) / STUDY)) / request.spec.budget
        expected.cells[cell] = CellTime(time_of_cell.search * max(0.0, 1 - finished), time_of_cell.refit)
    return expected


def _decoding(request: Request, images: Images, processes: int) -> float:
    if decoding.is_decoded(images, request.spec.image_size, request.root / "cache"):
        return 0.0
    return decoding.decode_seconds(images, request.spec.image_size) / processes


def _pretraining(request: Request, spec: PretrainSpec, speeds: Mapping[str, Sequence[Speed]]) -> float:
    """Decoding its sources, and its epochs, at the speed of an arm that trains all of the backbone."""
    options = LoadOptions(image_size=spec.image_size, root_seed=spec.root_seed)
    sources = [datasets.load(name, None, options) for name in spec.sources]
    backbone = [
        max(speed.image, TRAINING * speed.view)
        for arm, by_choice in speeds.items()
        if arms.starts_from_weights(request.arm(arm))
        for speed in by_choice
    ]
    images = sum(len(source.sample_ids) for source in sources)
    training = images * spec.epochs * max(backbone) / (THREADS * THREADS_ARE_WORTH)
    return training + sum(_decoding(request, source, THREADS) for source in sources)
