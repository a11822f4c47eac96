"""A plan that was written down before the holdout was opened, and what a report departs from in it.

The plan is a small TOML file with the hash of its own content and the time at which it was locked. A file's time can be
set by hand: a plan is the stronger evidence the earlier somebody else has had its hash.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.predictions.reading import find_files
from analysis.statistics.sequential import check
from analysis.study.estimand import WORDS, answered, find
from analysis.study.study import Study
from benchmark import metrics
from benchmark.errors import InputError
from benchmark.results import PLAN, write_text


@dataclass(frozen=True, slots=True)
class LockedPlan:
    """What will be concluded, and on what.

    Attributes:
        metric: the primary one.
        margin: of equivalence, positive, in its units.
        estimand: what the claims are about: population, pool or models.
        datasets, arms, n_per_class: the family of comparisons, every pair of arms on each; empty for whatever is run.
        locked: when, in UTC, as ISO 8601.
        looks: numbers of training seeds at which the study is looked at, rising, the last one its own; empty for one
            look, whatever its number of seeds.
    """

    metric: str
    margin: float
    estimand: str
    datasets: tuple[str, ...]
    arms: tuple[str, ...]
    n_per_class: tuple[int, ...]
    locked: str
    looks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        metrics.find(self.metric)
        if not self.margin > 0:
            raise InputError(f"the margin of the plan is {self.margin}: it must be positive, for example 0.02.")
        find(self.estimand)
        if self.looks:
            check_looks(self.looks)
        if self.looks and self.estimand == "models":
            raise InputError("looks are over training seeds, which a plan on these models holds fixed: leave one out.")

    @property
    def hash(self) -> str:
        """SHA-256 of the content, 64 hex digits."""
        return hashlib.sha256(json.dumps(self.content, sort_keys=True).encode()).hexdigest()

    @property
    def content(self) -> dict[str, Any]:
        """What is written and hashed; looks only where there are any."""
        return {name: value for name, value in asdict(self).items() if name != "looks" or value}


def check_looks(looks: Sequence[int]) -> None:
    """Raise `InputError` where numbers of seeds cannot be looks."""
    try:
        check(looks)
    except ValueError as error:
        raise InputError(f"{error}.") from error


def now() -> str:
    """The time, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_plan(plan: LockedPlan, path: Path) -> None:
    """Write a plan and its hash.

    Raises:
        InputError: the file is there: a plan is not locked twice.
    """
    if path.exists():
        raise InputError(f"{path} is there already: a locked plan stays as it is. Lock another under another name.")
    lines = ["# Locked before the holdout was opened. A change of this file breaks its hash."]
    lines += [f"{name} = {json.dumps(value)}" for name, value in {**plan.content, "hash": plan.hash}.items()]
    write_text(path, "\n".join(lines) + "\n")


def plan_of(source: Path, plan: Path | None, described: Mapping[str, Any]) -> LockedPlan | None:
    """The plan that was named, or the one in the run's folder or published file; None where there is none.

    Args:
        source: of the predictions.
        plan: the one that was named.
        described: what is known of the run.
    """
    if plan is None and (source / PLAN).is_file():
        plan = source / PLAN
    if plan is None and isinstance(described.get("plan"), str):
        return parse_plan(described["plan"], f"the plan in {source}")
    return None if plan is None else read_plan(plan)


def read_plan(path: Path) -> LockedPlan:
    """Read a plan and hold it against its hash.

    Raises:
        InputError: no such file, not a plan, or changed since it was locked.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"the plan {path} cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise InputError(f"the plan {path} is not valid TOML: {error}.") from error
    return parse_plan(text, f"the plan {path}")


def parse_plan(text: str, place: str) -> LockedPlan:
    """A plan from its text, held against its hash; `place` is for messages.

    Raises:
        InputError: not a plan, or changed since it was locked.
    """
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of TOML, or of a number that is too long
        raise InputError(f"{place} is not valid TOML: {error}.") from error
    stated = values.pop("hash", None)
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        plan = LockedPlan(**fields)
    except TypeError as error:
        raise InputError(f"{place} is no locked plan ({error}): python -m analysis.plan --lock writes one.") from error
    if stated != plan.hash:
        raise InputError(
            f"{place} was changed after it was locked: its hash says {str(stated)[:12]}, not {plan.hash[:12]}."
        )
    return plan


def first_predicted(source: Path, described: Mapping[str, Any]) -> str:
    """When the first predictions of the holdout were written, in UTC: as a published file says, or as files tell."""
    if described.get("predicted"):
        return str(described["predicted"])
    files = find_files(source)
    return datetime.fromtimestamp(min(file.stat().st_mtime for file in files), UTC).isoformat(timespec="seconds")


def departures(plan: LockedPlan, study: Study, predicted: str) -> list[str]:
    """What a report does otherwise than planned, a phrase each; none where it keeps to the plan.

    Args:
        plan: as it was locked.
        study: what is reported.
        predicted: when the first predictions of the holdout were written.
    """
    blocks = [member.block for member in study.blocks]
    arms = {arm for block in blocks for arm in block.arms}
    family: tuple[tuple[str, set[Any], set[Any]], ...] = (
        ("data sets", set(plan.datasets), {block.dataset for block in blocks}),
        ("arms", set(plan.arms), arms),
        ("n per class", set(plan.n_per_class), {block.n_per_class for block in blocks}),
    )
    phrases = []
    if plan.locked >= predicted:
        phrases.append(f"it was locked at {plan.locked}, after the first predictions of the holdout ({predicted})")
    if plan.metric != study.primary.name:
        phrases.append(f"the metric is {study.primary.name}, not {plan.metric}")
    if plan.margin != study.margin:
        phrases.append(f"the margin is {study.margin:g}, not {plan.margin:g}")
    about = {answered(block) for block in blocks} - {plan.estimand}
    if about:
        phrases.append(f"the claims are about {_listed({WORDS[e] for e in about})}, not {WORDS[find(plan.estimand)]}")
    for kind, planned, reported in family:
        if planned and planned != reported:
            phrases.append(f"the {kind} are {_listed(reported)}, not {_listed(planned)}")
    if plan.looks and study.looks is None:
        counts = {len(block.seeds) for block in blocks}
        phrases.append(
            f"the number of seeds is {_listed(counts)}, at which no look is planned (but at {_listed({*plan.looks})})"
        )
    return phrases


def _listed(values: set[Any]) -> str:
    return ", ".join(map(str, sorted(values)))
