"""The most confident errors of every arm as images."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from analysis.figures import _drawing
from analysis.study.errors import SHOWN, Error
from analysis.study.study import Study

NAME = "errors"
ORDER = 87
TITLE = "Most confident errors"
CAPTION = (
    "Of every arm (a row) the images whose wrong class has the largest mean probability over seeds and refits, at most "
    "one a patient, at the largest n of every data set: what it is, what it is taken for and how surely, and the name "
    "under which the table 'errors' has it. Some may be labelled wrongly. Before you pass this page on: the pictures "
    "are under the licence of their data set."
)

MOST_ROWS = 18
SIDE, TEXT = 1.3, 0.5  # inches: a picture, and what is written under it


def draw(study: Study) -> Figure | None:
    """A row an arm; None where the run's folder has no pictures."""
    pictures = {} if study.run is None else study.run.pictures
    largest = {member.block.dataset: member.block.n_per_class for member in study.blocks}
    rows: dict[tuple[str, str], list[Error]] = {}
    for error in (error for of_block in study.errors for error in of_block):
        if error.n_per_class == largest[error.dataset] and (error.dataset, error.sample_id) in pictures:
            rows.setdefault((error.dataset, error.arm), []).append(error)
    shown = list(rows.items())[:MOST_ROWS]
    if not shown:
        return None
    images = {
        (error.dataset, error.sample_id): _decoded(pictures[error.dataset, error.sample_id])
        for _, errors in shown
        for error in errors
    }
    tallest = max(image.shape[0] / image.shape[1] for image in images.values())
    figure = Figure(figsize=(SIDE * SHOWN, (SIDE * tallest + TEXT) * len(shown)), layout="constrained")
    several = len(largest) > 1
    for row, ((dataset, arm), errors) in enumerate(shown):
        for column, error in enumerate(errors):
            axes = figure.add_subplot(len(shown), SHOWN, row * SHOWN + column + 1)
            axes.imshow(images[error.dataset, error.sample_id], cmap="gray", vmin=0, vmax=255, interpolation="none")
            axes.set_xticks([])
            axes.set_yticks([])
            for spine in axes.spines.values():
                spine.set_visible(False)
            text = f"{error.truth}\n→ {error.given} {error.probability:.2f}\n{error.image}"
            axes.set_xlabel(text, fontsize=6.5, linespacing=1.2)
            if column == 0:
                axes.set_ylabel(f"{dataset}\n{arm}" if several else arm, fontsize=8, color=_drawing.INK)
    return figure


def _decoded(jpeg: bytes) -> npt.NDArray[np.uint8]:
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as picture:
        return np.asarray(picture)
