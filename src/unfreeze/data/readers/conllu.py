"""CoNLL-U, the format of Universal Dependencies: ten columns between tabs, comments, ranges and empty nodes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from unfreeze.data.examples import PRETRAINING, Example, TaggedExample
from unfreeze.data.finding_at import finding_at
from unfreeze.data.findings import Finding, Problems, Say, data_error, silent
from unfreeze.data.read_settings import INFER_ALL, ReadSettings, say_unused_columns
from unfreeze.data.readers.format import Format, Head
from unfreeze.data.readers.raw_text import read_text, split_lines
from unfreeze.data.readers.sentences import Sentences

UPOS = frozenset(
    {
        "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ",
        "SYM", "VERB", "X", "_",
    }
)  # fmt: skip
_COLUMNS = {"lemma": 2, "upos": 3, "xpos": 4, "deprel": 7}
_LISTS = {"feats": 5, "misc": 9}
_WORD_ID = re.compile(r"[1-9][0-9]{0,8}")
_RANGE_OR_EMPTY_ID = re.compile(r"[0-9]+(-|\.)[0-9]+")


def read_conllu(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """Sentences of syntactic words with one tag each: upos (default), xpos, deprel, lemma, feats:NAME, misc:NAME."""
    file = str(path)
    if settings.task not in (None, "tagging", *PRETRAINING):
        raise data_error("wrong-format", "CoNLL-U holds tagged words, not labelled texts", file)
    wanted = str(settings.tag_column or "upos")
    tag_of = _tag_getter(wanted, file)
    if settings.tag_column is None:
        say(Finding("note", "column", "tags are read from the column UPOS", file))
    say_unused_columns(settings, file, "--tag-column chooses the tags of CoNLL-U", say)
    lines = split_lines(read_text(path, settings.encoding, say))
    sentences = Sentences(file, Problems(file), tagged=True)
    skipped = last_id = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip(" \t"):
            sentences.finish()
            last_id = 0
        elif not (line.startswith("#") and not sentences.words):
            columns = line.split("\t")
            skipped += bool(_RANGE_OR_EMPTY_ID.fullmatch(columns[0]))
            last_id = _add_word(columns, tag_of, sentences, number, last_id, number == len(lines))
    sentences.finish()
    sentences.problems.stop()
    if not sentences.examples:
        raise data_error("no-examples", "there are no sentences", file)
    if lines[-1].strip(" \t"):
        message = "the last sentence does not end with a blank line: is the file cut off?"
        say(Finding("warning", "no-final-blank-line", message, file, len(lines)))
    if skipped:
        say(Finding("note", "ranges", f"{skipped} multiword ranges and empty nodes skipped, as words count", file))
    if wanted == "upos":
        _check_upos(sentences.examples, say)
    return _without_empty_column(sentences.examples, wanted, settings, file, say)


def _add_word(
    columns: list[str],
    tag_of: Callable[[list[str]], str],
    sentences: Sentences,
    line: int,
    last_id: int,
    is_last_line: bool,
) -> int:
    """Check one line and add its word, if it is one; returns the number of the word that was read last."""
    problems = sentences.problems
    if len(columns) != 10:
        advice = "The line is cut off." if is_last_line else "CoNLL-U has ten columns between tabs."
        problems.error("ragged-line", f"{len(columns)} columns, expected 10", line, advice)
        return last_id + bool(_WORD_ID.fullmatch(columns[0]))
    if _RANGE_OR_EMPTY_ID.fullmatch(columns[0]):
        return last_id
    if not _WORD_ID.fullmatch(columns[0]):
        said = f"{columns[0][:40]!r} is not a word number"
        problems.error("bad-id", said, line, "The first column is 1, 2-3 or 4.1.")
        return last_id + 1
    number = int(columns[0])
    if number != last_id + 1:
        problems.error("bad-id", f"word {number} follows word {last_id}", line, "Is a line missing above?")
    sentences.add(columns[1], tag_of(columns), line)
    return number


def _check_upos(examples: list[Example], say: Say) -> None:
    """UPOS is a closed list of tags in all languages."""
    first: dict[str, Example] = {}
    for example in examples:
        for tag in example.labels:
            if tag not in UPOS and tag not in first:
                first[tag] = example
    if first and len(first) < len(UPOS):  # else the column is used for something else
        message = f"no UPOS tags of Universal Dependencies: {', '.join(map(repr, first))}"
        say(finding_at(next(iter(first.values())), "warning", "unknown-upos", message, "They stay tags of their own."))


def _without_empty_column(
    examples: list[Example], wanted: str, settings: ReadSettings, file: str, say: Say
) -> list[Example]:
    """A column of nothing but `_` has no annotation: an error, or for prediction no tags at all."""
    tagged = [example for example in examples if isinstance(example, TaggedExample)]
    gaps = sum((example.tags or ()).count("_") for example in tagged)
    if gaps == sum(len(example.words) for example in tagged):
        if not settings.labelled:
            return [TaggedExample(example.words, None, example.origin) for example in tagged]
        advice = "Choose another with --tag-column upos, xpos or feats:NAME."
        raise data_error("empty-tag-column", f"{wanted!r} is empty for every word", file, advice=advice)
    if gaps and ":" not in wanted:  # a word without a feature is a fact, not a gap
        message = f"{gaps} words have no {wanted} and keep the tag '_'"
        say(finding_at(next(one for one in tagged if "_" in one.labels), "warning", "missing-tags", message))
    return examples


def _tag_getter(wanted: str, file: str) -> Callable[[list[str]], str]:
    kind, colon, name = wanted.partition(":")
    if kind.lower() in _COLUMNS and not colon:
        index = _COLUMNS[kind.lower()]
        return lambda columns: columns[index]
    if kind.lower() in _LISTS and name:
        index, start = _LISTS[kind.lower()], f"{name}="

        def feature(columns: list[str]) -> str:
            pairs = columns[index].split("|")
            return next((pair[len(start) :] for pair in pairs if pair.startswith(start)), "_") or "_"

        return feature
    known = ", ".join([*_COLUMNS, *(f"{kind}:NAME" for kind in _LISTS)])
    raise data_error("no-tag-column", f"CoNLL-U has no tag column {wanted!r}; known: {known}", file)


def _is_conllu(head: Head) -> bool:
    rows = [line.split("\t") for line in head.lines if not line.startswith("#")]
    return bool(rows) and sum(len(row) == 10 and row[0][:1].isdigit() for row in rows) >= 0.9 * len(rows)


CONLLU = Format(read_conllu, suffixes=(".conllu",), recognises=_is_conllu)
