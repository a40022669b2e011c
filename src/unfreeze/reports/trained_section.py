"""What each strategy trains, drawn layer by layer with rates and the epochs in which it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unfreeze.reports import quantities
from unfreeze.reports.blocks import Block, Paragraph, Section, Shade, Table, heat
from unfreeze.reports.results import Results


def what_trains(results: Results) -> Section:
    """A grid of parts by strategies for each model, and the same in words and numbers."""
    blocks: list[Block] = []
    entries = [one for one in results.entries("trained_parts") if one.get("parts")]
    models = list(dict.fromkeys(str(one.get("model_name")) for one in entries))
    for model in models:
        grid = _grid([one for one in entries if str(one.get("model_name")) == model], model, results)
        blocks += [grid] if grid else []
    if blocks:
        blocks.insert(
            0,
            Paragraph(
                "From the head down to the embeddings: the peak learning rate where a part trains, the share of its "
                "numbers where only some of them do, and the epochs where it does not train in all. The darker, the "
                "larger the rate against the strategy's own largest. A dot: never trained."
            ),
        )
    words = _in_words(results)
    return Section("What each strategy trains", [*blocks, *([words] if words else [])])


def _grid(entries: Sequence[Mapping[str, Any]], model: str, results: Results) -> Table | None:
    order = [group.strategy for group in results.groups if group.model_name == model]
    shown = sorted((one for one in entries if one["strategy"] in order), key=lambda one: order.index(one["strategy"]))
    if not shown:
        return None
    deepest = max(shown, key=lambda one: len(one["parts"]))  # a strategy may train a network with fewer layers
    parts = [str(part["part"]) for part in deepest["parts"]][::-1]
    rows: list[list[str]] = []
    shades: dict[tuple[int, int], Shade] = {}
    for row, name in enumerate(parts):
        cells = []
        for column, entry in enumerate(shown, start=1):
            part: Mapping[str, Any] = next((one for one in entry["parts"] if one["part"] == name), {})
            cells.append(_cell(part, entry.get("epochs"), _horizon(entry)))
            shades[row, column] = _shade(part, entry)
        rows.append([name, *cells])
    if any(one.get("epochs") for one in shown):
        rows.append(["epochs, at most", *(str(one.get("epochs") or "") for one in shown)])
    caption = f"{model}: what trains" if results.has_several_models else "What trains"
    return Table(["part", *(results.label(one) for one in shown)], rows, caption, shades=shades, grid=True)


def _horizon(entry: Mapping[str, Any]) -> int:
    """The last epoch that was looked at."""
    return max((span["last"] for part in entry["parts"] for span in part["spans"]), default=0)


def _cell(part: Mapping[str, Any], epochs: int | None, horizon: int) -> str:
    """What trains of a part, and when; how many epochs there are is not known where seconds end the run.

    >>> thawed = {"parameters": 10, "spans": [{"first": 2, "last": 3, "trained": 10, "rates": [1e-4, 2e-4]}]}
    >>> _cell(thawed, 3, 3), _cell(thawed, None, 3)
    ('0.0001 to 0.0002\\nepochs 2-3', '0.0001 to 0.0002\\nfrom epoch 2')
    >>> _cell({"parameters": 10, "spans": []}, 3, 3)
    '·'
    """
    spans = part.get("spans") or ()
    if not spans:
        return "·" if part else ""
    lines = [quantities.span(_rates(part), _rate)]
    if (share := max(span["trained"] for span in spans) / part["parameters"]) < 1:
        lines.append(quantities.percent(share))
    spans = _joined(spans)
    if epochs is None and len(spans) == 1 and spans[0]["last"] == horizon:
        return "\n".join([*lines, *([f"from epoch {spans[0]['first']}"] if spans[0]["first"] > 1 else [])])
    when = ", ".join(_epochs(span["first"], span["last"]) for span in spans)
    if when != f"1-{epochs}" and not (epochs == 1 and when == "1"):
        lines.append(f"epoch{'s' if '-' in when or ',' in when else ''} {when}")
    return "\n".join(lines)


def _rate(value: float | None) -> str:
    return f"{value:.2g}"


def _joined(spans: Sequence[Mapping[str, Any]]) -> list[dict[str, int]]:
    """Spans that differ only in rate or amount are one."""
    joined: list[dict[str, int]] = []
    for span in spans:
        if joined and joined[-1]["last"] == span["first"] - 1:
            joined[-1]["last"] = span["last"]
        else:
            joined.append({"first": span["first"], "last": span["last"]})
    return joined


def _epochs(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _rates(part: Mapping[str, Any]) -> tuple[float, float]:
    rates = [float(rate) for span in part["spans"] for rate in span["rates"]]
    return min(rates), max(rates)


def _shade(part: Mapping[str, Any], entry: Mapping[str, Any]) -> Shade:
    if not part.get("spans"):
        return "off"
    largest = max(_rates(one)[1] for one in entry["parts"] if one.get("spans")) or 1.0
    share = max(span["trained"] for span in part["spans"]) / part["parameters"]
    return heat(max(0.01, _rates(part)[1] / largest * (0.75 if share == 1 else 0.25)))


def _in_words(results: Results) -> Table | None:
    rows = []
    for group in results.groups:
        words = list(dict.fromkeys(run.trains for run in group.runs if run.trains))
        trainable = group.mean(lambda run: run.trainable_parameters)
        total = group.mean(lambda run: run.total_parameters)
        share = quantities.percent(trainable / total) if trainable is not None and total else ""
        if words or trainable is not None:
            rows.append([group.label, "; ".join(words), quantities.count(trainable), quantities.count(total), share])
    header = ["strategy", "what trains", "trainable", "of", "share"]
    return Table(header, rows, "Parameters", texts=frozenset({1})) if rows else None
