"""Objectives on plain text: what is hidden, which pairs are made, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from unfreeze.batching.features import IGNORE
from unfreeze.data.examples import PassageExample
from unfreeze.data.labels import LabelSet
from unfreeze.models.load import load_tokenizer
from unfreeze.tasks import MaskedLM, NextSentence, ReplacedToken, SentenceOrder, TaskError, TranslationLM

NO_LABELS = LabelSet(())


@pytest.mark.parametrize("task", [MaskedLM(mlm_probability=0.6), MaskedLM(mask_unit="span"), ReplacedToken()])
def test_special_tokens_that_a_text_spells_out_are_never_hidden(
    family_folder: Callable[..., str], family: str, task: MaskedLM | ReplacedToken
) -> None:
    tokenizer = load_tokenizer(family_folder(family))
    names = [tokenizer.mask_token, tokenizer.sep_token, tokenizer.pad_token, tokenizer.unk_token]
    text = f"we saw {' the '.join(names)} house 😀"
    [window] = task.encode([PassageExample(text, "masked-lm")], tokenizer, NO_LABELS, 64).features
    special = {i for i, token in enumerate(window.input_ids) if token in set(tokenizer.all_special_ids)}
    assert len(special) >= 5
    corrupt, rng = task.corruption(tokenizer), Random(0)
    hidden = set()
    for _ in range(200):
        found = corrupt(window, rng)
        hidden |= {i for i, label in enumerate(found.labels) if label != IGNORE}
    assert hidden == set(range(len(window))) - special
    with pytest.raises(TaskError, match="nothing but special tokens"):
        task.encode([PassageExample(str(tokenizer.mask_token), "masked-lm")] * 3, tokenizer, NO_LABELS, 64)


def passages(*texts: str) -> list[PassageExample]:
    return [PassageExample(text, "next-sentence") for text in texts]


def pairs_of(task: NextSentence | SentenceOrder, examples: list[PassageExample]) -> list[tuple[str, str, int]]:
    sentences = [one.sentences for one in examples]
    found = [pair for i in range(len(examples)) for pair in task.made(sentences, i, Random(i))]
    return [(first, second, label) for first, second, label in found if second is not None]


def test_a_random_sentence_is_never_the_one_that_follows() -> None:
    alike = passages(*(f"We saw anna {i}.\nAll rights are kept." for i in range(200)))
    random = [pair for pair in pairs_of(NextSentence(), alike) if pair[2] == 1]
    assert len(random) > 50 and all(second != "All rights are kept." for _, second, _ in random)


def test_equal_sentences_have_no_order() -> None:
    assert pairs_of(SentenceOrder(), passages("a day\na day\nthe house")) in (
        [("a day", "the house", 0)],
        [("the house", "a day", 1)],
    )


@pytest.mark.parametrize("number", [1, 2])
def test_without_another_passage_there_is_nothing_random(family_folder: Callable[..., str], number: int) -> None:
    tokenizer = load_tokenizer(family_folder("bert"))
    few = passages(*["we saw anna.\na day in lima."] * number)
    outcomes = set()
    for seed in range(12):  # which pairs are random is drawn from the texts
        some = passages(*(f"we saw {seed} anna.\na day in lima." for _ in few))
        try:
            labels = {window.labels[0] for window in NextSentence().encode(some, tokenizer, NO_LABELS, 64).features}
            outcomes.add(frozenset(labels))
        except TaskError as error:
            assert "could stand for a random one" in str(error)
            outcomes.add("refused")
    assert "refused" in outcomes or number > 1


def test_translations_are_pairs(family_folder: Callable[..., str]) -> None:
    tokenizer = load_tokenizer(family_folder("bert"))
    given = [PassageExample("we saw", "translation-lm", pair="a day"), PassageExample("lima", "translation-lm")]
    with pytest.raises(TaskError, match="1 of 2 sentences have no translation"):
        TranslationLM().encode(given, tokenizer, NO_LABELS, 64)
