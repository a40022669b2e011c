"""Every faulty or unusual file of ../shared/data/malformed gets the verdict that its manifest asks for."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from unfreeze.data.findings import DataError
from unfreeze.data.sources import Corpus, DataRequest, load_corpus, read_examples

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "malformed"


def manifest() -> list[dict[str, str]]:
    """Its rows, in the order of the file."""
    if not FOLDER.is_dir():
        return []
    with (FOLDER / "MANIFEST.tsv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


# What the message must contain besides the name of the file; an error not listed here is only raised.
ERRORS = {
    "empty.csv": ["empty"],
    "header_only.csv": ["no examples"],
    "missing_label_column.csv": ["label", "text, length", "--label-column"],
    "nan_labels.csv": ["lines 3, 4, 6, 7", "4 of 7"],
    "unclosed_quote.csv": [":3:", "never closes"],
    "duplicate_columns.csv": ["not unique", "'label'"],
    "broken_line.jsonl": [":4:"],
    "mixed_label_types.jsonl": [
        "an integer (first on line 1)",
        "a string (first on line 2)",
        "true or false",
        "a list",
    ],
    "latin1.csv": [":2:", "offset 17", "--encoding"],
    "one_class.csv": ["'pos'"],
    "continuous_labels.csv": ["6 classes for 6 examples"],
    "truncated.parquet": ["damaged"],
    "zip_renamed.csv": ["zip"],
    "html_page.csv": ["HTML"],
    "git_lfs_pointer.csv": ["Git LFS", "git lfs pull"],
    "ragged_columns.conll": [":10: 2 columns", ":11: 5 columns"],
    "truncated.conllu": [":20: 3 columns"],
    "truncated.conllu.gz": ["gzip", "cut off"],
    "length_mismatch.jsonl": [":2:", "4 words but 3 tags"],
    "unseen_labels_test.csv": [":3:", "'mixed'"],
    "answer_start_mismatch.json": ["q3: the answer", "does not occur in its context"],
    "answers_missing_key.json": ["q2: has no answers"],
    "duplicate_ids.json": ["'q1' is used twice"],
    "truncated.json": ["not valid JSON", "cut off"],
}
# Errors that the last column of the manifest allows to be accepted, if said aloud.
SAID_ALOUD = {
    "wrong_delimiter.csv": "semicolon",
    "utf16.csv": "UTF-16",
    "utf16_offsets.json": "1 answers were not at their offset and stand elsewhere, once: moved (q1)",
}
WARNINGS = {
    "singleton_class.csv": "'neutral' has one training example",
    "near_duplicate_labels.csv": "' pos', 'neg '",
    "empty_text.csv": "2 of 5 examples of train have an empty text (lines 3, 4)",
    "long_text.csv": "1 of 7 examples of train have more than 50,000 characters",
    "control_characters.csv": "U+001B: 2",
    "duplicates_train.csv": "3 of 4 examples of test are also in train, 1 of them with another label",
    "duplicates_test.csv": "3 of 4 examples of test are also in train, 1 of them with another label",
    "invalid_iob2.conll": "2 invalid IOB2 transitions in 1 sentences",
    "zero_tokens.jsonl": "1 sentences of train have no words",
    "empty_answers_v2.json": "1 of 2 questions of train have no answer in their context",
}
SIZES = {
    "utf8_bom.csv": 6,
    "utf16.csv": 6,
    "wrong_delimiter.csv": 6,
    "float_labels.csv": 6,
    "unicode_line_breaks.csv": 3,
    "singleton_class.csv": 7,
    "long_text.csv": 7,
    "control_characters.csv": 5,
    "empty_text.csv": 5,
    "near_duplicate_labels.csv": 6,
}
SENTENCES = {
    "crlf.conll": [7, 4],
    "docstart_and_blank_lines.conll": [7, 4],
    "odd_tokens.tsv": [9],
    "invalid_iob2.conll": [7],
    "zero_tokens.jsonl": [3, 3],
    "multiword_and_empty_nodes.conllu": [6, 6],
}


def load(name: str) -> Corpus:
    """A file alone as training data, a file of a pair with the other one."""
    path = FOLDER / name
    for pair in ("duplicates", "unseen_labels"):
        if name.startswith(pair):
            train, test = FOLDER / f"{pair}_train.csv", FOLDER / f"{pair}_test.csv"
            return load_corpus(DataRequest(train_file=str(train), test_file=(str(test),)))
    # A few sentences cannot be split: the same file as validation keeps all of them in train.
    same = str(path) if name in SENTENCES else None
    return load_corpus(DataRequest(train_file=str(path), validation_file=same, test_file=(same,) if same else ()))


@pytest.mark.skipif(not manifest(), reason="../shared/data is not here")
@pytest.mark.parametrize("row", manifest(), ids=lambda row: row["file"])
def test_verdict_of_the_manifest(row: dict[str, str]) -> None:
    name = row["file"]
    if row["verdict"] == "error" and name not in SAID_ALOUD:
        with pytest.raises(DataError) as raised:
            load(name)
        assert all(finding.file for finding in raised.value.errors)
        for part in ERRORS.get(name, []):
            assert part in str(raised.value)
        return
    corpus = load(name)
    warnings = "\n".join([*map(str, corpus.findings), *(corpus.notes if "QA" in row["task"] else ())])
    if name in SAID_ALOUD:
        assert SAID_ALOUD[name] in warnings
    if row["verdict"] == "warn":
        assert WARNINGS[name] in warnings
    assert warnings.replace("\n", "").isprintable()
    if name in SENTENCES:
        assert [len(example.words) for example in corpus.train] == SENTENCES[name]
        assert all(not tag.endswith("\r") for example in corpus.train for tag in example.tags)
    elif name in SIZES:
        assert len(corpus.train) + len(corpus.validation) + sum(map(len, corpus.tests.values())) == SIZES[name]


@pytest.mark.skipif(not manifest(), reason="../shared/data is not here")
def test_what_accepted_files_hold() -> None:
    odd = load("odd_tokens.tsv").train[0]
    assert odd.words[0] == "New\u00a0York" and odd.words[2] == "\u200b" and odd.words[4] == "\u3000"
    first, second = load("multiword_and_empty_nodes.conllu").train
    assert first.tags == ("VERB", "PRON", "ADP", "DET", "NOUN", "PUNCT")
    assert second.tags == ("PROPN", "VERB", "NOUN", "CCONJ", "PROPN", "NOUN")
    floats = load("float_labels.csv")
    assert {example.label for example in floats.train} == {"0", "1"}
    assert any("decimal point" in note for note in floats.notes)


@pytest.mark.skipif(not manifest(), reason="../shared/data is not here")
def test_what_may_be_asked_for() -> None:
    corpus = load_corpus(DataRequest(train_file=str(FOLDER / "nan_labels.csv"), drop_missing_labels=True))
    assert any("4 of 7 rows have no label: lines 3, 4, 6, 7; dropped" in str(f) for f in corpus.findings)
    assert len(corpus.train) + len(corpus.validation) + sum(map(len, corpus.tests.values())) == 3
    latin = read_examples(FOLDER / "latin1.csv", encoding="latin-1")
    assert latin[0].text == "le café était très agréable"


@pytest.mark.skipif(not manifest(), reason="../shared/data is not here")
def test_spans_of_questions() -> None:
    [astral] = read_examples(FOLDER / "astral_offsets.json", labelled=True)
    assert [(span.text, span.start) for span in astral.answers] == [("the Black Forest", 23)]
    [moved] = read_examples(FOLDER / "utf16_offsets.json", labelled=True)
    assert moved.answers == astral.answers
    first, second = read_examples(FOLDER / "empty_answers_v2.json", labelled=True)
    assert len(first.answers) == 1 and second.answers == ()
    known, unknown = read_examples(FOLDER / "answers_missing_key.json")
    assert len(known.answers) == 1 and unknown.answers is None  # accepted for prediction
