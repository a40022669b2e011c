"""What the data are like: how long the examples are and how often each label occurs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from unfreeze.reports.data_words import label_noun, last_bin_in_words, limit_in_words
from unfreeze.reports.figure_style import INK, MARKERS, PALETTE, QUIET, label_rows, new_figure
from unfreeze.reports.results import Results
from unfreeze.storage.foreign_text import visible

MOST_LABELS = 40  # the most frequent


def draw_lengths(results: Results) -> Figure | None:
    """Lengths in tokens, or in their `unit`, as shares of each split; None where `comparison.json` holds none."""
    lengths = (results.comparison.get("data") or {}).get("lengths") or {}
    edges, splits = list(lengths.get("edges") or ()), lengths.get("splits") or {}
    if len(edges) < 2 or not splits:
        return None
    figure = new_figure(9, 3.4)
    axes = figure.subplots()
    for number, (name, one) in enumerate(splits.items()):
        total = sum(one["counts"]) or 1
        shares = [100 * count / total for count in one["counts"]]
        axes.stairs(shares, edges, color=PALETTE[number % len(PALETTE)], linewidth=1.8, label=_in_legend(name))
    longest = lengths.get("max_length")
    if longest and longest <= 1.1 * edges[-1]:
        axes.axvline(longest, color=QUIET, linestyle=":", linewidth=1.2)
        said = f" {limit_in_words(lengths)}"
        axes.annotate(said, (longest, 1), xycoords=("data", "axes fraction"), fontsize=9, color=INK)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y")
    unit = lengths.get("unit")
    axes.set_xlabel((str(unit) if unit else "tokens, as the network reads them") + last_bin_in_words(lengths))
    axes.set_ylabel("% of the split")
    axes.set_title("Lengths of the examples")
    axes.legend(frameon=False, fontsize=9)
    return figure


def draw_labels(results: Results) -> Figure | None:
    """How often each label occurs as shares of each split, the most frequent first."""
    data = results.comparison.get("data") or {}
    counted = data.get("label_counts") or {}
    labels = frequent_labels(counted)
    if not labels:
        return None
    figure = new_figure(9, 1.5 + 0.3 * len(labels))
    axes = figure.subplots()
    label_rows(axes, labels)
    for number, (name, split) in enumerate(counted.items()):
        total = sum(split.values()) or 1
        shares = [100 * split.get(label, 0) / total for label in labels]
        colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        axes.plot(shares, range(len(labels)), marker, color=colour, markersize=6, alpha=0.9, label=_in_legend(name))
    axes.set_xlim(left=0)
    axes.grid()
    axes.set_xlabel("% of the split")
    axes.set_title(_how_often(data) + _most_frequent(counted))
    axes.legend(frameon=False, fontsize=9)
    return figure


def labels_in_words(data: Mapping[str, Any]) -> str:
    """What the figure of labels shows, and how many of them it does not.

    >>> labels_in_words({"label_counts": {"train": {"PER": 2}}, "tag_scheme": "iob2"})
    'How often each entity type occurs, by split.'
    >>> labels_in_words({"label_counts": {"train": dict.fromkeys(map(str, range(50)), 1)}})
    'How often each label occurs, by split: the 40 most frequent of 50; 10 are not drawn.'
    """
    counted = data.get("label_counts") or {}
    left_out = len(_names(counted)) - MOST_LABELS
    more = f"{_most_frequent(counted)}; {left_out:,} {'is' if left_out == 1 else 'are'} not drawn"
    return f"{_how_often(data)}, by split{more if left_out > 0 else ''}."


def frequent_labels(counted: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The labels by their number over all splits, the most frequent first, without those beyond MOST_LABELS."""
    return sorted(_names(counted), key=lambda one: -sum(split.get(one, 0) for split in counted.values()))[:MOST_LABELS]


def _names(counted: Mapping[str, Mapping[str, int]]) -> list[str]:
    return list(dict.fromkeys(label for split in counted.values() for label in split))


def _how_often(data: Mapping[str, Any]) -> str:
    return f"How often each {label_noun(data)} occurs"


def _most_frequent(counted: Mapping[str, Mapping[str, int]]) -> str:
    number = len(_names(counted))
    return f": the {MOST_LABELS} most frequent of {number:,}" if number > MOST_LABELS else ""


def _in_legend(name: object) -> str:
    """A name that is shown whatever it begins with: matplotlib leaves out those that begin with an underscore."""
    text = visible(str(name))
    return f" {text}" if text.startswith("_") else text
