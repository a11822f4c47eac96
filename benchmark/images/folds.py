"""Inner validation folds: stratified, and no group in two of them."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError
from benchmark.images.contract import Images

TRIES = 20


def assign(images: Images, rows: npt.NDArray[np.intp], folds: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """The validation fold of each row, in 0..folds-1.

    Args:
        images: the data set.
        rows: (n,) rows of the subsample.
        folds: at least 2.
        rng: decides among equally good assignments.

    Raises:
        InputError: no assignment was found in which every class is in every fold's training and validation part.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    labels = images.labels[rows]
    kinds = strata(labels, images.task == "multilabel")
    for _ in range(TRIES):
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=int(rng.integers(2**31)))
        fold = np.zeros(len(rows), dtype=np.intp)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # rare strata are checked below, class by class
            try:
                splits = list(splitter.split(kinds, kinds, images.groups[rows]))
            except ValueError:
                break
        for number, (_, validation) in enumerate(splits):
            fold[validation] = number
        lacking = _lacking(labels, fold, folds, images.task == "multilabel")
        if not lacking:
            return fold
    names = ", ".join(images.classes[k] for k in lacking) if "lacking" in locals() else "a class"
    raise InputError(
        f"{images.dataset}: {len(rows)} images cannot be cut into {folds} folds that all hold {names}: too "
        "few groups (patients or lesions) have it. Use fewer --folds or a larger --n-per-class."
    )


def strata(labels: npt.NDArray[np.float32], multilabel: bool) -> npt.NDArray[np.intp]:
    """One stratum an image: its class, or for labels its rarest positive one (K for none)."""
    positive = labels > 0.5
    if not multilabel:
        return np.asarray(positive.argmax(1))
    rarity = np.argsort(positive.sum(0), kind="stable")
    kinds = np.full(len(labels), labels.shape[1], dtype=np.intp)
    for k in rarity[::-1]:
        kinds[positive[:, k]] = k
    return kinds


def _lacking(labels: npt.NDArray[np.float32], fold: npt.NDArray[np.intp], folds: int, multilabel: bool) -> list[int]:
    """Classes that are absent from some fold. A rare label may be: its fold's mean then leaves it out."""
    if multilabel:
        return []
    return [k for k in range(labels.shape[1]) if len(set(fold[labels[:, k] > 0.5])) < folds]
