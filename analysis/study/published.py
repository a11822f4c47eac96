"""What a published file tells of its run: spec.json without what is private, and what the cells cost and reached."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Mapping
from typing import Any

from analysis.study.locked_plan import first_predicted
from analysis.study.run_facts import Record, RunFacts
from analysis.study.trials import Trials
from benchmark.results import PLAN
from benchmark.spec import Cell

#: Parts of spec.json that are passed on as they are, but for paths. Older versions wrote the last three.
KEPT = ("spec", "hash", "arms", "starts", "tables", "git_commit", "hardware", "versions")
#: Keys that are left out wherever they stand: a machine's name, and names of files and patients.
PRIVATE = ("host", "examples")
#: In place of the hashes of images, which are the keys to the names in the file.
WITHHELD = "withheld: the key to the names of images and patients"

#: An absolute path in a text, as far as the next space or separator; no address of the web, and no fraction.
PATH = re.compile(r"(?<![\w./~\\-])(?:~|[A-Za-z]:)?(?:/(?!/)|\\)[^\s'\",;|=:@]+")
PATH_IN_WORD = re.compile(r"(?<![\w./~\\-])(?:~|[A-Za-z]:)?(?:/(?!/)|\\)[^'\",;|=:@]+")  # which may hold spaces


def published(run: RunFacts, trials: Trials | None, cells: Collection[Cell], incomplete: str | None) -> dict[str, Any]:
    """What is said of a run, plain values in the form of its spec.json.

    Args:
        run: its folder.
        trials: its trials, where there are any.
        cells: those whose predictions are published.
        incomplete: what is missing, in a sentence.
    """
    described: dict[str, Any] = {key: run.described[key] for key in KEPT if key in run.described}
    described["cells"] = [*_summaries(run, trials, cells), *_models(run, cells)]
    if incomplete is not None:
        described["incomplete"] = incomplete
    inputs = run.described.get("inputs")
    if isinstance(inputs, Mapping):
        described["inputs"] = {
            name: WITHHELD if str(name).startswith(("data ", "external ")) else value for name, value in inputs.items()
        }
    shareable: dict[str, Any] = without_private(described)
    if (run.folder / PLAN).is_file():  # as it is: a change would break its hash
        shareable["plan"] = (run.folder / PLAN).read_text(encoding="utf-8")
        shareable["predicted"] = first_predicted(run.folder, {})
    return shareable


def without_private(value: Any) -> Any:
    """Plain values without the keys `PRIVATE`, and with the last part of every absolute path in its place."""
    if isinstance(value, Mapping):
        return {
            key: _command(part) if key == "command" and isinstance(part, str) else without_private(part)
            for key, part in value.items()
            if key not in PRIVATE
        }
    if isinstance(value, list | tuple):
        return [without_private(part) for part in value]
    return PATH.sub(_last, value) if isinstance(value, str) else value


def _command(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError:  # an open quote: no command that a shell took
        return str(PATH.sub(_last, text))
    return shlex.join(PATH_IN_WORD.sub(_last, word) for word in words)


def _last(path: re.Match[str]) -> str:
    return re.split(r"[/\\]", path[0].rstrip("/\\"))[-1]


def _summaries(run: RunFacts, trials: Trials | None, cells: Collection[Cell]) -> list[Record]:
    """One record for every (data set, n, arm): when it was finished, what its trials cost and what the best reached."""
    of_arm: dict[tuple[str, int, str], dict[str, Any]] = {}
    for cell in cells:
        key = {"dataset": cell.dataset, "n_per_class": cell.n_per_class, "arm": cell.arm}
        of_arm.setdefault((cell.dataset, cell.n_per_class, cell.arm), {"cell": key, "finished": ""})
    for done, cell in _done(run, cells):
        record = of_arm[cell.dataset, cell.n_per_class, cell.arm]
        record["finished"] = max(record["finished"], str(done.get("finished", "")))
    for (dataset, n, arm), frame in trials.by_arm() if trials is not None else ():
        seeds = {cell.seed for cell in cells if (cell.dataset, cell.n_per_class, cell.arm) == (dataset, n, arm)}
        part = frame[frame["seed"].isin(seeds)]
        if part.empty or trials is None:
            continue
        values = part.groupby("seed")["value"]
        best = values.max() if trials.metric.higher_is_better else values.min()
        seconds = float(part["seconds"].sum(min_count=1))
        of_arm[dataset, n, arm] |= {
            "best_validation": float(best.mean()),
            "device_seconds": round(seconds, 1) if seconds == seconds else None,
        }
    return [*of_arm.values()]


def _models(run: RunFacts, cells: Collection[Cell]) -> list[Record]:
    """A record for every model of an arm that differs in its numbers from those before it."""
    records: dict[str, Record] = {}
    for done, cell in _done(run, cells):
        if isinstance(done.get("model"), Mapping):
            record = {"cell": {"dataset": cell.dataset, "arm": cell.arm}, "model": done["model"]}
            records.setdefault(json.dumps(record, sort_keys=True), record)
    return list(records.values())


def _done(run: RunFacts, cells: Collection[Cell]) -> list[tuple[Record, Cell]]:
    """What cells say of themselves when they are finished."""
    wanted = {(cell.dataset, cell.n_per_class, cell.seed, cell.arm): cell for cell in cells}
    pairs = []
    for done in run.cells:
        key = done.get("cell")
        if isinstance(key, Mapping):
            cell = wanted.get(tuple(key.get(name) for name in ("dataset", "n_per_class", "seed", "arm")))  # type: ignore[arg-type]
            pairs += [] if cell is None else [(done, cell)]
    return pairs
