"""Every strategy against every other at one glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unfreeze.reports import quantities
from unfreeze.reports.blocks import Shade, Table
from unfreeze.reports.results import Results
from unfreeze.statistics.verdict import NOT_ENOUGH

_WORDS: dict[str, tuple[str, Shade]] = {
    "better": ("better", "good"),
    "worse": ("worse", "bad"),
    "tie": ("tie", "even"),
    NOT_ENOUGH: ("open", "off"),
}
_TURNED = {"better": "worse", "worse": "better"}


def verdict_matrix(entries: Sequence[Mapping[str, Any]], where: str, results: Results) -> Table | None:
    """How the strategy of each row does against that of each column, for the pairs of one split and model.

    None for fewer than three strategies: one line says that better.
    """
    verdicts: dict[tuple[str, str], tuple[str, float | None]] = {}
    for one in entries:
        a, b, verdict, difference = str(one.get("a")), str(one.get("b")), str(one.get("verdict")), one.get("difference")
        verdicts[a, b] = verdict, difference
        verdicts[b, a] = _TURNED.get(verdict, verdict), None if difference is None else 0.0 - difference
    found = {name for pair in verdicts for name in pair}
    order = [one.strategy for one in results.groups if one.strategy in found]
    names = list(dict.fromkeys([*order, *sorted(found)]))
    if len(names) < 3:
        return None
    shades: dict[tuple[int, int], Shade] = {}
    rows = []
    for i, name in enumerate(names):
        cells = []
        for j, other in enumerate(names, start=1):
            verdict, difference = verdicts.get((name, other), ("", None))
            word, shades[i, j] = _WORDS.get(verdict, ("", "off"))
            cells.append(f"{word}\n{quantities.signed(difference)}".strip())
        rows.append([name, *cells])
    caption = (
        f"{where}: the strategy of the row against that of the column, with the difference of their scores; "
        "open: not enough data."
    )
    title = f"Every strategy against every other on {where}"
    header = ["row against column", *names]
    return Table(header, rows, caption, shades=shades, grid=True, title=title, name=f"pairs-{where}")
