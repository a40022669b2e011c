"""Entity scores from IOB2 tags, equal to seqeval's default mode and to its strict IOB2 mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from unfreeze.metrics.classification import Counts

Tags: TypeAlias = Sequence[str]
Entity: TypeAlias = tuple[str, int, int]  # type, first word, last word (inclusive)


def entities(tags: Tags) -> list[Entity]:
    """The entities of one sentence as conlleval and seqeval's default mode read them: a lone `I-` opens one.

    >>> entities(["I-PER", "I-PER", "O", "B-LOC", "B-LOC", "I-ORG"])
    [('PER', 0, 1), ('LOC', 3, 3), ('LOC', 4, 4), ('ORG', 5, 5)]
    """
    found: list[Entity] = []
    start, open_type = 0, ""
    for i, tag in enumerate([*tags, "O"]):
        # seqeval's default mode takes what follows the first hyphen as the type, and "_" where nothing follows.
        prefix, kind = tag[0], tag[1:].split("-", maxsplit=1)[-1] or "_"
        begins = prefix == "B" or (prefix == "I" and kind != open_type)
        if open_type and (begins or prefix == "O"):
            found.append((open_type, start, i - 1))
            open_type = ""
        if begins:
            start, open_type = i, kind
    return found


def strict_entities(tags: Tags) -> list[Entity]:
    """The entities of one sentence in strict IOB2: `B-X` and the `I-X` that follow; a lone `I-` is nothing.

    >>> strict_entities(["I-PER", "I-PER", "O", "B-LOC", "I-ORG"])
    [('LOC', 3, 3)]
    """
    found: list[Entity] = []
    start, open_type = 0, ""
    for i, tag in enumerate([*tags, "O"]):
        prefix, kind = tag[0], tag[1:].strip("-") or "_"  # as seqeval's `Token` reads it
        if open_type and not (prefix == "I" and kind == open_type):
            found.append((open_type, start, i - 1))
            open_type = ""
        if prefix == "B":
            start, open_type = i, kind
    return found


def entity_scores(gold: Sequence[Tags], predicted: Sequence[Tags]) -> dict[str, float]:
    """Entity precision, recall and F1 over all types (micro average), in the default and in the strict sense.

    >>> scores = entity_scores([["B-PER", "I-PER"]], [["I-PER", "I-PER"]])
    >>> scores["entity_f1"], scores["strict_entity_f1"]
    (1.0, 0.0)
    """
    scores = {}
    for label, read in (("entity", entities), ("strict_entity", strict_entities)):
        total = _sum(_counts(gold, predicted, read).values())
        scores[f"{label}_precision"] = total.precision
        scores[f"{label}_recall"] = total.recall
        scores[f"{label}_f1"] = total.f1
    return scores


def scores_by_entity_type(gold: Sequence[Tags], predicted: Sequence[Tags]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support of each entity type, in the default sense, sorted by type."""
    return {kind: counts.as_dict() for kind, counts in _counts(gold, predicted, entities).items()}


def sentence_counts(gold: Tags, predicted: Tags) -> Counts:
    """The counts of one sentence over all types; sums of them give the score of any set of sentences."""
    golden, proposed = set(entities(gold)), set(entities(predicted))
    return Counts(len(golden & proposed), len(proposed), len(golden))


def _counts(gold: Sequence[Tags], predicted: Sequence[Tags], read: Callable[[Tags], list[Entity]]) -> dict[str, Counts]:
    golden: set[tuple[int, Entity]] = set()
    proposed: set[tuple[int, Entity]] = set()
    for i, (gold_tags, predicted_tags) in enumerate(zip(gold, predicted, strict=True)):
        if len(gold_tags) != len(predicted_tags):
            raise ValueError(f"sentence {i} has {len(gold_tags)} gold tags and {len(predicted_tags)} predicted ones")
        golden |= {(i, entity) for entity in read(gold_tags)}
        proposed |= {(i, entity) for entity in read(predicted_tags)}
    right = golden & proposed
    kinds = sorted({entity[0] for _, entity in golden | proposed})
    return {
        kind: Counts(*(sum(e[0] == kind for _, e in group) for group in (right, proposed, golden))) for kind in kinds
    }


def _sum(counts: Iterable[Counts]) -> Counts:
    values = list(counts)
    return Counts(sum(c.true_positives for c in values), sum(c.predicted for c in values), sum(c.gold for c in values))
