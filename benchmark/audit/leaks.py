"""The leak audit: nothing that was learnt from may be in the holdout."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from benchmark.audit import duplicates, merging
from benchmark.datasets import images_of
from benchmark.errors import InputError, unknown_name
from benchmark.images.contract import Images
from benchmark.images.decoding import Decoded

NAMED = 5

#: What may leak, by the names under which it can be allowed, and what then has to be believed.
LEAKS = {
    "groups": "groups (patients, lesions) in both pool and holdout",
    "duplicates": "exact duplicates across pool and holdout",
    "near-duplicates": "near duplicates across pool and holdout",
    "folds": "groups or exact duplicates across inner folds",
    "weights": "weights trained on the data set's images",
}

#: Data sets that are made of others' images, for those that are only known from the cards of weights.
MADE_OF = {
    **dict.fromkeys(("rsna", "siim", "covidx", "slake-vqa"), ("nih",)),
    **dict.fromkeys(("isic2018", "isic2019"), ("ham10000",)),
}

#: What people call data sets of ours, beside their names here.
ALSO_CALLED = {
    **dict.fromkeys(("kermany", "chest-x-ray-pneumonia", "pneumoniamnist"), "chest-xray"),
    **dict.fromkeys(("nih-chestx-ray14", "chestx-ray14", "chestxray14", "chest-xray14", "nih-cxr"), "nih"),
    **dict.fromkeys(("chexpert-small", "chexpert-v1.0-small", "chexpert-v1.0"), "chexpert"),
    **dict.fromkeys(("ham", "ham-10000", "isic-2018"), "ham10000"),
}
UNKNOWN = "unknown"
#: How the names of corpora begin that were gathered from the web or from papers: what public images they hold, nobody
#: outside can say.
GATHERED = ("lvd", "laion", "webli", "datacomp", "dfn", "yfcc", "cc12m", "web-images", "pmc")

Record = dict[str, object]
Folds = tuple[str, npt.NDArray[np.intp], npt.NDArray[np.intp]]


def refuse_shared_groups(images: Images) -> None:
    """Raise `InputError`, naming them, where groups (patients or lesions) are in both pool and holdout."""
    shared = _shared_groups(images)
    if shared:
        raise InputError(
            f"{images.dataset}: {len(shared)} groups are in both pool and holdout ({_listed(shared)}). "
            "Scores on them would be of patients already seen: use --holdout grouped, or mend the split."
        )
    for part, rows in (("holdout", images.holdout), ("pool", images.pool)):
        if not rows.any():
            raise InputError(f"{images.dataset}: the {part} is empty.")


def audit(
    images: Images,
    decoded: Decoded | None = None,
    *,
    folds: Iterable[Folds] = (),
    trained_on: Mapping[str, Sequence[str]] | None = None,
) -> list[Record]:
    """Look for leaks: one record a check, for the report.

    A record has "dataset", "check", "leak" (its name in `LEAKS`), "found" (how many), "verdict" ("none", "leak",
    "allowed" or "not verifiable") and "examples".

    Args:
        images: the data set.
        decoded: its pixels, to look for duplicates; None leaves that out.
        folds: (name, rows, fold of each row) of the subsamples.
        trained_on: arm -> names of the data sets that its weights were trained on.
    """
    records = [_record(images, "groups", LEAKS["groups"], _shared_groups(images))]
    if not images.groups_known:
        records[0] |= {"verdict": "not verifiable", "examples": str(images.facts["leaks"])}
    if decoded is not None:
        pool, holdout = np.flatnonzero(images.pool), np.flatnonzero(images.holdout)
        same = duplicates.exact(decoded.hashes, pool, holdout)
        records.append(_record(images, "duplicates", LEAKS["duplicates"], _named(images, same)))
        if not images.synthetic:  # drawn one by one, but all of one kind
            alike = duplicates.near(decoded.pixels, holdout, pool)[:, ::-1]
            more = alike[decoded.hashes[alike[:, 0]] != decoded.hashes[alike[:, 1]]]
            records.append(_record(images, "near-duplicates", LEAKS["near-duplicates"], _named(images, more)))
    divided = [text for name, rows, fold in folds for text in _across_folds(images, decoded, name, rows, fold)]
    if folds:
        records.append(_record(images, "folds", LEAKS["folds"], divided))
    records += [_of_weights(images, images.dataset, arm, names) for arm, names in (trained_on or {}).items()]
    return records


def audit_external(
    images: Images, decoded: Decoded, elsewhere: Decoded, trained_on: Mapping[str, Sequence[str]]
) -> list[Record]:
    """Look for what was learned from among the images of a test set from elsewhere; records as `audit` gives them.

    Args:
        images: the data set, whose pool is learned from.
        decoded: its pixels.
        elsewhere: the test set; its index's "external" fact names the data set that it is of.
        trained_on: arm -> names of the data sets that its weights were trained on.
    """
    others, source = elsewhere.images, str(elsewhere.images.about["external"])
    pool, every = np.flatnonzero(images.pool), np.arange(len(others.sample_ids))
    related = bool(share_images(images.dataset, (source,)))
    one_owner = related or images.dataset.partition(":")[0] == source.partition(":")[0]
    known = images.groups_known and others.groups_known
    shared = np.intersect1d(images.groups[pool], others.groups).tolist() if one_owner and known else []
    between = "in both pool and the test set from elsewhere"
    groups = _record(others, "groups", f"groups (patients, lesions) {between}", [str(name) for name in shared])
    if not known:
        groups |= {
            "verdict": "not verifiable",
            "examples": str((images if others.groups_known else others).facts["leaks"]),
        }
    elif not one_owner:
        groups["examples"] = "two owners, whose ids have nothing to do with each other"
    of_one = _record(others, "duplicates", f"images of {images.dataset} by origin", [source] if related else [])
    both = np.concatenate([decoded.hashes, elsewhere.hashes])
    offset = len(decoded.hashes)
    same = duplicates.exact(both, pool, every + offset)
    copies = [f"{images.sample_ids[a]} = {others.sample_ids[b - offset]}" for a, b in same]
    records = [groups, of_one, _record(others, "duplicates", f"exact duplicates {between}", copies)]
    if not (images.synthetic or others.synthetic):
        pairs = duplicates.near_between(decoded.pixels, pool, elsewhere.pixels, every)
        more = pairs[decoded.hashes[pairs[:, 0]] != elsewhere.hashes[pairs[:, 1]]]
        alike = [f"{images.sample_ids[a]} = {others.sample_ids[b]}" for a, b in more]
        records.append(_record(others, "near-duplicates", f"near duplicates {between}", alike))
    return records + [_of_weights(others, source, arm, names) for arm, names in trained_on.items()]


def refuse(records: Iterable[Record], allowed: Collection[str] = ()) -> list[Record]:
    """Refuse leaks that are not allowed by name; give the records, with those that are marked so.

    Raises:
        InputError: a leak that is not allowed, or an unknown name among those allowed.
    """
    for name in allowed:
        if name not in LEAKS:
            raise unknown_name("leak", name, LEAKS)
    marked = [
        record | {"verdict": "allowed"} if record["verdict"] == "leak" and record["leak"] in allowed else record
        for record in records
    ]
    open_ones = [record for record in marked if record["verdict"] == "leak"]
    if open_ones:
        lines = [f"  {r['dataset']}: {r['found']} {r['check']} ({r['examples']})" for r in open_ones]
        names = ",".join(sorted({str(record["leak"]) for record in open_ones}))
        raise InputError(
            "the holdout would be scored by models that have seen it:\n" + "\n".join(lines) + "\nMend the data, use "
            "--merge-duplicates, --holdout grouped or other weights, whichever is the cause, or allow it by name "
            f"({names}): it then stands in the report."
        )
    return marked


def _of_weights(images: Images, dataset: str, arm: str, names: Sequence[str]) -> Record:
    """Whether an arm's weights were trained on a data set's images."""
    seen = sorted(share_images(dataset, names))
    record = _record(images, "weights", f"weights of {arm} trained on its images", seen)
    gathered = [name for name in names if _plain(name).startswith(GATHERED)]
    if not seen and UNKNOWN in names:
        record |= {
            "verdict": "not verifiable",
            "examples": "nobody says what the file was trained on, or not all of it",
        }
    elif not seen and gathered:
        record |= {
            "verdict": "not verifiable",
            "examples": f"nobody outside can say which public images {', '.join(gathered)} holds",
        }
    return record


def share_images(dataset: str, others: Iterable[str]) -> frozenset[str]:
    """Those of the other data sets that hold images of this one, directly or by what they were made from."""
    own = images_of(dataset)
    return frozenset(other for other in others if own & _images_of_corpus(other))


def _images_of_corpus(name: str) -> frozenset[str]:
    """The data sets of ours that a corpus holds images of, however its name is written."""
    known = ALSO_CALLED.get(_plain(name), _plain(name))
    return images_of(name) | images_of(known) | {*MADE_OF.get(known, ()), *MADE_OF.get(name, ())}


def _plain(name: str) -> str:
    return name.lower().replace(" ", "-").replace("_", "-")


def join_copies(images: Images, hashes: npt.NDArray[np.str_]) -> Images:
    """The index with the groups of exact duplicates made one, so that no fold and no two seeds divide them.

    Where the holdout is grouped, so ours to draw, a joined group that is in both parts goes to the holdout as a whole.
    Copies across an official holdout stay as they are: that is a leak, which `audit` finds.

    Args:
        images: the index.
        hashes: (N,) of their pixels, `Decoded.hashes`.
    """
    return merging.joined(images, duplicates.copies(hashes))


def _shared_groups(images: Images) -> list[str]:
    return [str(name) for name in np.intersect1d(images.groups[images.holdout], images.groups[images.pool])]


def _across_folds(
    images: Images,
    decoded: Decoded | None,
    name: str,
    rows: npt.NDArray[np.intp],
    fold: npt.NDArray[np.intp],
) -> list[str]:
    """Pairs of a group, or of the same pixels, in two folds."""
    kinds = {"group": images.groups[rows]} | ({} if decoded is None else {"pixels": decoded.hashes[rows]})
    pairs = []
    for kind, values in kinds.items():
        first: dict[str, int] = {}
        for place, value in enumerate(values):
            before = first.setdefault(str(value), place)
            if fold[before] != fold[place]:
                pairs.append(f"{name}: {images.sample_ids[rows[before]]} and {images.sample_ids[rows[place]]} ({kind})")
    return pairs


def _named(images: Images, pairs: npt.NDArray[np.intp]) -> list[str]:
    return [f"{images.sample_ids[a]} = {images.sample_ids[b]}" for a, b in pairs]


def _record(images: Images, leak: str, check: str, leaking: Sequence[str]) -> Record:
    return {
        "dataset": images.dataset,
        "check": check,
        "leak": leak,
        "found": len(leaking),
        "verdict": "leak" if leaking else "none",
        "examples": _listed(leaking),
    }


def _listed(examples: Sequence[str]) -> str:
    return ", ".join(examples[:NAMED]) + (", ..." if len(examples) > NAMED else "")
