"""`--progress json`: every line of standard output is an event that programs can rely on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.cli.json_lines import JsonLines
from unfreeze.cli.live import LiveTable
from unfreeze.experiments.cell import Cell
from unfreeze.experiments.listener import Listener
from unfreeze.storage.records import read_comparison
from unfreeze.strategies import STRATEGIES
from unfreeze.training.result import Progress

DOCS = Path(__file__).parents[2] / "docs" / "events.md"
CELL = Cell("m", STRATEGIES["full"](), 42)  # type: ignore[call-arg]


def strict(text: str) -> list[dict[str, Any]]:
    """Each line read by a reader that takes no NaN."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


@pytest.fixture(scope="module")
def events(
    unfreeze_cli: Callable[..., Any],
    data_folders: dict[str, Path],
    family_folder: Callable[..., str],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, list[dict[str, Any]]]:
    output = tmp_path_factory.mktemp("events") / "out"
    command = (
        *("compare", "--model", family_folder("bert"), "--data", data_folders["classification"], "--epochs", 2),
        *("--strategy", "full", "--strategy", "head", "--seeds", 1, "--learning-rate", 5e-3),
        *("--speedups", "off", "--max-length", 48, "--output", output),
        *("--progress", "json"),
    )
    called = unfreeze_cli(*command)
    assert called.code == 0 and called.err == ""
    again = unfreeze_cli(*command)  # nothing is missing
    assert again.code == 0
    assert [one["run"]["strategy"] for one in strict(again.out) if one["event"] == "run_found"] == ["full", "head"]
    return output, strict(called.out)


def test_the_events_come_in_their_order(events: tuple[Path, list[dict[str, Any]]]) -> None:
    names = [one["event"] for one in events[1] if one["event"] not in ("note", "progress")]
    each = ["run_started", "evaluated", "evaluated", "run_finished"]
    assert names == ["begun", "estimated", "planned", *each, *each, "concluded"]


def test_the_events_say_what_the_folder_says(events: tuple[Path, list[dict[str, Any]]]) -> None:
    output, told = events
    by_name = {one["event"]: one for one in told}
    summary = read_comparison(output)
    assert by_name["begun"]["output"] == str(output) and by_name["begun"]["events_version"] == 1
    assert by_name["begun"]["data"]["sha256"] == summary["data"]["sha256"]
    assert by_name["estimated"]["plan"] == summary["plan"]
    assert [one["strategy"] for one in by_name["planned"]["runs"]] == ["full", "head"]
    assert by_name["planned"]["trains"]["head"].startswith("the head")
    runs = {run["strategy"]: run for run in summary["runs"]}
    for one in told:
        if one["event"] == "run_finished":
            record = runs[one["run"]["strategy"]]
            assert {name: one[name] for name in ("validation", "test", "steps", "model")} == {
                name: record[name] for name in ("validation", "test", "steps", "model")
            }
    assert (by_name["run_finished"]["finished"], by_name["run_finished"]["total"]) == (2, 2)
    concluded = by_name["concluded"]
    assert concluded["recommendation"] == summary["recommendation"] and concluded["not_done"] == 0
    assert Path(concluded["report"]).is_file() and Path(concluded["model"]).is_dir()
    assert [row["strategy"] for row in concluded["leaderboard"]].count("full") == 1


def test_every_event_and_key_is_documented(events: tuple[Path, list[dict[str, Any]]]) -> None:
    _, table = DOCS.read_text(encoding="utf-8").split("\n| event |")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE))
    for one in events[1]:
        keys = set(one) - {"event", "time"}
        assert keys <= set(re.findall(r"`(\w+)`", rows[one["event"]])), one["event"]
    assert set(rows) == {one["event"] for one in events[1]} | {"run_found", "stopped"}


def test_steps_are_told_once_a_second_and_evaluations_always(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonLines() as lines:
        lines.run_started(CELL, 1)
        for step in range(1, 50):
            lines.progressed(CELL, Progress(step, 50, 0.5, float("nan"), learning_rate=1e-3))
        lines.progressed(CELL, Progress(50, 50, 1, float("inf"), {"macro_f1": 0.5, "loss": float("inf")}))
    told = strict(capsys.readouterr().out)
    assert len(told) < 49 and told[1]["step"] == 1 and told[1]["loss"] is None
    assert told[1]["learning_rate"] == 1e-3 and told[-1]["learning_rate"] is None
    assert told[-1]["event"] == "evaluated" and told[-1]["metrics"] == {"macro_f1": 0.5, "loss": None}


def test_an_end_before_the_end_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), JsonLines():
        raise KeyboardInterrupt
    [told] = strict(capsys.readouterr().out)
    assert (told["event"], told["by"]) == ("stopped", "KeyboardInterrupt")


def test_a_reader_that_goes_costs_no_run() -> None:
    code = """
import sys
from unfreeze.cli.json_lines import JsonLines
with JsonLines() as lines:
    lines.said("first")
    sys.stdin.readline()
    for number in range(100):
        lines.said(str(number))
print("went on", file=sys.stderr)
"""
    running = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdin and running.stdout and running.stderr
    assert json.loads(running.stdout.readline())["text"] == "first"
    running.stdout.close()
    running.stdin.write("\n")
    running.stdin.close()
    told = running.stderr.read()
    running.stderr.close()
    assert running.wait() == 0
    assert told.splitlines() == ["nobody reads the events any more; the runs go on", "went on"]


def test_what_data_hold_stays_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonLines() as lines:
        lines.said("a\x1b[31m\nb\u202e")
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and out[:-1].isprintable() and strict(out)[0]["text"] == "a\x1b[31m\nb\u202e"


def test_each_event_of_a_listener_is_shown() -> None:
    """A method that is added to `Listener` and forgotten here would be lost."""
    events = {name for name in vars(Listener) if not name.startswith("_")} - {"concluded"}
    for shows in (JsonLines, LiveTable):
        told = {name for one in shows.__mro__ if one is not Listener for name in vars(one)}
        missing = events - told
        assert missing <= ({"run_found"} if shows is LiveTable else set()), shows
