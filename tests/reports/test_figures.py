"""Figures: drawn from whatever is there, without overlaps, equal for equal records."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from unfreeze.reports.costs import COSTS
from unfreeze.reports.data_figures import draw_labels
from unfreeze.reports.figure_style import colours, new_figure, style, wrap
from unfreeze.reports.figures import FIGURES, draw_figures, write_figures
from unfreeze.reports.groups import group_runs
from unfreeze.reports.intervals import limits
from unfreeze.reports.label_placement import place_labels
from unfreeze.reports.layers_figure import draw_layers
from unfreeze.reports.quality_figure import draw_quality
from unfreeze.reports.results import Results
from unfreeze.reports.score_figure import draw_scores
from unfreeze.storage.records import RunRecord

FROM_RECORDS = ["scores", "convergence", "training-time", "memory", "parameters", "time", "compute", "cost-split"]


def test_equal_results_give_equal_files(make_records, every_key, tmp_path):
    first, second = (draw_figures(Results(make_records(2, 1), every_key())) for _ in range(2))
    assert first == second
    assert [picture.name for picture in first] == [kind.name for kind in FIGURES]
    write_figures(tmp_path, first)
    assert len(list(tmp_path.glob("*.png"))) == len(list(tmp_path.glob("*.svg"))) == len(FIGURES)
    assert all(b"<dc:date>" not in picture.svg and b"<script" not in picture.svg for picture in first)


@pytest.mark.slow
def test_twelve_strategies(make_records):
    assert [picture.name for picture in draw_figures(Results(make_records(12, 3)))] == FROM_RECORDS


def test_one_run(make_records):
    assert len(draw_figures(Results(make_records(1, 1)))) == len(FROM_RECORDS)


@pytest.mark.parametrize("seconds", [0.02, 45.0, 1691.8])
def test_a_single_value_gets_few_ticks(make_records, caplog, seconds):
    draw_figures(Results(make_records(1, 1, train_seconds=seconds, fit_seconds=seconds)))
    assert caplog.messages == []


def test_runs_without_numbers_give_no_figures():
    bare = RunRecord(strategy="full", seed=0, model_name="m", task="t", status="done")
    assert draw_figures(Results([bare, replace(bare, seed=1, status="failed")])) == []


def test_some_numbers_missing(make_records):
    records = make_records(4, 2)
    records[0] = replace(records[0], status="diverged", validation={}, test={}, best_epoch=None)
    records[2:4] = [
        replace(r, validation={}, test={}, history=[], flops=None, train_seconds=None, fit_seconds=None)
        for r in records[2:4]
    ]
    pictures = draw_figures(Results(records))
    assert len(pictures) == len(FROM_RECORDS)
    assert all(picture.chart is not None for picture in pictures)


def test_without_full_costs_are_absolute(make_records):
    assert {"time", "compute"} <= {picture.name for picture in draw_figures(Results(make_records(4, 1)[1:]))}


def test_names_from_data_are_not_markup(make_records, every_key):
    record = make_records(1, 1)[0]
    keys = every_key(r"$\frac{")
    for entry in (*keys["sweep"][0]["points"], *keys["data_sizes"]):
        entry["strategy"] = r"$\frac{ <b>"
    records = [replace(record, strategy=r"$\frac{", seed=0), replace(record, strategy="名前 <b>&", seed=1)]
    assert len(draw_figures(Results(records, keys))) == len(FIGURES)


def labels_picture(records, counted, scheme=None):
    data = {"label_counts": {"train": counted, "test": counted}, "tag_scheme": scheme}
    [picture] = [one for one in draw_figures(Results(records, {"data": data})) if one.name == "labels"]
    with style():
        [axes] = draw_labels(Results(records, {"data": data})).axes
    return picture, axes


def test_labels_that_are_not_drawn_are_counted(make_records):
    many = {f"l{i:03}": 1000 - i for i in range(57)}
    picture, axes = labels_picture(make_records(1, 1), many)
    assert picture.shows == "How often each label occurs, by split: the 40 most frequent of 57; 17 are not drawn."
    assert axes.get_title("left") == "How often each label occurs: the 40 most frequent of 57"
    assert len(picture.chart.rows) == len(axes.get_yticklabels()) == 40
    picture, axes = labels_picture(make_records(1, 1), dict(list(many.items())[:40]))
    assert picture.shows == "How often each label occurs, by split." and len(picture.chart.rows) == 40


@pytest.mark.parametrize(("scheme", "noun"), [("iob2", "entity type"), ("plain", "tag"), (None, "label")])
def test_labels_are_called_what_they_are(make_records, scheme, noun):
    picture, axes = labels_picture(make_records(1, 1), {"PER": 3, "LOC": 1}, scheme)
    assert picture.shows == f"How often each {noun} occurs, by split."
    assert axes.get_title("left") == f"How often each {noun} occurs"


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
    assert len(boxes) == 12
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


def test_the_layers_figure_marks_the_answer_on_one_score_axis(make_records, every_key):
    with style():
        [(model, figure)] = draw_layers(Results(make_records(4, 1), every_key()))
    trained, probed = figure.axes
    assert model == "distilbert-base-uncased"
    assert trained.get_ylim() == probed.get_ylim()
    rings = [line for line in trained.lines if line.get_markersize() == 17]
    assert [(list(ring.get_xdata()), list(ring.get_ydata())) for ring in rings] == [([3], [0.915])]
    assert {text.get_text() for text in trained.texts} == {"fewest that keep up\nwith full: 3", "full", "head"}
    assert [text.get_text() for text in probed.texts] == ["layer 6: 0.740"]
    # head and freeze:first=6 both train no layer: side by side, not one over the other.
    places = [line.get_xdata()[0] for line in trained.lines if line.get_markersize() == 7]
    assert len(set(places)) == len(places) == 5


def test_a_sweep_without_answer_or_probe_or_full(make_records, every_key):
    keys = every_key()
    [sweep] = keys["sweep"]
    sweep["answer"] = {"strategy": None, "layers_trained": None, "sentence": "Nothing keeps up."}
    sweep["full"] = None
    for point in sweep["points"]:
        point["low"] = point["high"] = None
    with style():
        [(_, figure)] = draw_layers(Results(make_records(4, 1), {"sweep": [sweep]}))
    assert len(figure.axes) == 1
    assert "one seed" in figure.axes[0].get_title(loc="left")
    assert not [line for line in figure.axes[0].lines if line.get_markersize() == 17]


def test_each_model_has_its_layers_figure(make_records, every_key):
    keys = every_key("org/a")
    keys["sweep"] += every_key("org a")["sweep"]
    results = Results(make_records(1, 1, model_name="org/a"), {"sweep": keys["sweep"]})
    names = {picture.name: picture.of for picture in draw_figures(results) if picture.key == "sweep"}
    assert names == {"layers-org-a": "org/a", "layers-org-a-2": "org a"}


def test_a_missing_cost_leaves_the_line_out(make_records):
    records = make_records(4, 1)
    cost = next(one for one in COSTS if one.name == "peak_memory_bytes")
    for count, known in ((4, records), (3, [replace(records[0], peak_memory_bytes=None), *records[1:]])):
        with style():
            axes = draw_quality(group_runs(known), "macro_f1", cost).axes[0]
        assert len(axes.texts) == count
        assert ("dashed" in axes.get_title(loc="left")) == (count == 4)


def test_of_very_many_strategies_only_the_unbeaten_are_named(make_records):
    records = [
        replace(
            record, strategy=f"s{i}", fit_seconds=10.0 + i, validation={"macro_f1": 0.5 + (0.1 if i < 2 else 0) * i}
        )
        for i, record in enumerate(make_records(1, 1) * 30)
    ]
    with style():
        axes = draw_quality(group_runs(records), "macro_f1", COSTS[0]).axes[0]
    assert {text.get_text() for text in axes.texts} == {"s0", "s1"}


@pytest.mark.parametrize(("score", "drawn"), [(0.83, True), (0.01, False)])
def test_a_baseline_is_drawn_where_it_does_not_press_the_scores_together(make_records, score, drawn):
    baseline = {"split": "test", "metric": "macro_f1", "label": "joy", "score": score}
    with style():
        validation, test = draw_scores(group_runs(make_records(4, 2)), "macro_f1", baseline).axes
    assert ("dotted" in test.get_xlabel()) == drawn
    assert "dotted" not in validation.get_xlabel()


def test_limits_hold_all_points_but_cut_long_intervals():
    low, high = limits([0.8, 0.9], [0.85, 0.95, 0.0, 1.7])
    assert 0.7 < low < 0.8
    assert 0.9 < high < 1.0
