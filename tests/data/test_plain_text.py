"""Plain text: passages and sentences, and what else can be pretrained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from unfreeze.data.examples import PassageExample
from unfreeze.data.findings import DataError
from unfreeze.data.sentences import sentences_of
from unfreeze.data.sources import DataRequest, load_corpus


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ('He said "No." She left.', ['He said "No."', "She left."]),
        ("It was 3.5 m. wide and e.g. red.", ["It was 3.5 m. wide and e.g. red."]),
        ("Dr. Who met J. R. R. Tolkien. Really…  Yes", ["Dr. Who met J. R. R. Tolkien.", "Really…", "Yes"]),
        ("first line\nsecond line\n\nthird", ["first line", "second line", "third"]),
        ("¿Qué? ¡Sí! Bien.", ["¿Qué?", "¡Sí!", "Bien."]),
        ("これは本です。あれも。", ["これは本です。", "あれも。"]),
        ("वह आया। Then. अब", ["वह आया। Then.", "अब"]),
        ("  ", []),
        ("", []),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert list(sentences_of(text)) == sentences


def passages(data: Any, **changes: Any) -> list[PassageExample]:
    corpus = load_corpus(DataRequest(data=data, task="masked-lm", **changes))
    found = [*corpus.train, *corpus.validation, *corpus.tests["test"]]
    assert all(isinstance(one, PassageExample) for one in found) and corpus.task == "masked-lm"
    return sorted((one for one in found if isinstance(one, PassageExample)), key=lambda one: one.origin.line or 0)  # type: ignore[union-attr,return-value]


def test_blocks_are_passages(tmp_path: Path) -> None:
    file = tmp_path / "corpus.txt"
    file.write_text("\n\n".join(f"Line one {i}.\nLine two." for i in range(30)) + "\n\n\n", encoding="utf-8")
    found = passages(str(file))
    assert len(found) == 30 and found[1].text == "Line one 1.\nLine two."
    assert found[1].sentences == ("Line one 1.", "Line two.") and found[1].origin.line == 4  # type: ignore[union-attr]


def test_lines_are_passages_where_no_line_is_blank(tmp_path: Path) -> None:
    file = tmp_path / "corpus.txt"
    file.write_text("\n".join(f"Text {i}." for i in range(30)), encoding="utf-8")
    assert len(passages(str(file))) == 30


def test_texts_with_labels_are_read_without_them(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_text("text,label\n" + "\n".join(f"text {i},{'ab'[i % 2]}" for i in range(30)), encoding="utf-8")
    assert passages(str(file))[0].text == "text 0"
    lines = tmp_path / "train.txt"
    lines.write_text("\n".join(f"text {i};{'ab'[i % 2]}" for i in range(30)), encoding="utf-8")
    assert passages(str(lines))[0].text == "text 0"
    assert len(passages([f"text {i}" for i in range(30)])) == 30


def test_contexts_and_tagged_sentences_are_texts(tmp_path: Path) -> None:
    questions = [{"id": str(i), "question": f"Why {i}?", "answers": []} for i in range(60)]
    paragraphs = [{"context": f"Passage {i}. It ends.", "qas": questions[2 * i : 2 * i + 2]} for i in range(30)]
    squad = tmp_path / "squad.json"
    squad.write_text(json.dumps({"version": "2.0", "data": [{"paragraphs": paragraphs}]}), encoding="utf-8")
    assert sorted(one.text for one in passages(str(squad))) == sorted(f"Passage {i}. It ends." for i in range(30))
    tagged = tmp_path / "train.txt"
    tagged.write_text("\n\n".join(f"Anna B-PER\nsaw O\n{i} O" for i in range(30)), encoding="utf-8")
    assert "Anna saw 7" in {one.text for one in passages(str(tagged))}
    words = tmp_path / "words.txt"
    words.write_text("\n".join(f"w{i} x{i}" for i in range(30)), encoding="utf-8")
    assert {one.text for one in passages(str(words))} == {f"w{i} x{i}" for i in range(30)}


def test_plain_text_may_begin_with_a_bracket(tmp_path: Path) -> None:
    for i, first in enumerate(("[Verse 1]", "{{Infobox}}", "[1] A note")):
        file = tmp_path / f"{i}.txt"
        file.write_text("\n".join([first, *(f"Line {j}." for j in range(30))]), encoding="utf-8")
        assert passages(str(file))[0].text == first
    (tmp_path / "rows.txt").write_text("\n".join(f'{{"text": "t {j}", "label": "a"}}' for j in range(30)))
    assert passages(str(tmp_path / "rows.txt"))[0].text == "t 0"


def test_files_of_a_folder_are_one_corpus(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.txt").write_text("\n\n".join(f"{name} {i}\nmore" for i in range(12)), encoding="utf-8")
    assert len(passages(str(tmp_path))) == 36


def test_a_document_of_one_sentence_a_line_has_neighbours(tmp_path: Path) -> None:
    file = tmp_path / "document.txt"
    file.write_text("\n".join(f"Sentence {i}." for i in range(330)), encoding="utf-8")
    corpus = load_corpus(DataRequest(data=str(file), task="next-sentence"))
    found = [*corpus.train, *corpus.validation, *corpus.tests["test"]]
    assert sum(len(one.sentences) for one in found if isinstance(one, PassageExample)) == 330
    assert all(isinstance(one, PassageExample) and len(one.sentences) in (32, 10) for one in found)
    file.write_text("\n".join(f"Sentence {i}. And after it {i}." for i in range(30)), encoding="utf-8")
    assert len(load_corpus(DataRequest(data=str(file), task="next-sentence")).train) == 24


def test_plain_text_is_no_labelled_data(tmp_path: Path) -> None:
    file = tmp_path / "corpus.txt"
    file.write_text("One text.\nAnother.\n", encoding="utf-8")
    with pytest.raises(DataError, match="plain text has no labels"):
        load_corpus(DataRequest(data=str(file), format="plain_text"))
    (tmp_path / "empty.txt").write_text("\n\n", encoding="utf-8")
    with pytest.raises(DataError, match="empty"):
        load_corpus(DataRequest(data=str(tmp_path / "empty.txt"), task="masked-lm"))


def test_lower_case_leaves_the_sentences_what_they_are() -> None:
    passage = PassageExample("Dr. Smith came. Did he? Yes!", "next-sentence")
    assert passage.lower_cased().sentences == ("dr. smith came.", "did he?", "yes!")


def test_both_texts_of_a_pair_are_read(tmp_path: Path) -> None:
    file = tmp_path / "pairs.csv"
    rows = [f"first {i},second {i}" for i in range(20)]
    file.write_text("\n".join(["sentence1,sentence2", *rows]) + "\n", encoding="utf-8")
    texts = {one.text for one in passages(str(file))}
    assert texts == {f"{side} {i}" for side in ("first", "second") for i in range(20)}


@pytest.mark.parametrize("task", ["question-answering", "tagging"])
def test_data_for_another_task_are_refused(tmp_path: Path, task: Any) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("".join(f"text {i};{'good' if i % 2 else 'bad'}\n" for i in range(20)), encoding="utf-8")
    with pytest.raises(DataError, match="classification"):
        load_corpus(DataRequest(data=str(file), task=task))
    for kind in ("good", "bad"):
        for i in range(10):
            (tmp_path / "folder" / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / "folder" / kind / f"{i}.txt").write_text(f"{kind} {i}", encoding="utf-8")
    with pytest.raises(DataError, match="classification"):
        load_corpus(DataRequest(data=str(tmp_path / "folder"), task=task))
