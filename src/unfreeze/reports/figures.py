"""The figures of a report, from records and `comparison.json` only. To add one, write its file and its line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from unfreeze.reports.blocks import Image
from unfreeze.reports.chart import Chart
from unfreeze.reports.convergence_figure import draw_convergence
from unfreeze.reports.cost_figure import draw_compute, draw_time
from unfreeze.reports.cost_split_figure import draw_cost_split
from unfreeze.reports.costs import COSTS
from unfreeze.reports.data_figures import draw_labels, draw_lengths, labels_in_words
from unfreeze.reports.data_sizes_figure import draw_data_sizes
from unfreeze.reports.figure_style import render, style
from unfreeze.reports.groups import Group
from unfreeze.reports.layers_figure import draw_layers
from unfreeze.reports.plane_charts import (
    convergence_chart,
    data_sizes_chart,
    layers_chart,
    lengths_chart,
    quality_chart,
)
from unfreeze.reports.quality_figure import draw_quality
from unfreeze.reports.results import Results
from unfreeze.reports.row_charts import compute_chart, cost_split_chart, labels_chart, scores_chart, time_chart
from unfreeze.reports.score_figure import draw_scores
from unfreeze.storage.atomic import write_bytes
from unfreeze.storage.folders import slug

Drawn = Sequence[tuple[str, Figure]]  # what each figure is of (a model, where there is one for each), and the figure


@dataclass(frozen=True)
class FigureKind:
    """A figure's file name, what it shows in words, and what draws it: nothing, one figure, or one for each model.

    `key` is the one of `comparison.json` whose section holds the figure, or a name of that section.
    `chart` makes the same as an interactive figure, of the model that the figure is of.
    """

    name: str
    shows: str | Callable[[Results], str]
    draw: Callable[[Results], Drawn]
    chart: Callable[[Results, str], Chart | None]
    key: str = ""


@dataclass(frozen=True)
class Picture:
    """A drawn figure."""

    name: str
    shows: str
    svg: bytes
    png: bytes
    key: str = ""
    of: str = ""
    chart: Chart | None = None

    def image(self, more: str = "") -> Image:
        """As a block of a section; `more` is said after what the figure shows."""
        return Image(self.svg, self.shows + more, self.name, self.chart)


def _one(figure: Figure | None) -> Drawn:
    return [] if figure is None else [("", figure)]


def _of_groups(draw: Callable[[Sequence[Group], str], Figure | None]) -> Callable[[Results], Drawn]:
    return lambda results: _one(draw(results.groups, results.metric))


def _of_comparable(draw: Callable[[Sequence[Group], str], Figure | None]) -> Callable[[Results], Drawn]:
    """Nothing where scores cannot be held against each other."""
    return lambda results: _one(draw(results.groups, results.metric)) if results.are_comparable else []


def _whole(chart: Callable[[Results], Chart | None]) -> Callable[[Results, str], Chart | None]:
    return lambda results, of: chart(results)


FIGURES = (
    FigureKind(
        "layers",
        "Validation score by number of trained layers with intervals over seeds, and a linear probe of every layer.",
        draw_layers,
        layers_chart,
        "sweep",
    ),
    FigureKind(
        "scores",
        "Score by strategy: each seed, the mean and its 95 % interval.",
        lambda results: _one(draw_scores(results.groups, results.metric, results.comparison.get("baseline"))),
        _whole(scores_chart),
        "leaderboard",
    ),
    FigureKind(
        "convergence",
        "Validation score by epoch for each strategy, a line for each seed.",
        _of_groups(draw_convergence),
        _whole(convergence_chart),
        "convergence",
    ),
    *(
        FigureKind(
            cost.figure,
            f"Mean validation score against {cost.words}.",
            _of_comparable(partial(draw_quality, cost=cost)),
            _whole(partial(quality_chart, cost=cost)),
            "pareto",
        )
        for cost in COSTS
    ),
    FigureKind("time", "Training time of each strategy.", _of_groups(draw_time), _whole(time_chart), "costs"),
    FigureKind(
        "compute", "Training compute of each strategy.", _of_groups(draw_compute), _whole(compute_chart), "costs"
    ),
    FigureKind(
        "cost-split",
        "Seconds of training, evaluation, caching, testing and saving of each strategy.",
        lambda results: _one(draw_cost_split(results.groups)),
        _whole(cost_split_chart),
        "costs",
    ),
    FigureKind(
        "data-sizes",
        "Validation score by number of training examples, one panel for each strategy.",
        lambda results: _one(draw_data_sizes(results)),
        _whole(data_sizes_chart),
        "data_sizes",
    ),
    FigureKind(
        "lengths",
        "Lengths of the examples in tokens, by split.",
        lambda results: _one(draw_lengths(results)),
        _whole(lengths_chart),
        "data",
    ),
    FigureKind(
        "labels",
        lambda results: labels_in_words(results.comparison.get("data") or {}),
        lambda results: _one(draw_labels(results)),
        _whole(labels_chart),
        "data",
    ),
)


def draw_figures(results: Results, kinds: Sequence[FigureKind] = FIGURES) -> list[Picture]:
    """All figures for which the results hold numbers. Equal results give equal bytes."""
    pictures: list[Picture] = []
    for kind in kinds:
        with style():
            drawn = kind.draw(results)
            for name, (of, figure) in zip(_file_names(kind.name, [of for of, _ in drawn]), drawn, strict=True):
                said = kind.shows if isinstance(kind.shows, str) else kind.shows(results)
                shows = f"{of}: {said}" if len(drawn) > 1 else said
                pictures.append(Picture(name, shows, *render(figure), kind.key, of, kind.chart(results, of)))
    return pictures


def write_figures(folder: Path, pictures: Sequence[Picture]) -> None:
    """Write `<name>.svg` and `<name>.png` of each."""
    for picture in pictures:
        write_bytes(folder / f"{picture.name}.svg", picture.svg)
        write_bytes(folder / f"{picture.name}.png", picture.png)


def _file_names(name: str, models: Sequence[str]) -> list[str]:
    """One for each model; the first keeps the plain name where it is the only one.

    >>> _file_names("layers", ["org/a"]), _file_names("layers", ["org/a", "org a"])
    (['layers'], ['layers-org-a', 'layers-org-a-2'])
    """
    if len(models) < 2:
        return [name] * len(models)
    names: list[str] = []
    for model in models:
        plain = f"{name}-{slug(model)}"
        names.append(f"{plain}-{len(names) + 1}" if plain in names else plain)
    return names
