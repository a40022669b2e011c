"""What a comparison writes for the drawings of its report: lengths, labels, what trains, what is confused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from unfreeze.data.examples import NumberExample
from unfreeze.data.question_example import QuestionExample, Span
from unfreeze.experiments.answers import Answers
from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.examples_to_read import examples_to_read
from unfreeze.metrics.confusion import OTHER, confusion, most_confused
from unfreeze.statistics.disagreement import confident_mistakes
from unfreeze.storage.records import read_predictions
from unfreeze.tasks.task import Comparable


def test_lengths_and_labels_are_those_of_the_splits(comparison: Comparison, corpora: dict[str, dict[str, Any]]) -> None:
    data = comparison.summary["data"]
    assert list(data["lengths"]["splits"]) == ["train", "validation", "test", "news"]
    for name, one in data["lengths"]["splits"].items():
        assert sum(one["counts"]) == data["sizes"][name]
        assert len(one["counts"]) == len(data["lengths"]["edges"]) - 1
        assert one["median"] <= one["p95"] <= one["longest"] <= data["lengths"]["edges"][-1]
    given = corpora[comparison.summary["task"]]["test"]
    answers = Counter(label for _, labels in given for label in ([labels] if isinstance(labels, str) else labels))
    counted = data["label_counts"]["test"]
    if data["tag_scheme"] == "iob2":  # every entity of these has one word
        assert counted == {name: answers[f"B-{name}"] for name in ("LOC", "PER")}
    else:
        assert counted == answers and list(counted) == data["labels"]


def test_what_trains_is_told_part_by_part(comparison: Comparison) -> None:
    full, lora = comparison.summary["trained_parts"]
    assert (full["strategy"], lora["strategy"]) == ("full", "lora:r=2")
    names = [part["part"] for part in full["parts"]]
    assert names[:3] == ["embeddings", "layer 1", "layer 2"] and names[-1] == "head"
    record = next(one for one in comparison.records if one.strategy == "full")
    assert sum(part["parameters"] for part in full["parts"]) == record.total_parameters
    assert all(part["spans"] == [{"first": 1, "last": 2, "trained": part["parameters"], "rates": [2e-2, 2e-2]}]
               for part in full["parts"])  # fmt: skip
    record = next(one for one in comparison.records if one.strategy == "lora:r=2")
    trained = sum(span["trained"] for part in lora["parts"] for span in part["spans"])
    assert trained == record.trainable_parameters
    assert lora["parts"][0]["spans"] == [] and lora["parts"][1]["added"] > 0


def test_a_schedule_is_told_epoch_by_epoch(tmp_path: Path, run_comparison: Any) -> None:
    strategies = ["gradual", "llrd:decay=0.5"]
    done = run_comparison(tmp_path / "out", strategy=strategies, epochs=3, max_train_samples=6, max_eval_samples=6)
    gradual, llrd = ({part["part"]: part["spans"] for part in one["parts"]} for one in done.summary["trained_parts"])
    begins = {name: spans[0]["first"] if spans else None for name, spans in gradual.items()}
    assert (begins["head"], begins["layer 2"], begins["layer 1"], begins["embeddings"]) == (1, 2, 3, None)
    rates = [llrd[name][0]["rates"][0] for name in ("head", "layer 2", "layer 1", "embeddings")]
    assert rates == pytest.approx([2e-2, 1e-2, 5e-3, 2.5e-3])


def test_confusion_counts_every_answer_of_every_seed(comparison: Comparison) -> None:
    entries = {one["strategy"]: one for one in comparison.summary["confusion"]}
    for strategy, entry in entries.items():
        pairs: Counter[tuple[str, str]] = Counter()
        for record in comparison.records:
            if record.strategy == strategy:
                folder = (comparison.output / str(record.model)).parent
                for row in read_predictions(folder, "test"):
                    one = isinstance(row["gold"], str)
                    gold, said = ([row["gold"]], [row["predicted"]]) if one else (row["gold"], row["predicted"])
                    pairs.update(zip(gold, said, strict=True))
        labels = entry["labels"]
        found = {
            (labels[i], labels[j]): number
            for i, line in enumerate(entry["counts"])
            for j, number in enumerate(line)
            if number
        }
        assert found == dict(pairs)
        assert entry["labels_in_all"] == len({label for pair in pairs for label in pair})
        for one in entry["most"]:
            assert pairs[one["gold"], one["answered"]] == one["number"] > 0 and one["gold"] != one["answered"]
            assert one["of"] == sum(number for (gold, _), number in pairs.items() if gold == one["gold"])
        assert (entry["split"], entry["seeds"]) == ("test", 2)


def test_mistakes_are_of_the_recommended_strategy(comparison: Comparison) -> None:
    for one in comparison.summary["mistakes"]:
        assert one["strategy"] == comparison.recommended
        assert one["answer"] != one["gold"]
        assert one["text"]
    sure = [one["confidence"] for one in comparison.summary["mistakes"]]
    assert sure == sorted(sure, reverse=True)


def test_of_a_context_what_is_around_the_answer_is_shown() -> None:
    context = "Nothing here. " * 60 + "The ship sank in 1912 off the coast. " + "More of it. " * 60
    asked = QuestionExample("When did it sink?", context, (Span("1912", context.index("1912")),), "1")
    unanswerable = QuestionExample("Who sailed?", context, (), "2")
    answers = Answers([0, 1], [["1912"], []], ["off the coast", "1912"],
                      [Comparable("1912", "off the coast", [0.9]), Comparable("", "1912", [0.8])], 2)  # fmt: skip
    found = examples_to_read({"full": [answers]}, "m", "test", [asked, unanswerable], "full")["mistakes"]
    assert [one["text"].partition(" …")[0] for one in found] == ["When did it sink?", "Who sailed?"]
    assert all("sank in 1912 off" in one["text"] and len(one["text"]) < 340 for one in found)


def test_of_numbers_the_largest_errors_are_told() -> None:
    runs = [Answers([0, 1, 2], [1.0, 2.0, 3.0], said, [], 3) for said in ([1.1, 0.0, 2.0], [0.9, 1.0, 2.5])]
    texts = [NumberExample(f"t {i}", float(i)) for i in range(3)]
    found = examples_to_read({"full": runs}, "m", "test", texts, "full")["mistakes"]
    assert [(one["index"], one["gold"], one["answer"], one["error"]) for one in found] == [
        (1, 2.0, 0.5, 1.5), (2, 3.0, 2.25, 0.75), (0, 1.0, 1.0, pytest.approx(0.1)),
    ]  # fmt: skip


def test_the_most_confident_mistakes_come_first() -> None:
    def rows(*answers: tuple[str, float]) -> list[dict[str, Any]]:
        return [
            {"index": i, "gold": "a", "predicted": said, "scores": [sure]} for i, (said, sure) in enumerate(answers)
        ]

    found = confident_mistakes([rows(("b", 0.6), ("a", 0.9), ("c", 0.9)), rows(("b", 0.7), ("b", 0.8), ("c", 0.8))])
    assert [(one.index, one.answer) for one in found] == [(2, "c"), (0, "b")]
    assert confident_mistakes([]) == []


def test_of_very_many_labels_the_rest_is_counted_together() -> None:
    pairs = [(f"l{i:02}", f"l{i:02}") for i in range(30) for _ in range(30 - i)] + [("l00", "l29")]
    labels, counts = confusion(pairs, most=5)
    assert labels == ["l00", "l01", "l02", "l03", OTHER]
    assert sum(map(sum, counts)) == len(pairs)
    assert counts[0][4] == 1 and counts[4][4] == sum(range(1, 27))


def test_rare_labels_are_named_when_they_are_confused_most() -> None:
    pairs = [("often", "often")] * 50 + [("l1", "l2")] * 9 + [("l2", "l2")] * 3 + [("often", "l1")] * 2
    assert most_confused(pairs) == [("l1", "l2", 9, 9), ("often", "l1", 2, 52)]
