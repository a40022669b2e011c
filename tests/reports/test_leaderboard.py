"""Rows and tables from records, whatever is missing in them."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from markdown_it import MarkdownIt

from unfreeze.reports.leaderboard import (
    best_rows,
    columns,
    leaderboard,
    leaderboard_csv,
    leaderboard_markdown,
    write_leaderboard,
)
from unfreeze.storage.records import RunRecord, write_record

BARE = RunRecord(strategy="full", seed=0, model_name="m", task="classification", status="done")


def test_a_row_for_each_strategy_best_first(make_records):
    rows = leaderboard(make_records(12, 3))
    assert len(rows) == 12
    means = [row.validation.mean for row in rows]
    assert means == sorted(means, reverse=True)
    assert all(row.seeds == 3 and row.validation.low < row.validation.mean < row.validation.high for row in rows)


def test_full_may_have_settings_of_its_own(make_records):
    records = [
        replace(one, strategy="full:learning_rate=1e-05") if one.strategy == "full" else one for one in make_records()
    ]
    rows = {row.strategy: row for row in leaderboard(records)}
    assert rows["full:learning_rate=1e-05"].flops_of_full == 1 and rows["head"].time_saved is not None
    twice = [replace(one, strategy="full:learning_rate=2e-05") for one in records if one.strategy.startswith("full")]
    assert all(row.flops_of_full is None for row in leaderboard([*records, *twice]))


def test_costs_are_relative_to_full(make_records):
    rows = {row.strategy: row for row in leaderboard(make_records(4, 3))}
    assert rows["full"].flops_of_full == 1
    assert rows["full"].time_saved == 0
    assert rows["freeze:first=3"].flops_of_full == pytest.approx(0.55)
    saved = rows["freeze:first=3"]
    assert saved.time_saved == pytest.approx(1 - (0.55 * 410 + 33.5) / 431, abs=0.03)
    [column] = [one for one in columns(list(rows.values())) if one.title == "time saved"]
    assert column.text(saved) == f"{100 * saved.time_saved:.0f} %" and column.value(saved) == saved.time_saved
    assert all(row.time_saved is None for row in leaderboard(make_records(4, 3)[3:]))


def test_time_is_saved_only_where_no_run_of_one_took_as_long_as_one_of_the_other(make_records):
    records = make_records(2, 3)
    times = {"full": (100.0, 120.0, 140.0), "head": (60.0, 70.0, 100.5)}
    timed = [replace(record, fit_seconds=times[record.strategy][record.seed % 3]) for record in records]
    rows = {row.strategy: row for row in leaderboard(timed)}
    [column] = [one for one in columns(list(rows.values())) if one.title == "time saved"]
    assert (column.text(rows["head"]), column.value(rows["head"])) == ("not told apart", None)
    assert column.text(rows["full"]) == "0 %"
    unknown = [replace(timed[0], fit_seconds=None), *timed[1:]]  # of an older version: no mean over other seeds
    row = next(row for row in leaderboard(unknown) if row.strategy == timed[0].strategy)
    assert (row.fit_seconds, row.time_saved, row.times_overlap) == (None, None, None)


def test_one_seed_has_no_interval(make_records):
    for row in leaderboard(make_records(4, 1)):
        assert row.validation.low is None
        assert "±" not in str(row.validation)


def test_what_did_not_finish_is_never_averaged(make_records):
    records = make_records(4, 3)
    broken = replace(records[0], status="diverged", validation={"macro_f1": 0.0}, train_seconds=1e9)
    row = next(row for row in leaderboard([broken, *records[1:]]) if row.strategy == "full")
    assert row.seeds == 2
    assert row.validation.mean > 0.9
    assert row.train_seconds < 1000
    assert row.status == "2 done, 1 diverged"


def test_missing_numbers_are_empty_cells():
    rows = leaderboard([BARE, replace(BARE, strategy="head", status="failed", error="no memory")])
    text = leaderboard_csv(rows)
    parsed = list(csv.DictReader(io.StringIO(text)))
    assert [line["status"] for line in parsed] == ["done", "failed"]
    empty = set(parsed[0]) - {"model_name", "strategy", "seeds", "status"}
    assert all(line[key] == "" for line in parsed for key in empty)
    assert "None" not in text + leaderboard_markdown(rows)
    assert "nan" not in text


def test_training_set_sizes_are_separate_rows(make_records):
    records = make_records(2, 2) + make_records(2, 2, train_examples=100)
    rows = leaderboard(records)
    assert len(rows) == 4
    assert {row.label for row in rows if row.strategy == "full"} == {"full · 16000 examples", "full · 100 examples"}


def test_runs_on_a_part_of_the_data_are_not_in_it(make_records):
    whole = make_records(2, 2, disk_bytes=5)
    part = make_records(2, 2, train_share=0.25, train_examples=4000, validation={"macro_f1": 1.0})
    assert leaderboard(whole + part) == leaderboard(whole)
    assert [row.disk_bytes for row in leaderboard(whole)] == [5, 5]
    assert leaderboard(part) == []
    assert leaderboard_csv([]).count("\n") == 1


def test_a_run_that_learnt_nothing_is_averaged_where_another_seed_learnt_something(make_records):
    """As in verdicts and recommendation (docs/decisions/0009-verdicts.md)."""
    records = make_records(2, 3)
    nothing = {"degenerate": "predicts joy for every text", "validation": {"macro_f1": 0.1}}
    records[0] = replace(records[0], **nothing)
    row = next(row for row in leaderboard(records) if row.strategy == "full")
    assert row.seeds == 3
    assert row.validation.mean == pytest.approx(np.mean([0.1, *(one.validation["macro_f1"] for one in records[1:3])]))
    assert row.status == "2 done, 1 degenerate"
    records[:3] = [replace(one, **nothing) for one in records[:3]]
    row = leaderboard(records)[-1]
    assert (row.strategy, row.seeds, row.validation, row.status) == ("full", 0, None, "degenerate")


def test_a_failed_run_joins_the_only_size(make_records):
    records = make_records(1, 3)
    rows = leaderboard([*records[:2], replace(records[2], status="failed", train_examples=None)])
    assert [row.status for row in rows] == ["2 done, 1 failed"]


def test_models_with_equal_last_names_keep_apart(make_records):
    rows = leaderboard(make_records(1, 1, model_name="a/bert") + make_records(1, 1, model_name="b/bert"))
    assert len({row.label for row in rows}) == 2


def test_the_best_of_a_column_knows_its_direction(make_records):
    rows = leaderboard(make_records(4, 3))
    by_title = {column.title: {rows[i].strategy for i in best_rows(column, rows)} for column in columns(rows)}
    assert by_title["validation macro f1"] == {"full"}
    assert by_title["training time"] == {"head"}
    assert by_title["time saved"] == {"head"}
    assert by_title["seeds"] == set()


def test_a_loss_is_better_low(make_records):
    rows = leaderboard(make_records(4, 3, selection_metric="loss"))
    assert rows[0].strategy == "full"
    assert best_rows(columns(rows)[0], rows) == {0}


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", " =1", "＝1", "＋1", "－1", "＠x", "\u3000=1"]
)
def test_no_cell_becomes_a_formula(make_records, name):
    text = leaderboard_csv(leaderboard(make_records(1, 1, model_name=name)))
    cell = next(csv.DictReader(io.StringIO(text, newline="")))["model_name"]
    assert cell == "'" + name.replace("\t", " ").replace("\r", " ").replace("\n", " ")
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_nor_where_lines_are_split_elsewhere(make_records, delimiter):
    text = leaderboard_csv(leaderboard(make_records(1, 1, model_name='a;=1;\t@x;"=2\x1b')))
    assert "\x1b" not in text
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
        assert not any(cell.strip().startswith(("=", "+", "-", "@")) for cell in row)


@pytest.mark.parametrize(
    "name",
    ["[a](javascript:b)", "![a](b)", "_a_ __b__", "~~a~~", "`a`", "&lt;", "https://a.org www.a.org", "a\\", "\x1b[1m"],
)
def test_markdown_is_text(make_records, name):
    text = leaderboard_markdown(leaderboard([replace(make_records(1, 1)[0], strategy=name)]))
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    assert {child.type for token in tokens for child in token.children or ()} <= {"text", "text_special"}
    assert [token.type for token in tokens].count("tr_open") == 2
    assert not re.search(r"https?://|www\.|\x1b", text)


def test_markdown_takes_nothing_from_a_name_as_syntax(make_records):
    record = make_records(1, 1)[0]
    text = leaderboard_markdown(leaderboard([replace(record, strategy="a|b<img>\n*c*")]))
    assert "a\\|b\\<img\\> \\*c\\*" in text
    assert len(text.splitlines()) == 3


def test_files_are_written_from_records_or_comparison(make_records, write_comparison, tmp_path):
    records = make_records(2, 2)
    write_comparison(tmp_path / "whole", records)
    for record in records:
        write_record(tmp_path / "stopped" / "runs" / "m" / record.strategy / f"seed-{record.seed}", record)
    for name in ("whole", "stopped"):
        write_leaderboard(tmp_path / name)
    for file in ("leaderboard.csv", "leaderboard.md"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "stopped" / file).read_bytes()


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no run recorded"):
        write_leaderboard(tmp_path)
