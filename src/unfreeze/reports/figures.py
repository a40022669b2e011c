"""The figures of a report, from records only. To add one, write its file and its line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from unfreeze.reports.convergence_figure import draw_convergence
from unfreeze.reports.cost_figure import draw_costs
from unfreeze.reports.figure_style import render, style
from unfreeze.reports.groups import Group, group_runs, selection_metric
from unfreeze.reports.parameters_figure import draw_parameters
from unfreeze.reports.score_figure import draw_scores
from unfreeze.storage.atomic import write_bytes
from unfreeze.storage.records import RunRecord


@dataclass(frozen=True)
class FigureKind:
    """A figure's file name, what it shows in words, and the function that draws it (None: nothing to draw)."""

    name: str
    shows: str
    draw: Callable[[Sequence[Group], str], Figure | None]


FIGURES = (
    FigureKind("scores", "Score by strategy: each seed, the mean and its 95 % interval.", draw_scores),
    FigureKind("convergence", "Validation score by epoch, one panel for each strategy.", draw_convergence),
    FigureKind("parameters", "Mean validation score against trainable parameters.", draw_parameters),
    FigureKind("costs", "Training time and compute of each strategy.", draw_costs),
)


@dataclass(frozen=True)
class Picture:
    """A drawn figure."""

    name: str
    shows: str
    svg: bytes
    png: bytes


def draw_figures(records: Sequence[RunRecord]) -> list[Picture]:
    """All figures for which the records hold numbers. Equal records give equal bytes."""
    groups, metric = group_runs(records), selection_metric(records) or ""
    pictures = []
    for kind in FIGURES:
        with style():
            figure = kind.draw(groups, metric)
            if figure is not None:
                pictures.append(Picture(kind.name, kind.shows, *render(figure)))
    return pictures


def write_figures(folder: Path, pictures: Sequence[Picture]) -> None:
    """Write `<name>.svg` and `<name>.png` of each."""
    for picture in pictures:
        write_bytes(folder / f"{picture.name}.svg", picture.svg)
        write_bytes(folder / f"{picture.name}.png", picture.png)
