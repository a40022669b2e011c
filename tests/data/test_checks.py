"""Checks over splits, and the label set they protect."""

from __future__ import annotations

import pytest

from unfreeze.data.checks import check_splits
from unfreeze.data.examples import MultiLabelExample, NumberExample, Origin, TaggedExample, TextExample
from unfreeze.data.findings import DataError, Finding, printable, stop_on_errors
from unfreeze.data.labels import LabelSet
from unfreeze.data.question_example import QuestionExample, Span

GOOD = [TextExample(f"text {i}", "ab"[i % 2], Origin("train.csv", i + 2)) for i in range(10)]


def codes(train: list, test: list | None = None, scheme: str | None = None) -> dict[str, str]:
    splits = {"train": train} | ({} if test is None else {"test": test})
    return {finding.code: finding.severity for finding in check_splits(splits, scheme)}


def test_clean_data_has_no_findings() -> None:
    assert codes(GOOD, [TextExample("new", "a")]) == {}


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        ([], None, {"no-examples": "error"}),
        (GOOD, [], {"no-examples": "error"}),
        (GOOD[::2], None, {"one-class": "error"}),
        ([TextExample(str(i), f"{i}.5") for i in range(9)], None, {"continuous-labels": "error"}),
        ([*GOOD, TextExample("odd", "c")], None, {"singleton-class": "warning"}),
        (
            [
                *(MultiLabelExample(f"text {i}", ("a", "b")[: 1 + i % 2]) for i in range(8)),
                MultiLabelExample("x", ("a", "c")),
            ],
            None,
            {"singleton-class": "warning"},
        ),
        ([MultiLabelExample(f"{i}", ("toxic",)[: i % 2]) for i in range(6)], None, {}),
        ([MultiLabelExample(f"{i}", ("toxic",)) for i in range(6)], None, {"one-class": "error"}),
        ([MultiLabelExample(f"{i}", ()) for i in range(6)], None, {"one-class": "error"}),
        (
            [MultiLabelExample(f"{i}", ("ab"[i % 2], "cde"[i % 3])) for i in range(5)],  # as many labels as texts
            [MultiLabelExample(f"t{i}", ("abcde"[i],)) for i in range(5)],
            {"singleton-class": "warning"},
        ),
        (
            [MultiLabelExample(f"{i}", ("a", "b")[i % 2 :]) for i in range(6)],
            [MultiLabelExample(f"t{i}", ("a", "b")) for i in range(3)],
            {"one-class": "warning"},
        ),
        ([*GOOD, GOOD[0]], None, {"duplicates": "note"}),
        ([*GOOD, TextExample("TEXT  0", "b")], None, {"duplicates": "note", "contradicting-labels": "warning"}),
        (GOOD, GOOD[:1], {"leak": "warning"}),
        (GOOD, [TextExample("new", "c")], {"unseen-label": "error"}),
        (GOOD, [TextExample("new", "A")], {"unseen-label": "error", "similar-labels": "warning"}),
        (GOOD, [TextExample("  ", "a")], {"empty-texts": "warning"}),
        (GOOD, [TextExample("x" * 60_000, "a")], {"long-texts": "warning"}),
        (GOOD, [TextExample("a\0b", "a")], {"control-characters": "warning"}),
        (GOOD, [TextExample("👩\u200d🔬 tab\t and\nline", "a")], {}),
        (GOOD, [TextExample("x", None)], {"missing-labels": "error"}),
        (GOOD, [TextExample("None", "a")], {"missing-texts": "warning"}),
        (GOOD, [TextExample("a", "a", pair=" ")], {"empty-texts": "warning"}),
        (GOOD, [TextExample("caf\ufffd", "a")], {"replaced-characters": "warning"}),
        (GOOD, [TextExample("caf\u00c3\u00a9", "a")], {"badly-decoded": "warning"}),
        (GOOD, [TextExample("S\u00c3O \u00c0 la JO\u00c3O \u00c5s \u00abJ\u00c4\u00bb", "a")], {}),
        (GOOD, [TextExample("text\u200b 0", "a")], {"leak": "warning", "control-characters": "warning"}),
        (
            [*GOOD, TextExample("x", "a\u200b"), TextExample("y", "a\u200b")],
            None,
            {"label-characters": "warning", "similar-labels": "warning"},
        ),
        ([*GOOD, TextExample("x", "\ud83d"), TextExample("y", "\ud83d")], None, {"surrogates": "error"}),
        (
            [*GOOD, TextExample("x", "e\u0301"), TextExample("y", "\u00e9")],
            None,
            {"singleton-class": "warning", "similar-labels": "warning"},
        ),
        (GOOD, [TextExample("new", "a"), TextExample("newer", "a")], {"one-class": "warning"}),
        ([NumberExample(f"text {i}", i / 3) for i in range(9)], None, {}),
        ([NumberExample(f"text {i}", 2.5) for i in range(9)], None, {"one-number": "error"}),
        ([NumberExample(f"text {i}", 90_000.0 + i) for i in range(9)], None, {"far-numbers": "warning"}),
        ([NumberExample(f"text {i}", 999.0 * (-1) ** i) for i in range(10)], None, {"far-numbers": "warning"}),
    ],
)
def test_each_check(train: list, test: list | None, expected: dict[str, str]) -> None:
    assert codes(train, test) == expected


