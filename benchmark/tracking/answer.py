"""What MLflow's first page says: every arm's mean, interval and verdict, from the tables of a run's report."""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.metrics import Metric
from benchmark.results import (
    DONE,
    PREDICTIONS,
    TRIALS,
    cell_folders,
    own_and_other,
    path_name,
    read_info,
    read_json,
    read_table,
)
from benchmark.tracking.curves import MOST_POINTS

if TYPE_CHECKING:
    import pandas as pd

NO_NAME = r"[^\w.-]+"  # what is replaced where a test set's map of classes is a part of a metric's name
SHOWN = ("index.html", "figures/*.png", "tables/*.csv")  # of a report, as an arm's artifacts
#: verdict on b against a -> what it says of b, and of a.
WORDS = {
    "better": ("better than", "worse than"),
    "worse": ("worse than", "better than"),
    "equivalent": ("equivalent to", "equivalent to"),
    "inconclusive": ("open against", "open against"),
}
ORDER = ("better than", "worse than", "equivalent to", "open against")


@dataclass(frozen=True, slots=True)
class ArmAnswer:
    """What the report concludes of one arm.

    Attributes:
        dataset, n_per_class, arm: which.
        rank: place by estimate among the arms of the block, the best first, from 0.
        metric: the report's primary metric.
        numbers: name -> value, as MLflow shows them: the estimate as ``holdout_<metric>``, its interval, and so on; on
            every test set from elsewhere as ``external_<its name>_<metric>``.
        verdict: against the other arms, in words; empty where nothing is compared.
        synthetic: whether the data set is not real.
    """

    dataset: str
    n_per_class: int
    arm: str
    rank: int
    metric: str
    numbers: Mapping[str, float]
    verdict: str
    synthetic: bool


def read_answers(run: Path, report: Path) -> list[ArmAnswer]:
    """The arms of a run's report, block by block, the best first."""
    from benchmark import metrics

    arms = _table(report, "arms")
    assert arms is not None, "every report has its arms"
    pairs, elsewhere = (_table(report, name) for name in ("pairwise", "external_arms"))
    synthetic = _synthetic(run)
    answers = []
    for _, block in arms.groupby(["dataset", "n_per_class"], sort=True):
        dataset, n = str(block["dataset"].iloc[0]), int(block["n_per_class"].iloc[0])
        name = str(block["metric"].iloc[0])
        ordered = block.sort_values("estimate", ascending=not metrics.find(name).higher_is_better, kind="stable")
        for rank, row in enumerate(ordered.to_dict("records")):
            numbers = {f"holdout_{name}": row["estimate"]}
            numbers |= {column: row[column] for column in ("ci_low", "ci_high", "seed_sd", "seeds") if column in row}
            numbers |= _elsewhere(str(row["arm"]), dataset, n, elsewhere)
            known = {column: float(value) for column, value in numbers.items() if math.isfinite(float(value))}
            verdict = _verdict(str(row["arm"]), dataset, n, pairs)
            where = (dataset, n, str(row["arm"]))
            answers.append(ArmAnswer(*where, rank, name, known, verdict, dataset in synthetic))
    return answers


def _table(report: Path, name: str) -> pd.DataFrame | None:
    """One of a report's tables; None where it has none of this name."""
    import pandas as pd

    path = report / "tables" / f"{name}.csv"
    return pd.read_csv(path, keep_default_na=False, na_values=[""]) if path.is_file() else None


def _elsewhere(arm: str, dataset: str, n: int, elsewhere: pd.DataFrame | None) -> dict[str, float]:
    """An arm's estimates on the test sets from elsewhere, under names that MLflow takes."""
    numbers: dict[str, float] = {}
    for row in [] if elsewhere is None else elsewhere.to_dict("records"):
        own, other = own_and_other(str(row["dataset"]))
        if (own, row["n_per_class"], row["arm"]) == (dataset, n, arm):
            numbers[f"external_{re.sub(NO_NAME, '_', other)}_{row['metric']}"] = row["estimate"]
    return numbers


def _synthetic(run: Path) -> set[str]:
    """The data sets of a run that are not real, as their predictions say."""
    files = {folder.parents[2]: folder / PREDICTIONS for folder in cell_folders(run) if (folder / DONE).is_file()}
    facts = [item for file in files.values() for item in read_info(file).facts.items()]
    return {dataset for dataset, of_dataset in facts if of_dataset.get("synthetic")}


def _verdict(arm: str, dataset: str, n: int, pairs: pd.DataFrame | None) -> str:
    """For example ``better than scratch; open against medical, scratch-same``."""
    others: dict[str, list[str]] = {word: [] for word in ORDER}
    if pairs is None or "verdict" not in pairs:
        return ""
    for row in pairs[(pairs["dataset"] == dataset) & (pairs["n_per_class"] == n)].to_dict("records"):
        if arm in (row["arm_a"], row["arm_b"]) and row["verdict"] in WORDS:
            of_b, of_a = WORDS[row["verdict"]]
            is_b = row["arm_b"] == arm
            others[of_b if is_b else of_a].append(str(row["arm_a"] if is_b else row["arm_b"]))
    return "; ".join(f"{word} {', '.join(names)}" for word, names in others.items() if names)


def of_cells(run: Path, answer: ArmAnswer, tuned: Metric) -> tuple[dict[str, float], dict[int, float]]:
    """What the cells of an arm have in common: sums and means, and the course of their tuning.

    Returns:
        Name -> value (``best_validation``, a mean over seeds, and ``seconds``, a sum), and trial -> the best validation
        value so far, the mean over seeds.
    """
    import numpy as np

    folders = list(_folders(run, answer))
    scores = [read_json(folder / DONE).get("metrics", {}) for folder in folders]
    best = [float(of["best_validation"]) for of in scores if of.get("best_validation") is not None]
    seconds = [float(of["seconds"]) for of in scores if of.get("seconds") is not None]
    numbers = {"best_validation": sum(best) / len(best)} if best else {}
    numbers |= {"seconds": sum(seconds)} if seconds else {}
    running = np.maximum.accumulate if tuned.higher_is_better else np.minimum.accumulate
    courses = [running(read_table(folder / TRIALS)["value"].to_numpy(dtype=float)) for folder in folders]
    length = min([MOST_POINTS, *map(len, courses)])
    return numbers, {
        trial: float(np.mean([course[trial] for course in courses])) for trial in range(length if courses else 0)
    }


def _folders(run: Path, answer: ArmAnswer) -> Iterator[Path]:
    wanted = (path_name(answer.dataset), f"n{answer.n_per_class}", path_name(answer.arm))
    for folder in cell_folders(run):
        dataset, n, _, arm = folder.parts[-4:]
        if (dataset, n, arm) == wanted and (folder / DONE).is_file():
            yield folder


def place_report(report: Path, target: Path) -> None:
    """Make a report's page, figures and tables an arm's artifacts: as hard links, or copies where those cannot be.

    Args:
        report: its folder.
        target: replaced.
    """
    shutil.rmtree(target, ignore_errors=True)
    for pattern in SHOWN:
        for source in sorted(report.glob(pattern)):
            place = target / source.relative_to(report)
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, place)
            except OSError:  # another disk, or one without links
                shutil.copy2(source, place)


def rounded(numbers: Mapping[str, float | None]) -> dict[str, float]:
    """Values as MLflow's columns show them: seconds to tenths, others to four decimals; what is unknown is left out."""
    return {
        name: round(float(value), 1 if name == "seconds" else 4) for name, value in numbers.items() if value is not None
    }
