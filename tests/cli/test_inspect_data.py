"""`unfreeze inspect --data`: the report in the terminal, and as a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from unfreeze.cli.tables import print_in_parts

Cli = Callable[..., Any]

# Sample -> what its report must say.
SAMPLES = {
    "emotion": ("task: classification", "Labels: number, and share of the split", "Lengths in words"),
    "ner": ("task: tagging", "Entity types: number, and share of the split", "Lengths in words"),
    "pos": ("task: tagging", "Tags: number, and share of the split", "Lengths in words"),
    "qa": ("task: question-answering", "without an answer", "Lengths of the first answers in words"),
}
HOSTILE = '=HYPERLINK("http://x")<script>alert(1)</script>\x1b[31m\u202e|*'
ROWS = [{"text": f"{HOSTILE} {i}", "label": f"<b>{'ab'[i % 2]}</b>"} for i in range(12)]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(autouse=True)
def columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_fit_80_columns(unfreeze_cli: Cli, name: str) -> None:
    called = unfreeze_cli("inspect", "--data", f"sample:{name}")
    assert (called.code, called.err) == (0, "")
    for said in (*SAMPLES[name], f"data: sample:{name}", "no errors, ", "Splits"):
        assert said in called.out
    assert [line for line in called.out.splitlines() if len(line) > 80 and " " in line.strip()] == []
    summary = json.loads(unfreeze_cli("inspect", "--data", f"sample:{name}", "--json").out)
    assert sum(f"{one['examples']:,}" in called.out for one in summary["splits"].values()) == len(summary["splits"])


def test_findings_are_grouped_with_place_and_next_step(unfreeze_cli: Cli, tmp_path: Path) -> None:
    rows = [{"text": f"text {i}", "label": "ab"[i % 2]} for i in range(20)]
    train = write_rows(tmp_path / "train.jsonl", [*rows, {"text": "Text 3", "label": "a"}, rows[0]])
    test = write_rows(tmp_path / "test.jsonl", [rows[4], {"text": "new", "label": "b"}])
    called = unfreeze_cli("inspect", "--train-file", train, "--test-file", test)
    assert called.code == 0
    lines = called.out.splitlines()
    joined = " ".join(called.out.split())
    assert lines.index("Warnings (2)") < lines.index("Notes (1)")
    assert f"{test}:1: 1 of 2 examples of test is also in train" in joined
    assert "remove them from one of the two." in joined
    [header] = [i for i, line in enumerate(lines) if line.startswith("Repeated and leaked examples")]
    table = [line.split() for line in lines[header + 3 : header + 5]]
    assert [row[0] for row in table] == ["train", "test"] and [row[-1] for row in table] == ["1", "0"]


def test_wide_tables_are_shown_in_parts(unfreeze_cli: Cli, tmp_path: Path) -> None:
    rows = [{"text": f"text {i}", "label": f"{'a very long label ' * 4}{i % 2}"} for i in range(20)]
    train = write_rows(tmp_path / "train.jsonl", rows)
    more = [("--test-file", f"set_{i}={write_rows(tmp_path / f't{i}.jsonl', rows[i : i + 2])}") for i in range(6)]
    called = unfreeze_cli("inspect", "--train-file", train, *(word for pair in more for word in pair))
    assert called.code == 0 and "Labels: number, and share of the split (continued)" in called.out
    assert max(len(line) for line in called.out.splitlines() if str(tmp_path) not in line) <= 80
    assert all(f"set_{i}" in called.out for i in range(6))


def test_what_data_hold_does_not_act_on_the_terminal(unfreeze_cli: Cli, tmp_path: Path) -> None:
    called = unfreeze_cli("inspect", "--data", write_rows(tmp_path / "a.jsonl", ROWS))
    assert called.code == 0
    assert called.out.replace("\n", "").isprintable() and "control or invisible" in called.out


def test_json_holds_all_and_the_page_is_said_aside(unfreeze_cli: Cli, tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.html"
    called = unfreeze_cli("inspect", "--data", "sample:ner", "--json", "--html", page)
    summary = json.loads(called.out)
    assert called.err == f"page: {page}\n" and page.read_text().startswith("<!DOCTYPE html>")
    assert {"name", "task", "tag_scheme", "sha256", "splits", "notes", "findings"} < set(summary)


def test_a_page_of_ours_is_written_anew_and_nothing_else(unfreeze_cli: Cli, tmp_path: Path) -> None:
    page, folder = tmp_path / "page.html", tmp_path / "folder"
    folder.mkdir()
    for sample in ("ner", "pos"):
        assert unfreeze_cli("inspect", "--data", f"sample:{sample}", "--html", page).code == 0
        assert f"Data: sample:{sample}" in page.read_text()
    # A page that only speaks of ours is none, nor is what data could write into one.
    foreign = tmp_path / "mine.html"
    for content in ("<html>", '<title>x</title><meta name="generator" content="unfreeze data report">', ""):
        foreign.write_text(content)
        called = unfreeze_cli("inspect", "--data", "sample:ner", "--html", foreign)
        assert called.code == 2 and called.out == ""
        assert called.err.startswith(f"error: --html {foreign}: exists and is no page that `unfreeze inspect` wrote")
        assert foreign.read_text() == content
    called = unfreeze_cli("inspect", "--data", "sample:ner", "--html", folder)
    assert called.code == 2 and f"--html {folder}: is a folder" in called.err
    called = unfreeze_cli("inspect", "--data", "sample:ner", "--html", foreign / "page.html")
    assert called.code == 2 and "cannot be written" in called.err.splitlines()[-1]


def test_errors_are_on_the_page_and_the_command_fails(unfreeze_cli: Cli, tmp_path: Path) -> None:
    train = write_rows(tmp_path / "train.jsonl", [{"text": f"t {i}", "label": "ab"[i % 2]} for i in range(9)])
    test = write_rows(tmp_path / "test.jsonl", [{"text": "u", "label": "c"}])
    page = tmp_path / "page.html"
    called = unfreeze_cli("inspect", "--train-file", train, "--test-file", test, "--html", page)
    assert called.code == 2
    assert called.err.splitlines()[0] == f"page: {page}" and called.err.splitlines()[1].startswith("error: ")
    assert len(called.err.splitlines()) == 2
    text = page.read_text()
    assert "10 examples with 3 labels: 1 error, no warnings." in text and f"{test}:1" in text
    broken = tmp_path / "broken.csv"
    broken.write_text("text,label\nGood soup,pos\nGood, really,pos\n")
    assert unfreeze_cli("inspect", "--data", broken, "--html", page).code == 2
    assert "The data could not be read: 1 error, no warnings." in page.read_text()


def test_what_could_be_read_is_shown_beside_the_errors(unfreeze_cli: Cli, tmp_path: Path) -> None:
    train = write_rows(tmp_path / "train.jsonl", [{"text": f"t {i}", "label": "ab"[i % 2]} for i in range(9)])
    test = write_rows(tmp_path / "test.jsonl", [{"text": "u", "label": "c"}, {"text": "t 1", "label": "b"}])
    arguments = ("inspect", "--train-file", train, "--test-file", test)
    called = unfreeze_cli(*arguments)
    assert called.code == 2 and called.err.startswith("error: ") and len(called.err.splitlines()) == 1
    lines = called.out.splitlines()
    assert "11 examples with 3 labels: 1 error, 1 warning." in lines and "Warnings (1)" in lines
    assert "Errors (1)" not in lines  # said last, once
    assert {"Splits", "Labels: number, and share of the split", "Repeated and leaked examples"} <= set(lines)
    summary = json.loads(unfreeze_cli(*arguments, "--json").out)
    assert [one["severity"] for one in summary["found"]] == ["error", "warning"]
    assert summary["splits"]["test"]["labels"] == {"c": 1, "b": 1}


def test_wide_letters_take_two_places(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["非常に長いラベルの名前です", "short"]
    header, rows = ["label", *(f"数{i}" for i in range(12))], [[name, *(["1,234"] * 12)] for name in names]
    print_in_parts("Labels", header, rows, 60)
    lines = capsys.readouterr().out.splitlines()
    assert 50 < max(map(cell_len, lines)) <= 60 and lines.count("Labels (continued)") == 2


def test_no_page_for_what_was_never_opened(unfreeze_cli: Cli, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    for words in (["--data", tmp_path / "none.csv"], [], ["--data", "sample:ner", "--validation-fraction", "2"]):
        assert unfreeze_cli("inspect", *words, "--html", page).code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model", "m", "--text", "t"], "--html: is a page on data. Leave --text out."),
        (["--model", "m", "--strategy", "full"], "--html: is a page on data, without strategies."),
        (["--model", "m", "--model", "n"], "--html: shows what one model reads. Give one --model."),
    ],
)
def test_what_does_not_go_with_a_page(unfreeze_cli: Cli, words: list[str], said: str) -> None:
    called = unfreeze_cli("inspect", "--data", "sample:ner", "--html", "none.html", *words)
    assert called.code == 2 and called.out == "" and said in called.err


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_model_tells_what_it_reads(
    unfreeze_cli: Cli, family_folder: Callable[..., str], tmp_path: Path, sample: str
) -> None:
    page, model = tmp_path / "page.html", family_folder("bert")
    words = ("--data", f"sample:{sample}", "--max-train-samples", 20, "--max-eval-samples", 10)
    called = unfreeze_cli("inspect", *words, "--html", page, "--model", model, "--max-length", 24, "--doc-stride", 4)
    assert called.code == 0, called.err
    text = page.read_text()
    assert f"As {model} reads them, at most 24 tokens at once:" in text
    assert "Tokens of an example as they are read" in text
    assert ("in several windows" if sample != "emotion" else "cut") in text