def question(text: str, answer: str | None, context: str = "He saw the river and the sea.") -> QuestionExample:
    spans = () if answer is None else (Span(answer, context.index(answer)),)
    return QuestionExample(text, context, spans, text, Origin("a.jsonl", 1))


def test_checks_of_questions() -> None:
    train = [question("What?", "the river"), question("Who?", "He")]
    elsewhere = "In 1900 nothing was there."
    assert codes(train, [question("When?", "1900", elsewhere)]) == {}
    assert codes(train, [question("Whom?", "He")]) == {"shared-contexts": "warning"}
    assert codes(train, [question("What?", "the river")]) == {"leak": "warning"}
    [leak] = check_splits({"train": train, "test": [question("what?", "the sea")]}, None)
    assert leak.message.startswith("1 of 1 examples of test is also in train, with another answer")
    assert codes([*train, question("WHAT?", "the sea")]) == {"duplicates": "note", "contradicting-labels": "warning"}
    found = codes(train, [question("When?", None, elsewhere)])
    assert found == {"unanswerable": "note", "unanswerable-unseen": "warning"}
    assert codes([question("What?", None)]) == {"no-answerable": "error"}


def leak_of(*test: TextExample) -> Finding:
    [leak] = [one for one in check_splits({"train": GOOD, "test": list(test)}, None) if one.code == "leak"]
    return leak


def test_what_is_remembered_helps_only_where_the_label_is_the_same() -> None:
    same, other = GOOD[0], [TextExample(f"text {i}", "ba"[i % 2], Origin("test.csv", i)) for i in (4, 5)]
    leak = leak_of(same, TextExample("new", "a"))
    assert leak.message == "1 of 2 examples of test is also in train"
    assert leak.advice == "Scores on test are too good by what is remembered; remove them from one of the two."
    leak = leak_of(*other)
    assert leak.message == "2 of 2 examples of test are also in train, all of them with another label"
    assert "too good" not in str(leak.advice) and "wrong on test" in str(leak.advice)
    assert leak_of(other[0], TextExample("new", "a")).message.endswith("is also in train, with another label")
    leak = leak_of(same, *other)
    assert leak.message.endswith("are also in train, 2 of them with another label (first test.csv:4)")
    assert "too good" in str(leak.advice) and "what is remembered is wrong" in str(leak.advice)


def test_one_example_is_told_in_the_singular() -> None:
    def messages(*more: TextExample) -> list[str]:
        return [finding.message for finding in check_splits({"train": [*GOOD, *more]}, None)]

    assert messages(TextExample("text 1", "a")) == [
        "1 of 11 examples of train repeats an earlier one",
        "1 repeated example of train has another label than the first",
    ]
    assert messages(TextExample("text 1", "a"), TextExample("text 3", "a")) == [
        "2 of 12 examples of train repeat an earlier one",
        "2 repeated examples of train have another label than the first",
    ]


