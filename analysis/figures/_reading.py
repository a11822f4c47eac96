"""What a page needs to say the values under the pointer: the axes of a figure, and whose marks have which colour."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def with_axes(svg: str, figure: Figure) -> str:
    """The picture, whose first tag says where its axes lie (shares of width and height), their ranges and names."""
    axes = [_panel(of) for of in figure.axes if of.axison and of.name == "rectilinear"]
    if not axes:
        return svg
    text = json.dumps({"axes": axes, "series": _series(figure)}, separators=(",", ":"))
    return svg.replace("<svg ", f'<svg data-axes="{html.escape(text)}" ', 1)


def _panel(axes: Axes) -> dict[str, Any]:
    place = axes.get_position()
    return {
        "at": [round(float(value), 4) for value in (place.x0, place.y0, place.x1, place.y1)],
        "x": _axis(axes, "x"),
        "y": _axis(axes, "y"),
    }


def _axis(axes: Axes, name: str) -> dict[str, Any]:
    axis = axes.xaxis if name == "x" else axes.yaxis
    low, high = axes.get_xlim() if name == "x" else axes.get_ylim()
    described: dict[str, Any] = {"range": [float(f"{low:.6g}"), float(f"{high:.6g}")], "name": axis.get_label_text()}
    if axis.get_scale() == "log":
        described["log"] = True
    places, labels = axis.get_majorticklocs(), [label.get_text() for label in axis.get_majorticklabels()]
    if any(text and not _is_number(text) for text in labels):
        named = zip(places, labels, strict=False)
        described["ticks"] = [[float(place), text] for place, text in named if text]
    return described


def _is_number(text: str) -> bool:
    return text.strip("+-\u2212%").replace(",", "").replace(".", "", 1).isdigit()


def _series(figure: Figure) -> dict[str, str]:
    """Colour -> label of what is drawn in it, where one label alone has it."""
    from matplotlib.colors import to_hex

    labels: dict[str, set[str]] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            colour = getattr(handle, "get_color", lambda: None)()
            if isinstance(colour, str):
                labels.setdefault(to_hex(colour), set()).add(label)
    return {colour: min(of) for colour, of in labels.items() if len(of) == 1}
