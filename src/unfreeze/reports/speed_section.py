"""How fast trained models of different shapes answer."""

from __future__ import annotations

from unfreeze.reports import quantities
from unfreeze.reports.blocks import Section, Table
from unfreeze.reports.results import Results


def answering_speed(results: Results) -> Section:
    """Texts a second of each shape of network that was timed."""
    entries = [one for one in results.entries("speeds") if one.get("texts_per_second")]
    rows, values = [], []
    for one in entries:
        low, high = one.get("low"), one.get("high")
        span = f"{quantities.plain(low)} to {quantities.plain(high)}" if low is not None and high is not None else ""
        layers = one.get("num_layers")
        rows.append(
            [
                str(one.get("model_name")),
                quantities.count(layers),
                quantities.plain(one["texts_per_second"]),
                span,
                quantities.count(one.get("texts")),
            ]
        )
        values.append([str(one.get("model_name")), layers, one["texts_per_second"], low, one.get("texts")])
    caption = (
        "From text to answer, saved models in turns with nothing beside them: the median of several rounds, the "
        "slowest and the fastest of them, and how many texts were answered in each."
    )
    header = ["model", "layers", "texts a second", "slowest to fastest", "texts"]
    table = Table(
        header,
        rows,
        caption,
        values=values,
        descending=frozenset({2}),
        title="Texts answered in a second",
        name="speeds",
    )
    return Section("Speed of answering", [table] if rows else [])
