"""Every strategy against every other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unfreeze.reports import quantities
from unfreeze.reports.blocks import Paragraph, Section, Table
from unfreeze.reports.matrix_section import verdict_matrix
from unfreeze.reports.results import Results
from unfreeze.statistics.verdict import NOT_ENOUGH, WEIGHTS_ONLY

_MOST_PAIRS = 15  # beyond these they are folded


def pairs(results: Results) -> Section:
    """One table for each split and model."""
    entries = results.entries("comparisons")
    recommended = (results.comparison.get("recommendation") or {}).get("strategy")
    tables: list[Table] = []
    several_models = len({entry.get("model_name") for entry in entries}) > 1
    for split, model in dict.fromkeys((entry.get("split"), entry.get("model_name")) for entry in entries):
        here = [one for one in entries if (one.get("split"), one.get("model_name")) == (split, model)]
        where = f"{split}, {model}" if several_models else str(split)
        matrix = verdict_matrix(here, where, results)
        tables += [matrix] if matrix else []
        central = [entry for entry in here if recommended in (entry.get("a"), entry.get("b"))]
        if matrix is None or not central:
            folded = "" if len(here) <= _MOST_PAIRS else f"All {len(here)} pairs on {where}"
            tables.append(_table(where, here, folded))
            continue
        others = [entry for entry in here if entry not in central]
        tables.append(_table(where, central, title=f"The pairs with {recommended} on {where}"))
        tables.append(_table(where, others, folded=f"The other {_pairs(len(others))} on {where}"))
    if not tables:
        return Section("Pair by pair", [])
    return Section("Pair by pair", [Paragraph(_explanation(entries, results.comparison)), *tables])


def _pairs(number: int) -> str:
    """
    >>> _pairs(1), _pairs(3)
    ('pair', '3 pairs')
    """
    return "pair" if number == 1 else f"{number} pairs"


def _explanation(entries: Sequence[Mapping[str, Any]], comparison: Mapping[str, Any]) -> str:
    margins = {entry["margin"] for entry in entries if entry.get("margin") is not None}
    margin = comparison.get("margin") or (margins.pop() if len(margins) == 1 else None)
    within = f"the margin of {margin:g}" if margin is not None else "the margin"
    said = (
        "Difference: score of a minus score of b. The interval (95 %) covers the chance of examples, by paired "
        "bootstrap, and of seeds, by Student's t. p-values are Holm-corrected for the number of pairs. A tie is a "
        f"difference shown to be smaller than {within}; not enough data means that it cannot be told, not that the "
        "two are equal, and the last column says about how many seeds or examples would be likely to decide."
    )
    alpha = comparison.get("alpha")
    if alpha is not None and alpha < 0.05:
        said += f" As there were several looks at the data, this one decides at a level of {alpha:.2g} instead of 0.05."
    scopes = [entry.get("scope") for entry in entries]
    if WEIGHTS_ONLY in scopes:
        which = "the verdicts are" if set(scopes) == {WEIGHTS_ONLY} else "a verdict that says so is"
        said += f" With one seed of a strategy its chance is unknown: {which} about these weights only."
    return said


def _table(where: str, entries: Sequence[Mapping[str, Any]], folded: str = "", title: str = "") -> Table:
    mixed = len({entry.get("scope") for entry in entries}) > 1
    header = ["a", "b", "difference", "interval", "p", "verdict"]
    verdicts = len(header) - 1
    rows = [
        [
            str(entry.get("a")),
            str(entry.get("b")),
            quantities.signed(entry.get("difference")),
            _interval(entry),
            _p_value(entry.get("p_value")),
            _verdict(entry, mixed),
            _what_would_decide(entry),
        ]
        for entry in entries
    ]
    header.append("where there is not enough data")
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    metric = str(entries[0].get("metric") or "score").replace("_", " ")
    decided = {(i, verdicts) for i, entry in enumerate(entries) if entry.get("verdict") in ("better", "worse")}
    texts = frozenset({1, verdicts, verdicts + 1})
    return Table(header, rows, f"{where}: {metric}", frozenset(decided), texts, folded, title=title)


def _verdict(entry: Mapping[str, Any], say_scope: bool) -> str:
    words = {
        "better": f"{entry.get('a')} is better",
        "worse": f"{entry.get('b')} is better",
        "tie": "tie: as good as equal",
        NOT_ENOUGH: NOT_ENOUGH,
    }.get(str(entry.get("verdict")), "")
    return f"{words} ({WEIGHTS_ONLY})" if words and say_scope and entry.get("scope") == WEIGHTS_ONLY else words


def _what_would_decide(entry: Mapping[str, Any]) -> str:
    """Why there is no verdict, and what would bring one."""
    if entry.get("verdict") != NOT_ENOUGH:
        return ""
    needed = entry.get("needed") or {}
    ways = [f"{quantities.rough(needed[kind])} {kind}" for kind in ("seeds", "examples") if needed.get(kind)]
    if ways:
        decide = f"About {' or '.join(ways)} would decide."
    elif entry.get("needed") is None:
        decide = ""
    elif entry.get("scope") == WEIGHTS_ONLY:
        decide = "More examples alone would not decide; more seeds may."
    else:
        decide = "Neither more seeds alone nor more examples alone would decide."
    return " ".join(filter(None, (decide, str(entry.get("reason") or ""))))


def _interval(entry: Mapping[str, Any]) -> str:
    low, high = entry.get("low"), entry.get("high")
    return "" if low is None or high is None else f"{low:+.4f} to {high:+.4f}"


def _p_value(value: float | None) -> str:
    return "" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"
