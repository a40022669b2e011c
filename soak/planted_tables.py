"""Faults of tables of texts: what is in their cells, and how the cells are told apart."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from soak.planted import CLEAN, TEST, TRAIN, VALIDATION, Fault, Rows, table, texts

LAST = len(TRAIN) + 2  # the line of a row that is appended to the training data


def faults() -> list[Fault]:
    """All of them."""
    return [*_leaks(), *_labels(), *_cells(), *_columns(), *_other_tasks()]


def _fault(
    name: str, place: str, says: str, train: Rows = TRAIN, validation: Rows = VALIDATION, test: Rows = TEST, **more: Any
) -> Fault:
    files = {"train.csv": table(train), "validation.csv": table(validation), "test.csv": table(test)}
    return Fault(name, files, place, says, more)


def _train(name: str, says: str, *rows: Sequence[str], line: int = LAST) -> Fault:
    """Rows appended to the training data."""
    return _fault(name, f"train.csv:{line}", says, [*TRAIN, *rows])


def _leaks() -> Iterator[Fault]:
    text, label = TRAIN[3]
    accented = "the café was déjà vu"
    spellings = {
        "as it is": text,
        "in capitals": text.upper(),
        "with other blanks": f" {text.replace(' ', '  ')}\t",
        "with a no-break space": text.replace(" ", "\u00a0"),
        "in full-width letters": "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text),
        "with a zero-width space": text.replace(" ", "\u200b ", 1),
    }
    for how, other in spellings.items():
        yield _fault(
            f"leak {how}", "test.csv:6", "1 of 5 examples of test is also in train", test=[*TEST, (other, label)]
        )
    decomposed = unicodedata.normalize("NFD", accented)
    train = [*TRAIN, (accented, "pos")]
    yield _fault("leak decomposed", "test.csv:6", "is also in train", train, test=[*TEST, (decomposed, "pos")])
    yield _fault("leak into validation", "validation.csv:6", "also in train", validation=[*VALIDATION, TRAIN[0]])
    yield _fault("leak between held-out sets", "test.csv:6", "also in validation", test=[*TEST, VALIDATION[0]])
    other = [*TEST, (text, "neg" if label == "pos" else "pos")]
    yield _fault("leak with another label", "test.csv:6", "is also in train, with another label", test=other)
    yield _train("repeated row", "repeats an earlier one", TRAIN[0])
    yield _train("repeated row, another label", "has another label", (text, "neg"))
    yield _train("repeated row, other case and label", "has another label", (text.title(), "neg"))


def _labels() -> Iterator[Fault]:
    new = "nobody knows what became of it"
    yield _fault(
        "unseen label in test", "test.csv:6", "does not occur in the training data", test=[*TEST, (new, "odd")]
    )
    odd = [*VALIDATION, (new, "odd")]
    yield _fault("unseen label in validation", "validation.csv:6", "does not occur in the training", validation=odd)
    names = [(text, "01"[label == "pos"]) for text, label in TEST]
    yield _fault("ids in one split, names in another", "test.csv:2", "does not occur in the training", test=names)
    yield _train("label in other case", "differ only in spelling: 'Pos', 'pos'", (new, "Pos"))
    yield _train("label with other signs", "differ only in spelling", (new, "pos."))
    yield _train("label with blanks", "blanks around labels stripped: ' pos'", (new, " pos"))
    yield _train(
        "label in two Unicode forms", "differ only in spelling", (new, "tre\u0300s"), (new + "!", "très"), line=LAST
    )
    yield _train("label with a zero-width space", "U+200B", (new, "pos\u200b"))
    yield _train("label with a control character", "U+0007", (new, "pos\x07"))
    yield _train("label of lost letters", "U+FFFD", (new, "tr\ufffds"))
    yield _train("class of one example", "has one training example", (new, "odd"))
    yield _train("label missing", "1 of 13 rows have no label", (new, ""))
    yield _train("label NaN", "1 of 13 rows have no label", (new, "NaN"))
    yield _train("label null", "1 of 13 rows have no label", (new, "null"))
    missing = [*TEST, (new, "n/a")]
    yield _fault("label missing in test", "test.csv:6", "rows have no label", test=missing)
    one = [(text, "pos") for text, _ in TRAIN]
    yield _fault("one class", "train.csv:2", "every label of the training data is 'pos'", one, VALIDATION[1::2])
    yield _fault("one class in test", "test.csv:2", "every label of test is 'pos'", test=texts(8, 200)[1::2])
    floats = [(text, "1.0" if label == "pos" else "0.0") for text, label in TRAIN]
    yield Fault("labels with a decimal point", {"train.csv": table(floats)}, "train.csv:2", "with a decimal point")
    reals = [(text, f"{0.37 * i:.2f}") for i, (text, _) in enumerate(TRAIN)]
    yield Fault("real numbers as classes", {"train.csv": table(reals)}, "train.csv:2", "12 classes for 12 examples")
    swapped = [(label, text) for text, label in TRAIN]
    yield Fault("texts and labels swapped", {"train.csv": table(swapped)}, "train.csv:2", "classes for 12 examples")


def _cells() -> Iterator[Fault]:
    yield _train("empty text", "have an empty text", ("", "pos"))
    yield _train("text of blanks", "have an empty text", (" \t ", "pos"))
    yield _train("text of no-break spaces", "have an empty text", ("\u00a0\u3000", "pos"))
    yield _train("text nan", "for a text that is missing", ("nan", "pos"))
    yield _train("text None", "for a text that is missing", ("None", "neg"))
    yield _train("huge text", "more than 50,000 characters", ("long " * 20_000, "pos"))
    signs = {
        "NUL": "\0", "bell": "\a", "escape sequence": "\x1b[31m", "right-to-left override": "\u202e",
        "zero-width space": "\u200b", "mark of byte order within": "\ufeff",
    }  # fmt: skip
    for name, sign in signs.items():
        yield _train(f"{name} in a text", f"U+{ord(sign[0]):04X}", (f"what{sign} is this", "pos"))
    yield _train("letters that were lost", "U+FFFD", ("the caf\ufffd was shut", "pos"))
    yield _train("UTF-8 read as Latin-1", "read as another encoding", ("café".encode().decode("latin-1"), "pos"))
    yield _train(
        "UTF-8 read as Windows-1252", "read as another encoding", ("it’s late".encode().decode("cp1252"), "pos")
    )
    emoji = "so glad 😀".encode().decode("cp1252", errors="ignore")
    yield _train("emoji read as Windows-1252", "read as another encoding", (emoji, "pos"))


def _columns() -> Iterator[Fault]:
    def raw(name: str, train: bytes, place: str, says: str) -> Fault:
        return Fault(name, {**CLEAN, "train.csv": train}, place, says)

    clean = CLEAN["train.csv"]
    rows = clean.splitlines(keepends=True)
    yield raw("column names once more", clean + rows[0], f"train.csv:{LAST}", "column names stand here once more")
    yield raw("no line of column names", b"".join(rows[1:]), "train.csv", "columns found")
    yield raw("no label column", table(TRAIN, ("text", "length")), "train.csv", "no label column")
    yield raw("no text column", table([(t, i, n) for (t, n), i in zip(TRAIN, "abcdefghijkl", strict=True)],
              ("one", "two", "label")), "train.csv", "no text column")  # fmt: skip
    other = table(TEST, ("text", "verdict"))
    yield Fault("no label column in test", {**CLEAN, "test.csv": other}, "test.csv", "no label column")
    twice = table([(t, n, n) for t, n in TRAIN], ("text", "label", "label"))
    yield raw("label column twice", twice, "train.csv", "is not unique")
    yield raw("one column too many", clean + b"what,is,pos\n", f"train.csv:{LAST}", "3 columns, expected 2")
    yield raw("one column too few", clean + b"what is this\n", f"train.csv:{LAST}", "1 columns, expected 2")
    yield raw("cut off within the last row", clean + b"what is", f"train.csv:{LAST}", "1 columns, expected 2")
    yield raw("a line break without quotes", clean + b"what\nis this,pos\n", f"train.csv:{LAST}", "1 columns")
    yield raw("other delimiter", table(TRAIN, delimiter=";"), "train.csv:1", "separated by a semicolon")
    yield raw("other delimiter from a line on", clean + b"this;pos\nthat;neg\n", f"train.csv:{LAST}", "1 columns")
    yield raw("quote never closed", clean + b'"what is this,pos\nand,neg\n', f"train.csv:{LAST}", "never closes")
    yield raw("quote within", clean + b'"what" is this,pos\n', f"train.csv:{LAST}", "do not pair up")
    numbered = table([(i % 9, *row) for i, row in enumerate(TRAIN)], ("id", "text", "label"))
    yield raw("ids twice", numbered, "train.csv:11", "3 rows have the 'id' of an earlier one, first '0'")
    conflict = b"<<<<<<< HEAD\nthis,pos\n=======\nthat,pos\n>>>>>>> other\n"
    yield raw("marks of a merge", clean + conflict, f"train.csv:{LAST}", "1 columns, expected 2")


def _other_tasks() -> Iterator[Fault]:
    pairs = [(text, f"so it was, {i}", label) for i, (text, label) in enumerate(TRAIN)]
    pairs[4] = (pairs[4][0], " ", pairs[4][2])
    yield Fault(
        "second text of a pair empty",
        {"train.csv": table(pairs, ("text_a", "text_b", "label"))},
        "train.csv:6",
        "empty",
    )
    several = [(text, "joy,love" if i % 2 else "fear") for i, (text, _) in enumerate(TRAIN)]
    several[5] = (several[5][0], "joy;love")
    files = {"train.csv": table(several)}
    yield Fault("labels separated otherwise", files, "train.csv:7", "is it several?", {"task": "multi-label"})
    for name, value, says in (
        ("no number", "many", "is not a number"),
        ("decimal comma", "1,5", "is not a number"),
        ("infinite number", "inf", "is not a number"),
        ("number missing", "", "rows have no label"),
    ):
        numbers = [(text, f"{0.1 * i:.1f}") for i, (text, _) in enumerate(TRAIN)]
        numbers[6] = (numbers[6][0], value)
        yield Fault(name, {"train.csv": table(numbers)}, "train.csv:8", says, {"task": "regression"})
    same = {"train.csv": table([(text, "2.5") for text, _ in TRAIN])}
    yield Fault("one number", same, "train.csv:2", "every number", {"task": "regression"})
    numbers = [*((text, f"{0.1 * i:.1f}") for i, (text, _) in enumerate(TRAIN)), (TRAIN[0][0], "0.9")]
    yield Fault(
        "two numbers of one text",
        {"train.csv": table(numbers)},
        "train.csv:14",
        "another number",
        {"task": "regression"},
    )
