"""Checking a data set on this machine: counts, unreadable files, duplicates, leaks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark import datasets
from benchmark.audit import counts, duplicates, leaks
from benchmark.images import decoding
from benchmark.images.contract import Images, LoadOptions

NAMED = 5
#: Above as many images, near duplicates are only looked for across pool and holdout.
MANY = 30_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table.

    Attributes:
        what: was looked at.
        found: what was there.
        expected: what should be, or "".
        wrong: whether that is a fault.
        note: examples, or why it is none.
    """

    what: str
    found: str
    expected: str = ""
    wrong: bool = False
    note: str = ""


def check(name: str, root: Path | None, options: LoadOptions, folder: Path, workers: int = 1) -> list[Finding]:
    """Everything that can be found out about a data set's files without a model.

    Args:
        name: the data set.
        root: the data root, or None for the environment's.
        options: working size, holdout.
        folder: of the cache.
        workers: processes that decode.

    Raises:
        InputError: it is not there, or its tables are wrong, so that nothing can be counted.
    """
    images = datasets.load(name, datasets.data_root(root), options)
    findings = _counts(name, images)
    decoded = decoding.decoded(images, options.image_size, folder, workers, skip_bad=True)
    bad = len(images.sample_ids) - len(decoded.images.sample_ids)
    gone = sorted(set(images.sample_ids) - set(decoded.images.sample_ids))
    findings.append(Finding("unreadable images", f"{bad:,}", "0", bad > 0, _listed(gone)))
    findings += _copies(decoded)
    for (first, second), shared in counts.shared_between_splits(images).items():
        findings.append(Finding(f"groups in both {first} and {second}", f"{shared:,}", "0", shared > 0))
    for record in leaks.audit(decoded.images, decoded):
        verdict = str(record["verdict"])
        shown = verdict if verdict == "not verifiable" else f"{record['found']:,}"
        findings.append(Finding(str(record["check"]), shown, "0", verdict == "leak", str(record["examples"])))
    return findings


def table(findings: list[Finding]) -> str:
    """The findings as aligned text, with a mark at what is wrong."""
    rows = [("", "what", "found", "expected", "")]
    rows += [("WRONG" if f.wrong else "ok", f.what, f.found, f.expected, f.note) for f in findings]
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    lines = []
    for mark, what, found, expected, note in rows:
        cells = [f"{mark:<{widths[0]}}", f"{what:<{widths[1]}}", f"{found:>{widths[2]}}"]
        lines.append("  ".join([*cells, f"{expected:>{widths[3]}}", note]).rstrip() + "\n")
    return "".join(lines)


def _counts(name: str, images: Images) -> list[Finding]:
    found = counts.of(images)
    published = datasets.find(name).ORIGIN.counts
    part = images.facts.get("part")
    shown = list(dict.fromkeys([*published, *(key for key in found if not key.startswith(("pool", "holdout")))]))
    findings = []
    for key in shown:
        expected = published.get(key)
        if part or expected is None:
            findings.append(Finding(key, f"{found[key]:,}"))
        else:
            findings.append(Finding(key, f"{found[key]:,}", f"{expected:,}", found[key] != expected))
    if part:
        findings.insert(0, Finding("complete", "no", note=f"{part}: not compared with the published counts"))
    return findings


def _copies(decoded: decoding.Decoded) -> list[Finding]:
    images = decoded.images
    sets = duplicates.copies(decoded.hashes)
    across = [rows for rows in sets if len(np.unique(np.nan_to_num(images.labels[rows], nan=-1), axis=0)) > 1]
    findings = [
        Finding(
            "sets of exact duplicates",
            f"{len(sets):,}",
            note=f"{sum(map(len, sets)):,} images; in one group each: {_within(images, sets):,}"
            + (f"; {_names(images, sets)}" if sets else ""),
        ),
        Finding("duplicates with different labels", f"{len(across):,}", "0", bool(across), _names(images, across)),
    ]
    if len(images.sample_ids) <= MANY and not images.facts.get("synthetic"):
        pairs = duplicates.near(decoded.pixels, np.arange(len(images.sample_ids)))
        pairs = pairs[decoded.hashes[pairs[:, 0]] != decoded.hashes[pairs[:, 1]]]
        findings.append(Finding("pairs of near duplicates", f"{len(pairs):,}", note=_names(images, list(pairs))))
    return findings


def _within(images: Images, sets: list[duplicates.Rows]) -> int:
    return sum(len(set(images.groups[rows])) == 1 for rows in sets)


def _names(images: Images, sets: list[duplicates.Rows]) -> str:
    return _listed([" = ".join(map(str, images.sample_ids[rows])) for rows in sets])


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
