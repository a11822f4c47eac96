"""The figures of a report, one file each: a new file here is a new figure, in the report's folder and on its page.

A file says what its figure is called, where it stands and how it is read, and draws it from a study:

    NAME = "forest"                      # figures/forest.png and .svg
    ORDER = 10                           # place among the figures
    TITLE = "Differences between arms"
    CAPTION = "How it is read."
    CAPTION_MODELS = "..."               # instead, where the trained models are held fixed; may be left out

    def draw(study):                     # or None where the study has nothing for it
        figure, axes = _drawing.panels(1)
        ...
        return figure
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmark.discovery import Constant, Function, Kind, file_name_problem

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

    from analysis.study.study import Study


class Figure(Protocol):
    """A figure's file, as `MODULES` finds it."""

    NAME: str
    ORDER: int
    TITLE: str
    CAPTION: str

    def draw(self, study: Study, /) -> Drawing | None:
        """The figure; None where the study has nothing for it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as it was drawn.

    Attributes:
        name: of its files.
        title, caption: what it shows, and how it is read.
        svg: the picture as SVG text.
    """

    name: str
    title: str
    caption: str
    svg: str


MODULES: Kind[Figure] = Kind(
    "figure",
    __name__,
    constants={
        "NAME": Constant((str,), 'NAME = "forest"'),
        "ORDER": Constant((int,), "ORDER = 10  # place among the figures"),
        "TITLE": Constant((str,), 'TITLE = "Differences between arms"'),
        "CAPTION": Constant((str,), 'CAPTION = "How it is read."'),
        "CAPTION_MODELS": Constant((str,), 'CAPTION_MODELS = "How it is read."', needed=False),
    },
    functions={"draw": Function(("study",), "def draw(study: Study) -> Figure | None: ...")},
    check=file_name_problem,
)


def draw_all(study: Study, folder: Path, *, paper: bool = False) -> list[Picture]:
    """Draw every figure that the study has something for, and write it to a folder as PNG and SVG.

    Args:
        study: what is drawn.
        folder: of the figures.
        paper: write each to ``paper/`` too, at a journal's width.
    """
    from analysis.figures import _drawing
    from analysis.study.about import caption_of, models_fixed

    fixed = models_fixed(study)
    pictures = []
    with _drawing.style():
        for module in MODULES.all():
            figure = module.draw(study)
            if figure is not None:
                if paper:
                    _drawing.save_for_paper(figure, folder / "paper", module.NAME)
                svg = _drawing.save(figure, folder, module.NAME)
                pictures.append(Picture(module.NAME, module.TITLE, caption_of(module, fixed), svg))
    return pictures
