"""Names beside points that cover neither each other nor a point."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import cos, pi, sin

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

_DISTANCES = (10, 20, 32, 46, 62, 80, 100, 124, 150)  # points of 1/72 inch from the marker
_ANGLES = (0, 1, 15, 8, 7, 9, 4, 12, 2, 14, 6, 10, 3, 13, 5, 11)  # sixteenths of a turn; to the right reads best
_MARKER_PIXELS = 12.0


def place_labels(
    axes: Axes, points: Sequence[tuple[float, float]], labels: Sequence[str], colours: Sequence[str]
) -> list[Annotation]:
    """Write each label at the nearest free place around its point (data coordinates); far ones get a thin line.

    Greedy, from left to right; the limits of the axes must be final. If no place is free, the label stands at the
    farthest one tried, inside the axes where it can.
    """
    figure = axes.figure.figure
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # the layout decides where points lie; without it they are measured in the wrong place
    renderer = canvas.get_renderer()
    axes.set_xlim(axes.get_xlim())
    axes.set_ylim(axes.get_ylim())
    at = axes.transData.transform(points)
    half = _MARKER_PIXELS
    taken = [Bbox.from_extents(x - half, y - half, x + half, y + half) for x, y in at]
    frame = axes.get_window_extent(renderer)
    placed: list[Annotation] = []
    for index in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        label = axes.annotate(
            labels[index], points[index], xytext=(0, 0), textcoords="offset points", fontsize=9, zorder=5
        )
        label.set_in_layout(False)  # else the layout would move the axes after the measuring
        others = [box for i, box in enumerate(taken) if i != index]
        for distance, angle in product(_DISTANCES, _ANGLES):
            turn = 2 * pi * angle / 16
            _move(label, distance * cos(turn), distance * sin(turn))
            box = label.get_window_extent(renderer).padded(2)
            if _inside(box, frame) and not any(box.overlaps(other) for other in others):
                break
        if distance > _DISTANCES[0]:
            line = {"arrowstyle": "-", "color": colours[index], "linewidth": 0.7, "shrinkA": 0, "shrinkB": 5}
            x, y = label.xyann
            alignment = {"ha": label.get_horizontalalignment(), "va": "center"}
            label.remove()
            label = axes.annotate(
                labels[index], points[index], xytext=(x, y), textcoords="offset points", fontsize=9, zorder=5,
                arrowprops=line, **alignment,
            )  # fmt: skip
            label.set_in_layout(False)
        taken.append(box)
        placed.append(label)
    return placed


def _move(label: Annotation, x: float, y: float) -> None:
    label.xyann = (x, y)
    label.set_horizontalalignment("left" if x > 1 else "right" if x < -1 else "center")
    label.set_verticalalignment("center")


def _inside(box: Bbox, frame: Bbox) -> bool:
    return bool(box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1)
