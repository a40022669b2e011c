"""The numbers and words that the page's script draws, without a browser."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from unfreeze.reports.chart import Axis, Chart, Point, Series, axis, cost_axis, log_axis, seconds_axis, whole_axis
from unfreeze.reports.costs import COSTS
from unfreeze.reports.data_figures import draw_lengths
from unfreeze.reports.figures import draw_figures
from unfreeze.reports.histories import MOST, thinned
from unfreeze.reports.plane_charts import convergence_chart, layers_chart, lengths_chart, quality_chart
from unfreeze.reports.results import Results
from unfreeze.reports.row_charts import compute_chart, cost_split_chart, labels_chart, scores_chart, time_chart
from unfreeze.storage.records import RunRecord


@pytest.fixture
def results(make_records, every_key):
    return Results(make_records(4, 3), every_key())


def ticks(found: Axis) -> list[str]:
    return [text for _, text in found.ticks]


def test_ticks_are_round_and_inside():
    assert ticks(axis("score", 0.83, 0.93)) == ["0.84", "0.86", "0.88", "0.90", "0.92"]
    assert ticks(axis("score", 0.5, 0.5)) != []
    assert ticks(whole_axis("layers", 0, 6)) == ["0", "1", "2", "3", "4", "5", "6"]
    assert ticks(whole_axis("layers", 0, 48)) == [str(one) for one in range(0, 49, 4)]
    assert ticks(seconds_axis("time", 400)) == ["0", "2 min", "4 min", "6 min"]
    assert ticks(log_axis("parameters", [2e3, 5e7], lambda value: f"{value:g}")) == [
        "10000",
        "100000",
        "1e+06",
        "1e+07",
    ]


@pytest.mark.parametrize("cost", COSTS, ids=lambda cost: cost.name)
@pytest.mark.parametrize("values", [[3.0], [3.0, 4.0], [0.2, 9e8], [66955010.0, 592130.0]])
def test_every_cost_has_a_scale_around_its_values(cost, values):
    found = cost_axis(cost, values)
    assert found.low < min(values) <= max(values) < found.high
    assert found.ticks
    assert all(found.low <= place <= found.high for place, _ in found.ticks)


def test_json_holds_nothing_that_acts_unseen():
    evil = "</script>\x1b\u202e\ud800\u2028\"'"
    chart = Chart(axis(evil, 0, 1), [Series([Point(0.5, 0, evil, name=evil)], evil, evil)], rows=[evil])
    text = chart.as_json()
    assert text.isascii()
    read = json.loads(text)
    assert read["rows"] == ["</script>\\x1b\\u202e\\ud800\\u2028\"'"]
    assert read["series"][0]["points"][0][2] == read["rows"][0]


def test_numbers_that_are_none_are_refused_by_no_reader():
    """JSON of browsers knows no NaN."""
    with pytest.raises(ValueError, match="JSON"):
        Chart(axis("x", 0, 1), [Series([Point(float("nan"), 0, "")])]).as_json()


def test_scores_have_seeds_mean_and_interval(results):
    chart = scores_chart(results)
    assert chart is not None
    assert chart.rows == [group.label for group in results.groups]
    seeds, mean = chart.series[:2]
    assert [point.x for point in seeds.points] == results.groups[0].scores("test", "macro_f1")
    [point] = mean.points
    assert point.low < point.x < point.high
    assert point.text.startswith("full: 0.9")
    assert mean.strategy == seeds.strategy == "full"


def test_convergence_has_a_line_for_each_seed_and_says_what_was_selected(results):
    chart = convergence_chart(results)
    assert chart is not None
    assert len(chart.series) == 24  # with the point that was selected for each
    assert [point.text.endswith("selected") for point in chart.series[1].points] == [True] and not chart.series[1].small
    assert chart.x.log  # 30 epochs beside 3
    assert [point.text.endswith("selected") for point in chart.series[0].points] == [False, False, True]


def test_convergence_tells_the_training_loss_beside_the_score(results):
    first, second, *_ = convergence_chart(results).series[0].points
    assert first.text.splitlines()[1:] == [f"epoch 1: {first.y:.4f}", "training loss 0.75"]
    assert "training loss 0.375" in second.text
    bare = [replace(one, history=[entry | {"train_loss": None} for entry in one.history]) for one in results.records]
    chart = convergence_chart(replace(results, records=bare))
    assert all("training loss" not in point.text for one in chart.series for point in one.points)


def test_layers_show_sweep_probe_and_margin(results):
    chart = layers_chart(results, "distilbert-base-uncased")
    assert chart is not None
    swept, head, answer, probe = chart.series
    # What trains equally many layers stands side by side, as in the static figure.
    assert [point.x for point in (*head.points, *swept.points)] == [-0.12, 0.12, 3, 5, 6]
    assert head.strategy == "head"
    assert answer.ring and answer.name == "fewest layers that keep up with full: 3"
    assert len(probe.points) == 7
    assert chart.band == pytest.approx((0.911, 0.931))
    assert layers_chart(results, "another") is None


def test_the_dashed_line_needs_every_cost(results):
    assert quality_chart(results, COSTS[0]).series[0].line == "dashed"
    records = [replace(results.records[0], fit_seconds=None, train_seconds=None)] * 3 + results.records[3:]
    chart = quality_chart(replace(results, records=records), COSTS[0])
    assert all(not one.line for one in chart.series)
    assert len(chart.series) == 3


def test_bars_of_the_split_stand_end_to_end(results):
    chart = cost_split_chart(results)
    assert [one.name for one in chart.series] == ["training", "evaluation", "caching", "testing"]
    training, evaluation, caching, testing = chart.series
    assert [one.start for one in evaluation.points] == [one.x for one in training.points]
    assert len(caching.points) == 1 and len(testing.points) == 4
    assert time_chart(results).series[0].points[0].name == "7 min 7 s (100 %)"
    bars = {one.strategy: one.points[0] for one in compute_chart(results).series}
    assert bars["full"].name.endswith(" (100 %)")
    shares = {name: f"({bar.x / bars['full'].x:.0%})".replace("%", " %") for name, bar in bars.items()}
    assert all(bar.name.endswith(shares[name]) for name, bar in bars.items()) and len(set(shares.values())) > 1


def test_data_are_shown_as_shares(results):
    lengths, labels = lengths_chart(results), labels_chart(results)
    assert sum(point.y for point in lengths.series[0].points) > 75
    assert list(labels.rows)[:2] == ["joy", "sadness"]
    assert labels.series[0].points[0].text == "joy, train: 5,280, 33 %"


@pytest.mark.parametrize(
    ("in_windows", "said"),
    [(False, "cut at 80"), (True, "at most 80 at once"), (None, "at most 80 at once")],
    ids=["cut", "windows", "an older comparison"],
)
def test_what_is_read_in_windows_is_not_called_cut(results, in_windows, said):
    lengths = results.comparison["data"]["lengths"]
    lengths["in_windows"] = in_windows
    assert lengths_chart(results).guides == [("x", 80.0, said)]
    [axes] = draw_lengths(results).axes
    assert [text.get_text().strip() for text in axes.texts] == [said]


def test_of_many_evaluations_some_are_drawn(results):
    run = results.records[0]
    many = [run.history[0] | {"epoch": i / 100, "validation": {"macro_f1": i / 500}} for i in range(1, 401)]
    long = replace(run, history=many, best_epoch=3.33)
    found = [one["epoch"] for one in thinned(long, "macro_f1")]
    assert len(found) <= MOST + 1 and {0.01, 3.33, 4.0} <= set(found) and found == sorted(found)
    assert thinned(run, "macro_f1") == run.history


@pytest.mark.parametrize("values", [(1.40e9, 1.55e9), (1.401e9, 1.402e9)])
def test_no_two_ticks_say_the_same(values):
    for cost in COSTS:
        found = ticks(cost_axis(cost, values))
        assert len(set(found)) == len(found), cost
    seconds = ticks(cost_axis(COSTS[0], (12.1, 12.6)))
    assert len(set(seconds)) == len(seconds) >= 2
    assert len(ticks(cost_axis(COSTS[0], (0.31, 0.33)))) >= 2


def test_a_line_goes_with_each_of_what_it_joins(results):
    line = quality_chart(results, COSTS[0]).series[0]
    assert len(line.joins) == len(line.points) > 1


def test_models_that_cannot_be_compared_share_no_figure(results):
    apart = replace(results, comparison=results.comparison | {"pareto": None})
    names = [one.name for one in draw_figures(apart)]
    assert "scores" in names and not {cost.figure for cost in COSTS} & set(names)


def test_without_numbers_there_is_no_chart():
    bare = Results([RunRecord(strategy="full", seed=0, model_name="m", task="t", status="done")])
    for make in (
        scores_chart,
        convergence_chart,
        time_chart,
        compute_chart,
        cost_split_chart,
        labels_chart,
        lengths_chart,
    ):
        assert make(bare) is None
    assert quality_chart(bare, COSTS[0]) is None
