"""What data hold cannot drive a terminal, forge a line, or break a table."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unfreeze.cli.evaluate import print_scores
from unfreeze.cli.leaderboard import print_leaderboard
from unfreeze.cli.plain_lines import PlainLines
from unfreeze.cli.tables import print_table
from unfreeze.cli.terminal import json_text, one_line, print_error
from unfreeze.data.findings import DataError, Finding
from unfreeze.evaluation.evaluate import Evaluation
from unfreeze.reports.leaderboard import leaderboard
from unfreeze.storage.folders import run_folder
from unfreeze.storage.records import RunRecord, write_record
from unfreeze.tasks import Classification

EVIL = "a\x1b[31m\x9b2J\x7f\u202eb\nrecommended: evil\tc\r"


def is_harmless(text: str) -> bool:
    lines = text.split("\n")
    return all(line.isprintable() for line in lines) and not any(line.startswith("recommended: evil") for line in lines)


@pytest.mark.parametrize("value", [EVIL, {EVIL: [EVIL, 0.5, None]}, "\ud800", "𝛼 \U000e0001", ""])
@pytest.mark.parametrize("indent", [None, 2])
def test_json_means_the_same(value: Any, indent: int | None) -> None:
    text = json_text(value, indent)
    assert json.loads(text) == value
    assert is_harmless(text)


def test_what_can_be_read_stays() -> None:
    assert json_text({"text": "schöner Satz, 漢字"}) == '{"text": "schöner Satz, 漢字"}'
    assert one_line("schöner Satz") == "schöner Satz"


def test_lines_and_tables(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(EVIL, ["a", EVIL], [[EVIL, EVIL]])
    print_scores({EVIL: Evaluation({EVIL: 0.5}, {EVIL: {"f1": 0.5}}, [], 0.0, Classification())})
    PlainLines().said(EVIL)
    for line in EVIL.split("\n"):
        print_error(line)
    out, err = capsys.readouterr()
    assert is_harmless(out) and is_harmless(err)
    assert len(err.splitlines()) == 3


def test_letters_of_wide_scripts_take_two_places(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("", ["text", "n"], [["漢字漢字", "7"], ["ab", "12"]])
    header, rule, wide, narrow = capsys.readouterr().out.splitlines()
    assert (header, rule) == ("text       n", "--------  --")
    assert (wide, narrow) == ("漢字漢字   7", "ab        12")


def test_a_finding_is_one_line(unfreeze_cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: object) -> None:
        raise DataError([Finding("error", "label", f"the label {EVIL}", EVIL, 3), Finding("error", "label", "other")])

    monkeypatch.setattr("unfreeze.data.sources.load_corpus", refused)
    called = unfreeze_cli("inspect", "--data", "sample:emotion")
    assert called.code == 2 and is_harmless(called.err)
    assert [line.startswith("error: ") for line in called.err.splitlines()] == [True, True]


def test_records(unfreeze_cli: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = RunRecord(EVIL, 1, EVIL, "classification", "failed", error=EVIL, selection_metric=EVIL)
    write_record(run_folder(tmp_path, "m", EVIL, "", 1), record)
    for more in ([], ["--json"]):
        called = unfreeze_cli("runs", tmp_path, *more)
        assert called.code == 0 and is_harmless(called.out) and len(called.out.splitlines()) == 1
    capsys.readouterr()
    print_leaderboard(leaderboard([record]))
    assert is_harmless(capsys.readouterr().out)


def test_the_settings_as_yaml(unfreeze_cli: Callable[..., Any]) -> None:
    import yaml

    called = unfreeze_cli("compare", "--print-config", "--data", EVIL, "--model", "schön")
    assert called.code == 0 and is_harmless(called.out)
    assert yaml.safe_load(called.out)["data"] == EVIL


def test_scores_with_intervals_fit_eighty_columns(
    monkeypatch: pytest.MonkeyPatch, terminal: Callable[[], io.StringIO]
) -> None:
    out = terminal()
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stdout", out)
    known = {"trainable_parameters": 7, "total_parameters": 9, "fit_seconds": 1234.5, "flops": 1e15}
    records = [
        RunRecord(strategy, seed, "m", "tagging", "done", selection_metric="accuracy",
                  validation={"accuracy": 0.9 + seed / 70}, test={"accuracy": 0.9 - seed / 90}, **known)
        for strategy in ("full", "freeze:first=2,embeddings=train") for seed in range(3)
    ]  # fmt: skip
    print_leaderboard(leaderboard(records))
    lines = re.sub(r"\x1b\[\d*m", "", out.getvalue()).splitlines()
    assert max(map(len, lines)) <= 80
    scores, costs = [line for line in lines if line.strip().startswith("full")]
    assert scores.count("±") == 2 and "1234.5" in costs and "77.78 %" in costs


@pytest.mark.parametrize(("columns", "tables"), [(60, 2), (80, 1)])
def test_the_leaderboard_is_ruled_and_in_parts_where_it_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, terminal: Callable[[], io.StringIO], columns: int, tables: int
) -> None:
    out = terminal()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout", out)
    record = RunRecord("freeze:first=half", 1, "m", "classification", "done", selection_metric="macro_f1")
    print_leaderboard(
        leaderboard([replace(record, validation={"macro_f1": 0.7354}, trainable_parameters=7, total_parameters=7)])
    )
    lines = re.sub(r"\x1b\[\d*m", "", out.getvalue()).splitlines()
    assert sum("───" in line for line in lines) == tables
    rows = [line for line in lines if "freeze:first=half" in line]
    assert len(rows) == tables and "0.7354" in rows[0] and "100.00 %" in rows[-1], "cut"
    assert max(map(len, lines)) <= columns
