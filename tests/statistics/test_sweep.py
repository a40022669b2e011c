"""The fewest trained layers that keep up."""

from __future__ import annotations

import pytest

from unfreeze.statistics.sweep import fewest_layers

POINTS = [("head", 0), ("last:1", 1), ("last:2", 2), ("last:4", 4), ("full", 6)]


def entry(b, verdict, difference, a="full"):
    return {"a": a, "b": b, "split": "validation", "verdict": verdict, "difference": difference}


WORSE = [entry("head", "better", 0.3), entry("last:1", "better", 0.1)]


def test_the_fewest_that_tie():
    found = fewest_layers(POINTS, [*WORSE, entry("last:2", "tie", 0.002), entry("last:4", "tie", 0.001)])
    assert (found.strategy, found.layers_trained) == ("last:2", 2)
    assert "2 of 6 trained layers" in found.sentence
    assert "tie with full" in found.sentence
    assert "But" not in found.sentence


def test_within_the_margin_and_unknown_keeps_up_and_says_so():
    entries = [*WORSE, entry("last:2", "not enough data", 0.008)]
    found = fewest_layers(POINTS, entries)
    assert found.strategy == "last:2"
    assert "cannot tell" in found.sentence
    assert fewest_layers(POINTS, entries, margin=0.005).strategy is None


def test_shown_to_be_worse_is_out_even_within_the_margin():
    assert fewest_layers(POINTS, [*WORSE, entry("last:2", "better", 0.008)]).strategy is None


def test_the_order_within_an_entry_does_not_matter():
    turned = [entry("full", "worse", -0.3, a="head"), entry("full", "tie", -0.002, a="last:2")]
    found = fewest_layers(POINTS, turned)
    assert found.strategy == "last:2"


def test_more_than_full_keeps_up():
    found = fewest_layers(POINTS, [*WORSE, entry("last:2", "worse", -0.03)])
    assert "0.0300 more than full, and that is beyond chance" in found.sentence
    found = fewest_layers(POINTS, [*WORSE, entry("last:2", "not enough data", -0.03)])
    assert "cannot tell them apart" in found.sentence


def test_a_curve_that_is_not_smooth_is_said():
    found = fewest_layers(POINTS, [*WORSE, entry("last:2", "tie", 0.001), entry("last:4", "better", 0.02)])
    assert found.strategy == "last:2"
    assert "But last:4 trained more layers and did not keep up" in found.sentence


def test_nothing_compared():
    assert fewest_layers(POINTS, []).sentence == "Nothing was compared with full on validation."
    assert fewest_layers(POINTS, [entry("last:2", "tie", 0.0) | {"split": "test"}]).strategy is None


def test_full_must_be_a_point():
    with pytest.raises(ValueError, match="full: 'all' is not among the points head"):
        fewest_layers(POINTS, [], full="all")
