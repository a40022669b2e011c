"""What inspection tells of data, as plain values."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from unfreeze.data.bundled import sample_names
from unfreeze.data.examples import TaggedExample, TextExample
from unfreeze.data.excerpts import FEW, LONGEST, excerpts
from unfreeze.data.findings import DataError
from unfreeze.data.lengths import POINTS, length_histogram
from unfreeze.data.question_example import QuestionExample, Span
from unfreeze.data.sources import DataRequest, load_corpus, report, report_of_faults
from unfreeze.data.tag_schemes import entities, invalid_transitions

TRAIN = [
    *((f"happy day number {i}", "joy") for i in range(6)),
    *((f"sad day number {i}", "sadness") for i in range(6)),
    ("Happy  day number 0", "sadness"),  # repeats the first, and contradicts it
    ("sad day number 1", "sadness"),
]
DATA = {"train": TRAIN, "validation": [("a new day", "joy")], "test": [("sad day number 2", "joy"), ("other", "joy")]}


def described(data: Any, **request: Any) -> dict[str, Any]:
    return report(load_corpus(DataRequest(data=data, **request)))


@pytest.mark.parametrize("name", sample_names())
def test_it_is_plain_json_and_its_numbers_agree(name: str) -> None:
    request = {"task": "masked-lm"} if name == "docstrings" else {}
    summary = described(f"sample:{name}", **request)
    assert json.loads(json.dumps(summary)) == summary
    lengths = summary["lengths"]
    for split, one in summary["splits"].items():
        assert sum(lengths["splits"][split]["counts"]) == one["examples"]
        assert len(lengths["edges"]) == len(lengths["splits"][split]["counts"]) + 1
        points = [one[lengths["unit"]][key] for key in POINTS]
        assert points == sorted(points) and points[-1] <= lengths["edges"][-1]
    assert summary["examples"] and all(len(one["texts"]) <= FEW for one in summary["examples"])


def test_histograms_count_what_is_at_the_edges() -> None:
    """Lengths of 1 to 48 words in bins of two; the empty text is among the shortest."""
    summary = described([(" ".join(["word"] * n), "ab"[n % 2]) for n in [0, *range(1, 49)]])
    counts = Counter[int]()
    for one in summary["lengths"]["splits"].values():
        counts.update(dict(enumerate(one["counts"])))
    assert summary["lengths"]["edges"] == list(range(0, 50, 2))
    assert [counts[place] for place in range(24)] == [3, *[2] * 23]


def test_scripts_without_blanks_are_measured_in_characters() -> None:
    chinese = [
        ("这是一个很长的句子没有任何空格可以用来分开词语", "a"),
        ("今天天气很好我们一起去公园散步然后回家吃饭", "b"),
    ]
    assert described({"train": chinese, "validation": chinese, "test": chinese})["lengths"]["unit"] == "characters"
    assert described(DATA)["lengths"]["unit"] == "words"


def test_repeats_and_leaks_are_counted_and_shown_with_their_places() -> None:
    within, leaked = described(DATA)["repeats"]
    assert (within["split"], within["in"], within["examples"], within["differ"]) == ("train", "train", 2, 1)
    assert [one["again"]["place"] for one in within["texts"]] == [
        "train:13",
        "train:14",
    ]  # what contradicts comes first
    assert within["texts"][0]["first"] == {"place": "train:1", "said": "joy"}
    assert (leaked["split"], leaked["in"], leaked["examples"], leaked["differ"]) == ("test", "train", 1, 1)
    assert leaked["texts"][0]["again"] == {"place": "test:1", "said": "joy"}


def test_findings_keep_their_places_and_what_is_inferred_stands_apart() -> None:
    summary = described(DATA)
    codes = [one["code"] for one in summary["found"]]
    assert codes.index("leak") < codes.index("duplicates")  # warnings before notes
    assert "contradicting-labels" in codes
    leak = next(one for one in summary["found"] if one["code"] == "leak")
    assert (leak["file"], leak["line"]) == ("test", 1) and "remove them" in leak["advice"]
    assert not set(summary["inferred"]) & {one["message"] for one in summary["found"]}
    assert set(summary["inferred"]) < set(summary["notes"])


def test_entities_are_counted_by_type() -> None:
    tagged = [(["Ada", "Lovelace", "met", "Babbage"], ["B-PER", "I-PER", "O", "B-PER"]), (["Rome"], ["B-LOC"])]
    summary = described({"train": tagged, "validation": tagged, "test": tagged})
    assert summary["splits"]["train"]["entities"] == {"PER": 2, "LOC": 1}
    assert summary["examples"][0] == {
        "label": "PER",
        "texts": ["[Ada Lovelace] met Babbage", "Ada Lovelace met [Babbage]"],
    }


def test_questions_tell_what_has_answers() -> None:
    asked = [
        QuestionExample("Where?", "Ada was born in London.", (Span("London", 16),)),
        QuestionExample("When?", "Ada was born in London.", ()),
    ]
    summary = described({"train": asked, "validation": asked[:1], "test": asked[:1]})
    answers = summary["splits"]["train"]["answers"]
    assert (answers["contexts"], answers["without"], answers["several"]) == (1, 1, 0)
    assert answers["words"]["longest"] == 1
    assert [one["texts"] for one in summary["examples"]] == [["Where? → London"], ["When?"]]


def test_numbers_and_several_labels() -> None:
    rows = [{"text": f"text {i}", "score": i / 2} for i in range(10)]
    numbers = described(rows, task="regression", label_column="score")
    assert numbers["splits"]["train"]["numbers"]["longest"] <= 4.5
    assert [float(one["label"]) for one in numbers["examples"]] == sorted(
        float(one["label"]) for one in numbers["examples"]
    )
    several = [{"text": f"text {i}", "a": int(i % 2 == 0), "b": int(i % 3 == 0)} for i in range(12)]
    summary = described(several, task="multi-label", label_column="a,b", max_train_samples=None)
    counted = Counter[str]()
    for split in summary["splits"].values():
        counted.update(split["labels_of_a_text"])
    assert counted == {"0": 4, "1": 6, "2": 2}


def test_a_long_text_is_cut_and_a_long_sentence_shown_around_the_word() -> None:
    [one] = excerpts([TextExample("word " * 100_000, "a")], None)
    assert len(one["texts"][0]) <= LONGEST and one["texts"][0].endswith("…")
    words = tuple(f"w{i}" for i in range(40))
    tags = tuple("X" if i == 20 else "O" for i in range(40))
    shown = {one["label"]: one["texts"] for one in excerpts([TaggedExample(words, tags)], "plain")}
    assert shown["X"] == ["… w13 w14 w15 w16 w17 w18 w19 [w20] w21 w22 w23 w24 w25 w26 w27 …"]


def test_errors_come_with_what_was_read() -> None:
    unseen = {**DATA, "test": [("what is this", "rage")]}
    with pytest.raises(DataError) as caught:
        load_corpus(DataRequest(data=unseen))
    summary = report_of_faults("mine", caught.value)
    assert json.loads(json.dumps(summary)) == summary
    assert summary["found"][0]["code"] == "unseen-label" and summary["found"][0]["severity"] == "error"
    assert (summary["task"], summary["splits"]["test"]["labels"]) == ("classification", {"rage": 1})


def test_files_that_cannot_be_read_leave_the_errors_alone(tmp_path: Any) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("text,label\nGood soup,pos\nGood, really,pos\n")
    with pytest.raises(DataError) as caught:
        load_corpus(DataRequest(data=str(broken)))
    summary = report_of_faults("broken", caught.value)
    assert summary["splits"] == {} and summary["task"] is None
    assert [(one["severity"], one["line"]) for one in summary["found"]] == [("error", 3)]


@pytest.mark.parametrize(
    "tags", [["I-PER", "I-PER", "O"], ["B-A", "B-A", "I-B"], ["O"], [], ["B-X", "O", "I-X", "B-X"]]
)
def test_entities_cover_the_tagged_words_without_overlap(tags: list[str]) -> None:
    found = list(entities(tags))
    covered = [place for _, start, end in found for place in range(start, end)]
    assert covered == [place for place, tag in enumerate(tags) if tag != "O"]
    assert len(found) == sum(tag.startswith("B-") for tag in tags) + invalid_transitions(tags)


def test_one_very_long_text_does_not_press_the_others_together() -> None:
    lengths: list[int] = [*range(1, 100), 5000]
    found = length_histogram({"train": {"words": lengths, "characters": lengths}}, "words")
    counts = found["splits"]["train"]["counts"]
    assert found["edges"][-1] < 200 and found["longer"] == 1 and sum(counts) == len(lengths)
    assert max(counts) < 10
    usual = length_histogram({"train": {"words": lengths[:-1], "characters": lengths}}, "words")
    assert usual["longer"] == 0 and usual["edges"][-1] >= 99
