"""The tokens around a sequence are found for every kind of tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertTokenizer, BertTokenizerLegacy, PreTrainedTokenizerFast, RobertaTokenizer

from unfreeze.tasks import TaskError
from unfreeze.tasks.special_tokens import Frame, PairFrame, frame_of, pair_frame_of

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "b", "##b"]  # "a" is unknown


def test_word_piece() -> None:
    assert frame_of(BertTokenizer(vocab={piece: i for i, piece in enumerate(PIECES)})) == Frame((2,), (3,))


def test_slow_word_piece(tmp_path: Path) -> None:
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(PIECES), encoding="utf-8")
    tokenizer = BertTokenizerLegacy(str(vocabulary))
    assert not tokenizer.is_fast
    assert frame_of(tokenizer) == Frame((2,), (3,))


@pytest.mark.parametrize("add_prefix_space", [True, False])
def test_byte_level(add_prefix_space: bool) -> None:
    letters = ["<pad>", "<unk>", "<s>", "</s>", "<mask>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    vocabulary = {piece: i for i, piece in enumerate(letters)}
    tokenizer = RobertaTokenizer(vocab=vocabulary, merges=[], add_prefix_space=add_prefix_space)
    assert frame_of(tokenizer) == Frame((2,), (3,))


@pytest.mark.parametrize(
    ("template", "frame"),
    [("$A", Frame((), ())), ("$A </s>", Frame((), (1,))), ("<s> <s> $A </s>", Frame((0, 0), (1,)))],
)
def test_other_templates(template: str, frame: Frame) -> None:
    backend = Tokenizer(models.WordLevel({"<s>": 0, "</s>": 1, "a": 2, "?": 3}, unk_token="?"))
    backend.post_processor = processors.TemplateProcessing(single=template, special_tokens=[("<s>", 0), ("</s>", 1)])
    assert frame_of(PreTrainedTokenizerFast(tokenizer_object=backend)) == frame


def test_room_is_what_the_special_tokens_leave() -> None:
    assert Frame((2,), (3,)).room(8) == 6
    assert Frame((), ()).room(1) == 1
    with pytest.raises(TaskError, match="max_length=2: the special tokens alone take 2; expected 3 or more"):
        Frame((2,), (3,)).room(2)


def test_a_tokenizer_that_hides_the_text_is_refused() -> None:
    def tokenizer(text: str, *, add_special_tokens: bool) -> Any:
        return {"input_ids": [7, 8] if add_special_tokens else [5]}

    with pytest.raises(ValueError, match="cannot tell the special tokens of function"):
        frame_of(tokenizer)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("template", "types", "frame"),
    [
        ("[CLS] $A [SEP] $B:1 [SEP]:1", True, PairFrame((0,), (1,), (1,), (0, 0, 0, 1, 1))),
        ("[CLS] $A [SEP] [SEP] $B [SEP]", False, PairFrame((0,), (1, 1), (1,), None)),
        ("$A $B:1", True, PairFrame((), (), (), (0, 0, 0, 1, 1))),
    ],
)
def test_frames_of_pairs(template: str, types: bool, frame: PairFrame) -> None:
    backend = Tokenizer(models.WordLevel({"[CLS]": 0, "[SEP]": 1, "a": 2, "?": 3}, unk_token="?"))
    backend.post_processor = processors.TemplateProcessing(
        single="$A", pair=template, special_tokens=[("[CLS]", 0), ("[SEP]", 1)]
    )
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if types else [])]
    found = pair_frame_of(PreTrainedTokenizerFast(tokenizer_object=backend, model_input_names=names))
    assert found == frame
    assert found.ids([7], [8, 9]) == [*frame.before, 7, *frame.between, 8, 9, *frame.after]
    expected = [0] * (len(frame.before) + 1 + len(frame.between)) + [1] * (2 + len(frame.after))
    assert found.segments_of(1, 2) == (expected if types else [])
    assert found.room(20) == 20 - len(found)
    with pytest.raises(TaskError, match=f"expected {len(found) + 2} or more"):
        found.room(len(found) + 1)