def test_other_numbers_and_labels_of_one_text() -> None:
    numbers = [NumberExample(f"text {i}", i / 3) for i in range(9)]
    assert codes([*numbers, NumberExample("TEXT 3", 2.0)])["contradicting-labels"] == "warning"
    several = [MultiLabelExample(f"text {i}", ("joy", "love")[: 1 + i % 2]) for i in range(9)]
    assert codes(several) == {}
    assert codes([*several, MultiLabelExample("x", ("joy;love",))])["label-separator"] == "warning"


def test_checks_of_tags() -> None:
    train = [TaggedExample(("Ada", f"w{i}"), ("B-PER", "O")) for i in range(5)]
    invalid = [TaggedExample(("x", "y"), ("O", "I-PER"))]
    assert codes(train, invalid, "iob2") == {"invalid-transitions": "warning"}
    blank = [TaggedExample(("Bob", "\u00a0"), ("B-PER", "O"))]
    assert codes(train, blank, "iob2") == {"blank-words": "warning"}
    assert codes(train, [TaggedExample(("\u200b", "x"), ("B-PER", "O"))], "iob2") == {"control-characters": "warning"}
    long = [TaggedExample(tuple(map(str, range(1001))), ("B-PER", *["O"] * 1000))]
    assert codes(train, long, "iob2") == {"long-sentences": "warning"}
    assert codes(train, [TaggedExample(("x" * 1001, "y"), ("B-PER", "O"))], "iob2") == {"long-words": "warning"}
    stray = [TaggedExample(("x", "y"), ("B-PER", "I_PER")), TaggedExample(("x", "z"), ("B-PER", "I-PER"))]
    assert codes(train, stray, "plain") == {
        "stray-tags": "warning",
        "similar-labels": "warning",
        "unseen-label": "warning",
    }
    nothing = [TaggedExample(("x", str(i)), ("O", "O")) for i in range(2)]
    assert codes(train, nothing, "iob2") == {"one-class": "warning"}
    assert codes([TaggedExample(("a", str(i)), ("O", "O")) for i in range(3)], None, "plain") == {"one-class": "error"}


def test_an_error_names_its_place() -> None:
    test = [TextExample("new", "c", Origin("test.csv", 7)), TextExample("newer", "d", Origin("test.csv", 9))]
    found = [str(finding) for finding in check_splits({"train": GOOD, "test": test}, None)]
    assert found[0].startswith("test.csv:7: the label 'c' of test") and found[1].startswith("test.csv:9: the label 'd'")


def test_all_errors_are_raised_together() -> None:
    findings = [Finding("error", "a", "first"), Finding("warning", "b", "second"), Finding("error", "c", "third")]
    with pytest.raises(DataError) as raised:
        stop_on_errors(findings)
    assert str(raised.value) == "first\nthird" and len(raised.value.findings) == 3
    stop_on_errors(findings[1:2])


def test_data_cannot_drive_the_terminal() -> None:
    assert printable("\x1b[31m\u202e\0") == "\\x1b[31m\\u202e\\x00"
    assert str(Finding("error", "a", "label '\x1b'", "f\x07", 3)) == "f\\x07:3: label '\\x1b'"


def test_label_set() -> None:
    labels = LabelSet.from_labels(["10", "9", "O", "b"])
    assert labels.names == ("O", "9", "10", "b")
    assert LabelSet.from_mapping({str(i): name for i, name in labels.name_by_id.items()}) == labels
    assert "b" in labels and "c" not in labels and len(labels) == 4
    with pytest.raises(KeyError, match="'c' is not among the training labels"):
        labels.id("c")
    with pytest.raises(ValueError, match="expected 0 to 1"):
        LabelSet.from_mapping({0: "a", 2: "b"})
    with pytest.raises(ValueError, match="not unique"):
        LabelSet(("a", "a"))
