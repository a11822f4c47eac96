"""Checking a data set on this machine: counts, unreadable files, duplicates, leaks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark import datasets
from benchmark.audit import counts, duplicates, leaks, merging
from benchmark.images import decoding
from benchmark.images.contract import Images, LoadOptions

NAMED = 5
#: Above as many images, near duplicates are only looked for across pool and holdout.
MANY = 30_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table.

    Attributes:
        subject: what was counted or looked for.
        value: what is there.
        expected: what should be, or "".
        wrong: whether the difference is a fault.
        note: examples, or why it is none.
    """

    subject: str
    value: str
    expected: str = ""
    wrong: bool = False
    note: str = ""


def check(name: str, data_root: Path | None, options: LoadOptions, cache: Path, workers: int = 1) -> list[Finding]:
    """Check what can be checked of a data set's files without a model.

    Args:
        name: the data set.
        data_root: the data sets' folder, or None for the environment's.
        options: working size, holdout.
        cache: folder of the decoded images.
        workers: processes that decode.

    Raises:
        InputError: it is not there, or its tables are wrong, so that nothing can be counted.
    """
    images = datasets.load(name, datasets.data_root(data_root), options)
    findings = _counts(name, images)
    decoded = decoding.decoded(images, options.image_size, cache, workers, skip_bad=True)
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
    rows += [("WRONG" if f.wrong else "ok", f.subject, f.value, f.expected, f.note) for f in findings]
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    lines = []
    for mark, subject, value, expected, note in rows:
        cells = [f"{mark:<{widths[0]}}", f"{subject:<{widths[1]}}", f"{value:>{widths[2]}}"]
        lines.append("  ".join([*cells, f"{expected:>{widths[3]}}", note]).rstrip() + "\n")
    return "".join(lines)


def _counts(name: str, images: Images) -> list[Finding]:
    """Counts beside the published ones, unless only a part of the images is here."""
    counted = counts.of(images)
    published = datasets.find(name).ORIGIN.counts
    shown = list(dict.fromkeys([*published, *(key for key in counted if not key.startswith(("pool", "holdout")))]))
    findings = []
    for key in shown:
        expected = published.get(key)
        if not images.complete or expected is None:
            findings.append(Finding(key, f"{counted[key]:,}"))
        else:
            findings.append(Finding(key, f"{counted[key]:,}", f"{expected:,}", counted[key] != expected))
    if not images.complete:
        part = f"{images.about['part']}: not compared with the published counts"
        findings.insert(0, Finding("complete", "no", note=part))
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
    if len(images.sample_ids) <= MANY and not images.synthetic:
        alike = duplicates.near(decoded.pixels, np.arange(len(images.sample_ids)))
        pairs = alike[decoded.hashes[alike[:, 0]] != decoded.hashes[alike[:, 1]]]
        findings.append(Finding("pairs of near duplicates", f"{len(pairs):,}", note=_names(images, list(pairs))))
        apart = pairs[images.group_numbers[pairs[:, 0]] != images.group_numbers[pairs[:, 1]]]
        findings.append(Finding("of them in different groups", f"{len(apart):,}", note=_names(images, list(apart))))
        merged = merging.merge_duplicates(images, decoded, alike)
        text = str(merged.about["duplicates_merged"])
        findings.append(
            Finding("groups that --merge-duplicates joins", f"{merged.about.get('groups_joined', 0):,}", note=text)
        )
    return findings


def _within(images: Images, sets: list[duplicates.Rows]) -> int:
    return sum(len(set(images.groups[rows])) == 1 for rows in sets)


def _names(images: Images, sets: list[duplicates.Rows]) -> str:
    return _listed([" = ".join(map(str, images.sample_ids[rows])) for rows in sets])


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
