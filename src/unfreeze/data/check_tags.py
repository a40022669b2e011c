"""What is odd about tagged sentences: tags that break their scheme, words that are blank, sentences without an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from unfreeze.data.examples import Example
from unfreeze.data.finding_at import finding_at
from unfreeze.data.findings import Finding
from unfreeze.data.tag_schemes import Tags, invalid_marks, invalid_transitions, strays

Splits = Mapping[str, Sequence[Example]]
LONGEST_SENTENCE = 1_000  # words; those of treebanks have up to some hundred
LONGEST_WORD = 1_000  # characters


def check_tags(splits: Splits, scheme: str) -> Iterator[Finding]:
    """Findings about sentences whose tags are in IOB2 or plain."""
    for split, examples in splits.items():
        yield from _check_words(split, examples)
        if scheme == "iob2":
            yield from _check_marks(split, examples, invalid_transitions, "IOB2 transitions", "I- without its B-")
    if scheme == "plain":
        yield from _check_strays(splits)


def check_single_and_last(splits: Splits) -> Iterator[Finding]:
    """Findings about tags that also mark single and last words, before they are converted."""
    for split, examples in splits.items():
        yield from _check_marks(split, examples, invalid_marks, "BIOES marks", "an entity left open, or not begun")


def _check_marks(
    split: str, examples: Sequence[Example], invalid: Callable[[Tags], int], what: str, how: str
) -> Iterator[Finding]:
    counts = [(invalid(example.labels), example) for example in examples]
    faulty = [(count, example) for count, example in counts if count]
    if faulty:
        total = sum(count for count, _ in faulty)
        message = f"{total} invalid {what} in {len(faulty)} sentences of {split} ({how})"
        advice = "Scores follow conlleval: an entity begins there."
        yield finding_at(faulty[0][1], "warning", "invalid-transitions", message, advice)


def _check_words(split: str, examples: Sequence[Example]) -> Iterator[Finding]:
    # A zero-width space is no blank: it yields no word piece, and is answered for all the same.
    blank = [one for one in examples if not all(word.strip() for word in one.parts)]
    long = [one for one in examples if len(one.parts) > LONGEST_SENTENCE]
    huge = [one for one in examples if max(map(len, one.parts)) > LONGEST_WORD]
    if blank:
        message = f"{len(blank)} sentences of {split} have words that are empty or blank"
        yield finding_at(blank[0], "warning", "blank-words", message, "Each is read as an unknown word.")
    if long:
        message = f"{len(long)} sentences of {split} have more than {LONGEST_SENTENCE:,} words"
        yield finding_at(long[0], "warning", "long-sentences", message, "Are blank lines between sentences missing?")
    if huge:
        message = f"{len(huge)} sentences of {split} have words of more than {LONGEST_WORD:,} characters"
        yield finding_at(huge[0], "warning", "long-words", message, "What exceeds --max-length is cut off and counted.")


def _check_strays(splits: Splits) -> Iterator[Finding]:
    odd = set(strays(tag for examples in splits.values() for one in examples for tag in one.labels))
    for split, examples in splits.items():
        found = [one for one in examples if not odd.isdisjoint(one.labels)]
        if found:
            shown = ", ".join(repr(tag) for tag in sorted(odd) if any(tag in one.labels for one in found))
            message = (
                f"{len(found)} sentences of {split} have tags that are not like the others, B-TYPE and I-TYPE: {shown}"
            )
            advice = "So all are read as plain tags, and no entities are scored; correct these."
            yield finding_at(found[0], "warning", "stray-tags", message, advice)
