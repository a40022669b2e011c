"""How all figures look, and how they become the same files on every machine and day."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from unfreeze.reports.groups import Group
from unfreeze.storage.foreign_text import visible

# Okabe & Ito 2008: told apart with every common colour blindness. Yellow is left out, it is too pale on white.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK = "#222222"
QUIET = "#8A8A8A"
FAINT = "#D5D5D5"
DOTS_PER_INCH = 150

_STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so figures are equal everywhere
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.color": QUIET,
    "ytick.labelcolor": INK,
    "grid.color": "#E6E6E6",
    "text.color": INK,
    "text.parse_math": False,  # names come from data: a dollar sign is a dollar sign
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "unfreeze",  # else ids are random
    "svg.fonttype": "path",  # letters as outlines: no font is needed to read the file
}


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib's own defaults plus ours, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        # Names in scripts that the font lacks are drawn as boxes; that is no reason to fail.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_figure(width: float, height: float) -> Figure:
    """A figure of its own, in inches, without pyplot's global state."""
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    return figure


def new_panels(count: int) -> tuple[Figure, list[Axes], int]:
    """A figure of `count` small panels with the same axes; returns it, the panels and how many stand side by side."""
    across = min(count, 2 if count == 4 else 3 if count <= 9 else 4)
    down = ceil(count / across)
    figure = new_figure(9, 1.1 + 2.0 * down)
    panels: list[Axes] = list(figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel())
    for axes in panels[count:]:
        axes.remove()
    for index in range(max(0, count - across), count):
        panels[index].xaxis.set_tick_params(labelbottom=True)
    return figure, panels[:count], across


def render(figure: Figure) -> tuple[bytes, bytes]:
    """The contents of an SVG and a PNG file, without date and version."""
    svg = _render(figure, "svg", {"Date": None, "Creator": None})
    figure.set_layout_engine("none")  # all is in its place now; to compute it anew would double the time
    return svg, _render(figure, "png", {"Software": None})


def _render(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
    return stream.getvalue()


def colours(groups: Sequence[Group]) -> dict[str, tuple[str, str]]:
    """Group label to colour and marker, the same in every figure of a report.

    Sorted by name, not by score, so that a strategy keeps its colour when others overtake it.
    """
    labels = sorted(group.label for group in groups)
    # Beyond seven the colours come round with another marker.
    return {
        label: (PALETTE[i % len(PALETTE)], MARKERS[(i + i // len(PALETTE)) % len(MARKERS)])
        for i, label in enumerate(labels)
    }


def wrap(label: str, width: int = 28) -> str:
    """A label on up to three lines, broken behind a sign where there is one; of a longer one the middle is left out.

    >>> print(wrap("lora:r=16,target_modules=query+key+value+dense", 24))
    lora:r=16,
    target_modules=query+
    key+value+dense
    """
    lines = [""]
    for piece in re.findall(r"[^,+: ]*[,+: ]|[^,+: ]+", " ".join(visible(label).split())):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append("")
        lines[-1] += piece
        while len(lines[-1]) > width + 1:
            lines[-1:] = [lines[-1][:width], lines[-1][width:]]
    if len(lines) > 3:
        lines = [lines[0], lines[1][: width - 1] + "…", lines[-1]]
    return "\n".join(line.strip() for line in lines)


def label_rows(axes: Axes, labels: Sequence[str]) -> None:
    """One horizontal line of the figure for each label, the first on top."""
    axes.set_yticks(range(len(labels)), [wrap(label) for label in labels], fontsize=9, linespacing=1.05)
    axes.set_ylim(len(labels) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
