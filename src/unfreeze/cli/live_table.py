"""The table of the runs under way, drawn to fit: what does not fit into the terminal is left out, nothing wraps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from unfreeze.cli.terminal import one_line

GAP = 2
LEAST_NAME = 12  # columns for the strategy, where that many are needed
MOST_MODEL = 20
BAR = 12
# The first of these is left out first; "strategy", "step" and "left" always stay.
LEFT_OUT = ("bar", "epoch", "elapsed", "loss", "model", "score", "seed")


@dataclass(frozen=True)
class RunRow:
    """One run under way, in words that are not yet escaped; `share` of its steps is done."""

    model: str
    strategy: str
    seed: str
    epoch: str
    step: str
    loss: str
    score: str
    elapsed: str
    left: str
    share: float


def running_table(rows: Sequence[RunRow], metric: str, status: str, width: int, height: int) -> Group:
    """The runs that there is room for, and the line on all of them below.

    Args:
        metric: whose scores the rows hold.
        width, height: of the terminal, in columns and lines.
    """
    shown = rows[: max(1, height - 4)]
    more = f"and {len(rows) - len(shown)} more under way; " if len(shown) < len(rows) else ""
    status_line = Text(more + status, no_wrap=True, overflow="ellipsis")
    return Group(_table(shown, metric, width), status_line) if shown else Group(status_line)


def _table(rows: Sequence[RunRow], metric: str, width: int) -> Table:
    titles = {"model": "model", "strategy": "strategy", "seed": "seed", "epoch": "epoch", "step": "step", "bar": ""}
    titles |= {"loss": "loss", "score": one_line(metric), "elapsed": "elapsed", "left": "about left"}
    texts = {name: [titles[name], *(one_line(getattr(row, name, "")) for row in rows)] for name in titles}
    widths = {name: max(map(cell_len, column)) for name, column in texts.items()} | {"bar": BAR}
    if len({row.model for row in rows}) == 1 and not rows[0].model:
        del widths["model"]
    if widths["step"] == cell_len("step"):
        widths.pop("bar")  # nothing has begun to train
    if "model" in widths:
        widths["model"] = min(widths["model"], MOST_MODEL)
    longest = widths["strategy"]
    widths["strategy"] = min(longest, LEAST_NAME)
    for name in LEFT_OUT:
        if _total(widths) > width:
            widths.pop(name, None)
    # What is left over is for the name, which is cut where that is too little.
    widths["strategy"] += max(0, min(longest - widths["strategy"], width - _total(widths)))
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold", collapse_padding=True)
    for name in [one for one in titles if one in widths]:
        table.add_column(
            Text(titles[name], no_wrap=True, overflow="ellipsis"),
            justify="left" if name in ("model", "strategy", "bar") else "right",
            width=widths[name], no_wrap=True, overflow="ellipsis",
        )  # fmt: skip
    for number, row in enumerate(rows, start=1):
        table.add_row(
            *[_cell(name, texts[name][number], row) for name in titles if name in widths],
        )
    return table


def _total(widths: dict[str, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)


def _cell(name: str, text: str, row: RunRow) -> Any:
    if name == "bar":
        return ProgressBar(total=1.0, completed=row.share, width=BAR)
    return Text(text, no_wrap=True, overflow="ellipsis", style="cyan" if name == "strategy" else "")
