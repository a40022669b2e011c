"""What encoding cuts off is counted exactly: trial 22."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

from soak.trial import Figure, Ground, Tally, Trial
from unfreeze.batching.features import Encoded
from unfreeze.data.examples import Example, MultiLabelExample, NumberExample, TaggedExample, TextExample
from unfreeze.data.question_example import QuestionExample, Span
from unfreeze.tasks.classification import Classification
from unfreeze.tasks.multi_label import MultiLabel
from unfreeze.tasks.question_answering import QuestionAnswering
from unfreeze.tasks.regression import Regression
from unfreeze.tasks.tagging import Tagging
from unfreeze.tasks.task import Task

MAX_LENGTHS = (5, 8, 16, 33, 128)
Counts = tuple[int, int, int]  # texts and tokens cut off, words that nothing answers for


@dataclass(frozen=True)
class MadeSet:
    """Examples of a task, and how much of them is cut off where a window has room for so many tokens."""

    name: str
    task: Task
    make: Callable[[random.Random, int], Example]
    count: Callable[[list[Any], int], Counts]


def letters_tokenizer() -> Any:
    """Every letter is a token, so that counting letters counts tokens."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = {
        piece: i for i, piece in enumerate([*special, *ascii_lowercase, *(f"##{c}" for c in ascii_lowercase)])
    }  # fmt: skip
    backend = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]", max_input_chars_per_word=10_000))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    frame = [("[CLS]", pieces["[CLS]"]), ("[SEP]", pieces["[SEP]"])]
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=frame
    )
    return BertTokenizerFast(tokenizer_object=backend)


def _letters(text: str) -> int:
    return sum(sign != " " for sign in text)


def _one_text(examples: list[Any], max_length: int) -> Counts:
    over = [_letters(one.text) - (max_length - 2) for one in examples]
    return sum(n > 0 for n in over), sum(n for n in over if n > 0), 0


def _two_texts(examples: list[Any], max_length: int) -> Counts:
    over = [_letters(one.text) + _letters(one.pair) - (max_length - 3) for one in examples]
    return sum(n > 0 for n in over), sum(n for n in over if n > 0), 0


def _nothing(examples: list[Any], max_length: int) -> Counts:
    return 0, 0, 0


def _long_words(examples: list[Any], max_length: int) -> Counts:
    """Sentences are read in windows, so only a word that no window holds is cut; every word is answered for."""
    over = [[len(word) - (max_length - 2) for word in one.words] for one in examples]
    return sum(max(words) > 0 for words in over), sum(n for words in over for n in words if n > 0), 0


def _long_questions(examples: list[Any], max_length: int) -> Counts:
    """Half of the room is the question's at most; contexts are read in windows."""
    over = [_letters(one.question) - (max_length - 3) // 2 for one in examples]
    return sum(n > 0 for n in over), sum(n for n in over if n > 0), 0


def _word(draw: random.Random, longest: int) -> str:
    return "".join(draw.choices(ascii_lowercase, k=draw.randint(1, longest)))


def _words(draw: random.Random, most: int, longest: int = 9) -> str:
    return " ".join(_word(draw, longest) for _ in range(draw.randint(1, most)))


def _question(draw: random.Random, most: int) -> QuestionExample:
    context = _words(draw, 60)
    first = context.split()[0]
    return QuestionExample(_words(draw, most), context, (Span(first, 0),))


def _tagged(draw: random.Random, most: int, longest: int) -> TaggedExample:
    words = tuple(_word(draw, longest) for _ in range(draw.randint(1, most)))
    return TaggedExample(words, tuple(draw.choice("ab") for _ in words))


SETS = (
    MadeSet("short texts", Classification(), lambda d, i: TextExample(_words(d, 4), "ab"[i % 2]), _one_text),
    MadeSet("long texts", Classification(), lambda d, i: TextExample(_words(d, 80), "ab"[i % 2]), _one_text),
    MadeSet(
        "beginning and end", Classification(long_text="head_tail"),
        lambda d, i: TextExample(_words(d, 80), "ab"[i % 2]), _one_text,
    ),
    MadeSet(
        "in windows", Classification(long_text="window_mean"),
        lambda d, i: TextExample(_words(d, 80), "ab"[i % 2]), _nothing,
    ),
    MadeSet(
        "pairs", Classification(),
        lambda d, i: TextExample(_words(d, 30), "ab"[i % 2], pair=_words(d, 12)), _two_texts,
    ),
    MadeSet(
        "several labels", MultiLabel(),
        lambda d, i: MultiLabelExample(_words(d, 40), ("a", "b")[: i % 3]), _one_text,
    ),
    MadeSet(
        "numbers of pairs", Regression(),
        lambda d, i: NumberExample(_words(d, 9), i / 7, pair=_words(d, 40)), _two_texts,
    ),
    MadeSet("sentences", Tagging(scheme="plain"), lambda d, i: _tagged(d, 60, 9), _long_words),
    MadeSet("long words", Tagging(scheme="plain"), lambda d, i: _tagged(d, 8, 300), _long_words),
    MadeSet("questions", QuestionAnswering(), lambda d, i: _question(d, 25), _long_questions),
)  # fmt: skip


def counted(ground: Ground) -> Figure:
    """Texts, tokens and words cut off, as `Encoded` says and as counted letter by letter."""
    tally, tokenizer = Tally(), letters_tokenizer()
    examples_of_each = ground.times(60, 400)
    for made in SETS:
        draw = ground.random(made.name)
        examples = [made.make(draw, i) for i in range(examples_of_each)]
        labels = made.task.labels(examples)
        for max_length in MAX_LENGTHS:
            encoded = made.task.encode(examples, tokenizer, labels, max_length)
            told = encoded.truncated_examples, encoded.truncated_tokens, encoded.lost_words
            expected = made.count(examples, max_length)
            faults = [*_unlike(told, expected), *_windows(encoded, examples, made, max_length, expected)]
            tally.add(not faults, f"{made.name}, {max_length}: {'; '.join(faults)}")
    return tally.figure(f"{len(SETS)} sets of {examples_of_each} examples, {len(MAX_LENGTHS)} lengths of a window")


def _unlike(told: Counts, expected: Counts) -> Iterator[str]:
    if told != expected:
        yield f"(texts, tokens, words) cut off: told {told}, counted {expected}"


def _windows(
    encoded: Encoded, examples: list[Example], made: MadeSet, max_length: int, expected: Counts
) -> Iterator[str]:
    """The windows themselves: none is too long, what is in them is what was not cut off, each word is answered once."""
    if any(len(window) > max_length for window in encoded.features):
        yield "a window is too long"
    if made.count in (_one_text, _two_texts):
        frame = 2 if made.count is _one_text else 3
        read = sum(len(window) - frame for window in encoded.features)
        if read + expected[1] != sum(_letters(part) for one in examples for part in one.parts):
            yield f"{read} tokens are read"
    if made.count is _long_words:
        answered = Counter((window.example, word) for window in encoded.features for word in window.words if word >= 0)
        if answered != Counter((i, word) for i, one in enumerate(examples) for word in range(len(one.parts))):
            yield "words are not answered for once"


TRIALS = (Trial(22, "P9", "what is cut off, counted", counted),)
