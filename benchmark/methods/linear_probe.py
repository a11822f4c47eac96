"""A linear probe: logistic regression on frozen features, with an L2 penalty of searched strength."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from benchmark.methods import Classifier, Dimension, Floats, Parameters
from benchmark.methods._frozen import LAYER, POOLING, STANDARDISE, Scaling, prepare

if TYPE_CHECKING:
    from benchmark.results import Task

__all__ = ["prepare"]

NAME = "linear-probe"
TITLE = "frozen, with logistic regression on its features"
WEIGHTS = True
DIMENSIONS = (
    Dimension("strength", "float", 1e-6, 1.0, log=True, natural_ends=("low", "high")),
    Dimension("views", "choice", choices=(0, 1, 3)),
    LAYER,
    POOLING,
    STANDARDISE,
    Dimension("power", "choice", choices=(1.0, 0.5)),
)
DEFAULTS = {
    "strength": 1e-3,
    "views": 0,
    "layer": "last",
    "pooling": "avg",
    "standardise": "z-score",
    "power": 1.0,
}

MOST_STEPS = 1000


def fit(features: Floats, targets: Floats, task: Task, parameters: Parameters) -> Classifier:
    """Minimise mean cross-entropy + strength / 2 x squared norm of the weights, by scikit-learn's L-BFGS.

    Classes have one softmax; labels one regression each, on the images whose label is known. A label of which the
    training images know one value alone is given its share, moved off 0 and 1 by half an image.

    Both ends of `strength` are natural. At the upper one the weights point along the difference of the classes' means,
    whatever the strength. Below the lower one the solver ends by its tolerance before the penalty plays a part: few
    images in many dimensions are separable, and their margin is as large as it gets.

    Args:
        features: (N, D); raised to the searched power, sign kept, which evens out their skewed distributions (Hu et al.
            2021, "Leveraging the feature distribution in transfer-based few-shot learning"), then standardised, then
            scaled to a mean squared norm of 1, which `strength` refers to.
        targets: (N, K).
        task: "multilabel" takes the columns apart.
        parameters: of a trial.
    """
    power = float(parameters["power"])
    scaling = Scaling(_raised(features, power), str(parameters["standardise"]))
    inputs = scaling(_raised(features, power))
    if task == "multilabel":
        labels = [_of_label(inputs, column, parameters) for column in targets.T]
        return lambda others: np.stack([label(scaling(_raised(others, power))) for label in labels], axis=1)
    classes = targets.shape[1]
    known, model = _regression(inputs, targets.argmax(axis=1), parameters)

    def probabilities(others: Floats) -> Floats:
        scores = np.zeros((len(others), classes))
        scores[:, known] = 1.0 if model is None else model.predict_proba(scaling(_raised(others, power)))
        return scores

    return probabilities


def _raised(features: Floats, power: float) -> Floats:
    return features if power == 1 else np.asarray(np.sign(features) * np.abs(features) ** power)


def _of_label(inputs: Floats, column: Floats, parameters: Parameters) -> Classifier:
    there = ~np.isnan(column)
    known, model = _regression(inputs[there], column[there].astype(int), parameters) if there.any() else ([], None)
    if model is None:
        share = (float(np.nansum(column)) + 0.5) / (int(there.sum()) + 1)
        return lambda others: np.full(len(others), share)
    return lambda others: np.asarray(model.predict_proba(others)[:, list(known).index(1)])


def _regression(inputs: Floats, classes: Floats, parameters: Parameters):  # type: ignore[no-untyped-def]
    """The classes that are there, and a fitted regression; None for it where there is one class alone."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    known = np.unique(classes)
    if len(known) < 2:
        return known, None
    model = LogisticRegression(
        C=1.0 / (float(parameters["strength"]) * len(inputs)),
        solver="lbfgs",
        max_iter=MOST_STEPS,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # weak penalties: what was reached after so many steps
        model.fit(inputs, classes)
    return known, model
