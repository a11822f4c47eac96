"""The k nearest training images in frozen features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.methods import Classifier, Dimension, Floats, Parameters
from benchmark.methods._frozen import LAYER, POOLING, SMALLEST, STANDARDISE, Scaling, prepare

if TYPE_CHECKING:
    from benchmark.results import Task

__all__ = ["prepare"]

NAME = "knn"
TITLE = "frozen, with the nearest neighbours by its features"
WEIGHTS = True
DIMENSIONS = (
    Dimension("k", "int", 1, 64, log=True, natural_ends=("low",)),
    Dimension("metric", "choice", choices=("cosine", "euclidean")),
    LAYER,
    POOLING,
    STANDARDISE,
    Dimension("votes", "choice", choices=("uniform", "distance")),
)
DEFAULTS = {
    "k": 8,
    "metric": "cosine",
    "layer": "last",
    "pooling": "avg",
    "standardise": "none",
    "votes": "distance",
}


def fit(features: Floats, targets: Floats, task: Task, parameters: Parameters) -> Classifier:
    """Shares of the votes of the k nearest, and of one vote more that all training images share by their nearness.

    The one vote more ranks images with the same neighbours' classes, where shares of k alone would tie: AUROC counts a
    tie as half. An unknown label has no vote.

    Args:
        features: (N, D); standardised as the training images say. After "z-score" and "l2" they are centred, which
            angles depend on (Wang et al. 2019, "SimpleShot"); after "none" angles are from the origin.
        targets: (N, K).
        task: plays no part: the shares of one-hot classes sum to 1.
        parameters: of a trial.
    """
    how = str(parameters["standardise"])
    scaling = None if how == "none" else Scaling(features, how)
    inputs = _rows(features if scaling is None else scaling(features), parameters)
    known, votes = ~np.isnan(targets), np.nan_to_num(targets)

    def probabilities(others: Floats) -> Floats:
        queries = _rows(others if scaling is None else scaling(others), parameters)
        distances = 1 - queries @ inputs.T if parameters["metric"] == "cosine" else _euclidean(queries, inputs)
        near = 1 / np.maximum(distances, SMALLEST)
        k = min(int(parameters["k"]), len(inputs))
        rank = np.argsort(distances, axis=1, kind="stable")[:, :k]
        weights = np.zeros_like(distances)
        chosen = np.take_along_axis(near, rank, 1) if parameters["votes"] == "distance" else np.ones(rank.shape)
        np.put_along_axis(weights, rank, k * chosen / chosen.sum(axis=1, keepdims=True), 1)
        weights += near / near.sum(axis=1, keepdims=True)
        total = weights @ known
        return np.where(total > 0, weights @ votes / np.maximum(total, SMALLEST), 0.5)

    return probabilities


def _rows(features: Floats, parameters: Parameters) -> Floats:
    """Rows of norm 1 where the metric asks for them."""
    if parameters["metric"] != "cosine":
        return features
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), SMALLEST))


def _euclidean(queries: Floats, inputs: Floats) -> Floats:
    squares = (queries**2).sum(1)[:, None] + (inputs**2).sum(1) - 2 * queries @ inputs.T
    return np.asarray(np.sqrt(np.maximum(squares, 0.0)))
