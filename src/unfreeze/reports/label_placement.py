"""Names beside points that cover neither each other nor a point."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from math import cos, hypot, pi, sin
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

_DISTANCES = (10, 20, 32, 46, 62, 80, 100, 124, 150, 180, 220)  # points of 1/72 inch from the marker
_ANGLES = (0, 1, 15, 8, 7, 9, 4, 12, 2, 14, 6, 10, 3, 13, 5, 11)  # sixteenths of a turn; to the right reads best
_MARKER_PIXELS = 12.0


def place_labels(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    labels: Sequence[str],
    colours: Sequence[str],
    *,
    line: Sequence[tuple[float, float]] = (),
) -> list[Annotation]:
    """Write each label at the nearest free place around its point; far ones are tied to it with a thin line.

    Greedy, from left to right; the limits of the axes must be final. If no place is free, a label stands at the
    farthest one inside of the axes.

    Args:
        points: in data coordinates, as is `line`, the corners of a drawn line that labels keep off.
        labels: one for each point; a point whose label is empty is only kept off.
    """
    renderer = _lay_out(axes)
    at = [(float(x), float(y)) for x, y in axes.transData.transform(points)]
    markers = [_around(point, _MARKER_PIXELS) for point in at]
    corners: Any = axes.transData.transform(line) if len(line) else []
    drawn = [_around(dot, 2) for start, end in pairwise(corners) for dot in _dots(start, end)]
    frame = axes.get_window_extent(renderer)
    pixels = axes.figure.dpi / 72
    written: list[Bbox] = []
    placed = []
    named = [i for i in range(len(points)) if labels[i]]
    for index in sorted(named, key=lambda i: (points[i][0], -points[i][1])):
        kept_off = [*markers[:index], *markers[index + 1 :], *drawn, *written]
        last: tuple[tuple[float, float], Bbox, list[Bbox]] | None = None
        for distance, angle in product(_DISTANCES, _ANGLES):
            shift = (distance * cos(pi * angle / 8), distance * sin(pi * angle / 8))
            label = _annotate(axes, labels[index], points[index], shift)
            tie = _tie(at[index], shift, pixels) if distance > _DISTANCES[0] else []
            box = label.get_window_extent(renderer).padded(2)
            # A thin line may cross markers and the drawn line, but no words.
            inside = _inside(box, frame)
            free = inside and not any(box.overlaps(other) for other in kept_off)
            if free and not any(dot.overlaps(words) for dot in tie for words in written):
                break
            label.remove()
            last = (shift, box, tie) if inside or not last else last
        else:
            shift, box, tie = last or (shift, box, tie)
            label = _annotate(axes, labels[index], points[index], shift)
        if tie:
            label.remove()
            label = _annotate(axes, labels[index], points[index], shift, colours[index])
        written += [box, *tie]
        placed.append(label)
    return placed


def _lay_out(axes: Axes) -> Any:
    """Settle where everything lies, and return what measures texts; before that points are measured wrongly."""
    canvas: Any = axes.figure.canvas
    canvas.draw()
    axes.set_xlim(axes.get_xlim())
    axes.set_ylim(axes.get_ylim())
    return canvas.get_renderer()


def _annotate(
    axes: Axes, text: str, point: tuple[float, float], shift: tuple[float, float], tied: str | None = None
) -> Annotation:
    side: Literal["left", "right", "center"] = "left" if shift[0] > 1 else "right" if shift[0] < -1 else "center"
    arrow = {"arrowstyle": "-", "color": tied, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 5} if tied else None
    label = axes.annotate(
        text,
        point,
        xytext=shift,
        textcoords="offset points",
        ha=side,
        va="center",
        multialignment="left",
        fontsize=9,
        linespacing=1.05,
        arrowprops=arrow,
        zorder=5,
    )
    label.set_in_layout(False)  # else the layout would move the axes after the measuring
    return label


def _tie(point: tuple[float, float], shift: tuple[float, float], pixels: float) -> list[Bbox]:
    """What the thin line from a point to its label covers, without its first part over the point's own marker."""
    end = (point[0] + shift[0] * pixels, point[1] + shift[1] * pixels)
    return [_around(dot, 1) for dot in _dots(point, end)[3:-1]]


def _dots(start: Sequence[float], end: Sequence[float]) -> list[tuple[float, float]]:
    """Points on a straight line, about 6 pixels apart."""
    steps = max(1, int(hypot(end[0] - start[0], end[1] - start[1]) / 6))
    return [
        (start[0] + (end[0] - start[0]) * i / steps, start[1] + (end[1] - start[1]) * i / steps)
        for i in range(steps + 1)
    ]


def _around(point: tuple[float, float], half: float) -> Bbox:
    return Bbox.from_extents(point[0] - half, point[1] - half, point[0] + half, point[1] + half)


def _inside(box: Bbox, frame: Bbox) -> bool:
    return bool(box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1)
