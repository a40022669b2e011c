"""What the data are like: how long the examples are and how often each label occurs."""

from __future__ import annotations

from matplotlib.figure import Figure

from unfreeze.reports.data_words import limit_in_words
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
    axes.set_xlabel(str(unit) if unit else "tokens, as the network reads them")
    axes.set_ylabel("% of the split")
    axes.set_title("Lengths of the examples")
    axes.legend(frameon=False, fontsize=9)
    return figure


def draw_labels(results: Results) -> Figure | None:
    """How often each label occurs as shares of each split, the most frequent first."""
    counted = (results.comparison.get("data") or {}).get("label_counts") or {}
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
    axes.set_title("How often each label occurs")
    axes.legend(frameon=False, fontsize=9)
    return figure


def frequent_labels(counted: dict[str, dict[str, int]]) -> list[str]:
    """The labels by their number over all splits, the most frequent first."""
    names = list(dict.fromkeys(label for split in counted.values() for label in split))
    names.sort(key=lambda one: -sum(split.get(one, 0) for split in counted.values()))
    return names[:MOST_LABELS]


def _in_legend(name: object) -> str:
    """A name that is shown whatever it begins with: matplotlib leaves out those that begin with an underscore."""
    text = visible(str(name))
    return f" {text}" if text.startswith("_") else text
