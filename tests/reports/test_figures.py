"""Figures: drawn from whatever is there, without overlaps, equal for equal records."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from unfreeze.reports.figure_style import colours, new_figure, style, wrap
from unfreeze.reports.figures import FIGURES, draw_figures, write_figures
from unfreeze.reports.groups import group_runs
from unfreeze.reports.label_placement import place_labels
from unfreeze.storage.records import RunRecord


def test_equal_records_give_equal_files(make_records, tmp_path):
    first, second = (draw_figures(make_records(2, 1)) for _ in range(2))
    assert first == second
    write_figures(tmp_path, first)
    assert len(list(tmp_path.glob("*.png"))) == len(list(tmp_path.glob("*.svg"))) == 4
    assert all(b"<dc:date>" not in picture.svg and b"<script" not in picture.svg for picture in first)


def test_twelve_strategies(make_records):
    assert [picture.name for picture in draw_figures(make_records(12, 3))] == [kind.name for kind in FIGURES]


def test_one_run(make_records):
    assert len(draw_figures(make_records(1, 1))) == 4


def test_runs_without_numbers_give_no_figures():
    bare = RunRecord(strategy="full", seed=0, model_name="m", task="t", status="done")
    assert draw_figures([bare, replace(bare, seed=1, status="failed")]) == []


def test_some_numbers_missing(make_records):
    records = make_records(4, 2)
    records[0] = replace(records[0], status="diverged", validation={}, test={}, best_epoch=None)
    records[2:4] = [
        replace(r, validation={}, test={}, history=[], flops=None, train_seconds=None) for r in records[2:4]
    ]
    assert len(draw_figures(records)) == 4


def test_without_full_costs_are_absolute(make_records):
    assert "costs" in [picture.name for picture in draw_figures(make_records(4, 1)[1:])]


def test_names_from_data_are_not_markup(make_records):
    record = make_records(1, 1)[0]
    draw_figures([replace(record, strategy=r"$\frac{", seed=0), replace(record, strategy="名前 <b>&", seed=1)])


def test_a_strategy_keeps_its_colour(make_records):
    groups = group_runs(make_records(12, 1))
    assert colours(groups) == colours(groups[::-1])
    assert len(set(colours(groups).values())) == 12


@pytest.mark.parametrize("seed", range(3))
def test_labels_cover_neither_each_other_nor_a_point(seed):
    generator = np.random.default_rng(seed)
    points = [(float(x), float(y)) for x, y in generator.random((12, 2)) ** 2]
    with style():
        axes = new_figure(9, 5).subplots()
        axes.plot(*zip(*points, strict=True), "o")
        labels = place_labels(axes, points, [f"strategy:number={i}" for i in range(12)], ["black"] * 12)
        renderer = axes.figure.canvas.get_renderer()
        # Not get_window_extent of the annotation: that one includes the line that ties it to its point.
        boxes = [label._get_layout(renderer)[0].translated(*_anchor(label, renderer)) for label in labels]
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    dots = axes.transData.transform(points)
    assert not any(box.contains(*dot) for box in boxes for dot in dots)


def _anchor(label, renderer):
    label.update_positions(renderer)
    return label.get_transform().transform(label.get_unitless_position())


@pytest.mark.parametrize("label", ["full", "x" * 200, "a+b,c:d" * 20, "lora:r=8 · bert"])
def test_wrapped_labels_are_short(label):
    lines = wrap(label, 28).split("\n")
    assert len(lines) <= 3
    assert all(len(line) <= 29 for line in lines)
