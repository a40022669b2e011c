"""The live table, the time left, and which way a comparison is shown."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from unfreeze.cli.live import LiveTable
from unfreeze.cli.plain_lines import PlainLines
from unfreeze.cli.progress import shown
from unfreeze.cli.remaining import Remaining
from unfreeze.experiments.cell import Cell
from unfreeze.settings import SettingsError
from unfreeze.storage.records import RunRecord
from unfreeze.strategies import STRATEGIES
from unfreeze.strategies.parse import parse_strategies
from unfreeze.training.result import Progress

COLOURS = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
EVIL = "a\x1b[31m\x9b2J\x7f\u202eb\nrecommended: evil\tc\r[bold]x[/bold]"


def cell(strategy: str, seed: int = 42, model: str = "m", **more: object) -> Cell:
    return Cell(model, parse_strategies(strategy, STRATEGIES)[0], seed, **more)  # type: ignore[arg-type]


def record(one: Cell, status: str = "done") -> RunRecord:
    scores = {"macro_f1": 0.5}
    return RunRecord(
        *(str(one.strategy), one.seed, one.model, "classification", status),
        selection_metric="macro_f1",
        validation=scores,
        best_epoch=1,
        train_seconds=2.0,
    )  # type: ignore[arg-type]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_plan_tells_until_runs_have_been_made() -> None:
    clock = Clock()
    left = Remaining(clock)
    full, lora = [cell("full", 1), cell("full", 2)], [cell("lora", 1), cell("lora", 2)]
    assert left.of_all() == 0
    left.planned([*full, *lora])
    assert left.of_all() is None  # no plan, no run
    left = Remaining(clock)
    plan = [
        {"model_name": "m", "strategy": "full", "seconds": (80, 120)},
        {"model_name": "m", "strategy": "lora", "seconds": (20, 60)},
    ]
    left.estimated(plan, 1)
    left.planned([*full, *lora])
    assert left.of_all() == 140
    left.started(full[0])
    clock.now = 10
    assert left.of_run(full[0]) == 40 and left.of_all() == 130
    left.progressed(full[0], Progress(1, 4, 1, 0.1))  # a quarter in 10 s
    assert left.of_run(full[0]) == 30
    clock.now = 20
    left.finished(full[0], whole=True)
    assert left.of_all() == 20 + 2 * 20
    left.started(full[1])
    left.finished(full[1], whole=False)  # it failed at once, and tells nothing
    assert left.of_all() == 40


def test_several_at_once_and_parts_of_runs() -> None:
    clock = Clock()
    left = Remaining(clock)
    whole, half, other = cell("full", 1), cell("full", 1, train_share=0.5), cell("full", 2)
    left.estimated([{"model_name": "m", "strategy": "full", "seconds": (250, 250)}], 2)
    left.planned([whole, half, other])
    assert left.of_all() == 150  # 100 beside 50 and then 100
    more = [cell("full", 3)]
    left.planned(more)  # added seeds cost what the others cost
    assert left.of_all() == 200
    left.planned([cell("lora")])  # nobody knows this one: as much as the others on average
    assert left.of_all() == 250
    trial = cell("full", 1, share=0.25, is_trial=True)
    left.started(trial)
    clock.now = 1
    left.finished(trial, whole=True)
    assert left.of_all() == 250  # a trial is no run


def table(width: int, height: int = 24) -> LiveTable:
    return LiveTable(Console(file=io.StringIO(), width=width, height=height, force_terminal=True))


def drawn(live: LiveTable, **how: object) -> list[str]:
    """The table alone, on a screen of the same size."""
    screen, size = io.StringIO(), {"width": live.console.width, "height": live.console.height}
    Console(file=screen, force_terminal=True, **size, **how).print(live.drawn())  # type: ignore[arg-type]
    return screen.getvalue().splitlines()


def under_way(live: LiveTable) -> list[Cell]:
    cells = [
        cell(strategy, seed, model)
        for model in ("minilm", "a-model/with-a-very-long-name")
        for strategy in ("full", "lora:r=16,lora_alpha=32,target_modules=query+key+value", "freeze:first=half")
        for seed in (42, 43)
    ]
    live.metric, live.models = "macro_f1", {one.model for one in cells}
    live.planned(cells, {})
    for one in cells[:3]:
        live.run_started(one, 1)
        live.progressed(one, Progress(120, 45_000, 1.25, 0.4123, {"macro_f1": 0.7123}))
        live.progressed(one, Progress(1_200, 45_000, 1.5, 0.3123))
    live.run_started(cells[3], 4)
    return cells


@pytest.mark.parametrize("width", [24, 40, 60, 80, 100, 200])
def test_nothing_wraps_at_any_width(width: int) -> None:
    with table(width) as live:
        under_way(live)
        lines = drawn(live, color_system=None)
    assert len(lines) == 6  # titles, four runs, the line on all
    assert max(map(cell_len, lines)) <= width
    assert lines[0].startswith(("strat", "model")) and "step" in lines[0]
    assert lines[5].startswith("0 of 12 runs finish")
    if width >= 60:
        assert "0.7123" in lines[1] and "1,200/45,000" in lines[1] and "starting" in lines[4]
    if width >= 100:
        assert "minilm" in lines[1] and "0.312" in lines[1] and "macro_f1" in lines[0]


def test_more_runs_than_lines() -> None:
    with table(80, height=7) as live:
        under_way(live)
        lines = drawn(live, color_system=None)
    assert len(lines) == 5 and lines[4].startswith("and 1 more under way; 0 of 12 runs finished")


def test_finished_runs_scroll_above_the_table_and_nothing_of_it_stays() -> None:
    with table(80) as live:
        cells = under_way(live)
        for one in cells[4:]:
            live.run_started(one, 1)
        for one in cells:
            live.run_finished(one, record(one))
        assert live.live is None  # it goes with the last run
        cleared = live.console.file.getvalue()  # type: ignore[attr-defined]
        more = [cell("full", 44)]
        live.planned(more, {})  # added seeds bring it back
        live.run_started(more[0], 13)
        assert live.live is not None and drawn(live, color_system=None)[-1].startswith("12 of 13 runs finished")
    assert live.live is None
    finished = [line for line in cleared.splitlines() if re.search(r"\[\d+/12\] ", line)]
    assert len(finished) == 12 and "validation macro_f1 0.5000 at epoch 1" in finished[-1]
    assert cleared.rindex("\x1b[?25h") > cleared.rindex("\x1b[?25l")  # the cursor is there


def test_an_interrupted_comparison_leaves_no_table() -> None:
    live = table(80)
    with pytest.raises(KeyboardInterrupt), live:
        under_way(live)
        raise KeyboardInterrupt
    assert live.live is None


def test_names_cannot_drive_the_terminal() -> None:
    with table(300) as live:
        live.metric, live.models = EVIL, {EVIL, "m"}
        evil = Cell(EVIL, EVIL, 1)  # type: ignore[arg-type]
        live.run_started(evil, 1)
        lines = drawn(live, color_system=None)
        live.said(EVIL)
        live.run_finished(evil, record(evil))
    assert len(lines) == 3 and all(line.isprintable() for line in lines)
    assert "[bold]x[/bold]" in lines[1]
    said = live.console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x9b" not in said and "\x1b[31m" not in said and "\nrecommended: evil" not in said


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("NO_COLOR", "no"), ("TERM", "dumb"), (None, "")])
def test_colours(variable: str | None, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    if variable:
        monkeypatch.setenv(variable, value)
    with table(80) as live:
        under_way(live)
        text = "".join(drawn(live))
    assert bool(COLOURS.search(text)) == (variable is None)


@pytest.mark.parametrize(
    ("way", "environment", "drawn", "expected"),
    [
        (None, {"TERM": "xterm"}, True, LiveTable),
        ("auto", {"TERM": "xterm"}, False, PlainLines),
        ("auto", {"TERM": "dumb"}, True, PlainLines),
        ("auto", {"TERM": "xterm", "CI": "true"}, True, PlainLines),
        ("live", {"TERM": "xterm", "CI": "true"}, True, LiveTable),
        ("plain", {"TERM": "xterm"}, True, PlainLines),
    ],
)
def test_the_way_it_is_shown(
    way: str | None,
    environment: dict[str, str],
    drawn: bool,
    expected: type,
    monkeypatch: pytest.MonkeyPatch,
    terminal: Callable[[], io.StringIO],
) -> None:
    monkeypatch.delenv("CI", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", terminal() if drawn else io.StringIO())
    assert type(shown(way)) is expected
    assert shown("quiet").quiet


def test_a_table_where_none_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with pytest.raises(SettingsError, match="--progress live: standard error is no terminal"):
        shown("live")


def test_two_ways_are_a_mistake(unfreeze_cli: Callable[..., object]) -> None:
    called = unfreeze_cli("compare", "--quiet", "--progress", "json", "--print-config")
    assert called.code == 2 and "--progress: was given as quiet before" in called.err  # type: ignore[attr-defined]
    assert unfreeze_cli("compare", "--quiet", "--progress", "quiet", "--print-config").code == 0  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_comparison_in_a_terminal(
    data_folders: dict[str, Path], family_folder: Callable[..., str], tmp_path: Path
) -> None:
    """The table on the terminal, the result on standard output without a sign of it."""
    ours, theirs = pty.openpty()
    command = [
        *(sys.executable, "-m", "unfreeze", "train", "--model", family_folder("bert"), "--max-steps", "2"),
        *("--data", str(data_folders["classification"]), "--speedups", "off", "--output", str(tmp_path / "out")),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env=environment | {"TERM": "xterm", "NO_COLOR": "1"}
    )
    os.close(theirs)
    screen = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not read:
            break
        screen += read
    out, _ = running.communicate()
    os.close(ours)
    assert running.returncode == 0, screen.decode()
    assert b"0 of 1 runs finished" in screen and b"[1/1] " in screen
    assert not COLOURS.search(screen.decode())
    assert b"report: " in out and b"\x1b" not in out
