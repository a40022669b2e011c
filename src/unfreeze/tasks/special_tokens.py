"""The tokens a tokenizer puts around one text and between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from unfreeze.tasks.task import TaskError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Frame:
    """Ids before and after a sequence, e.g. `[CLS]` and `[SEP]`."""

    before: tuple[int, ...]
    after: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.before) + len(self.after)

    def room(self, max_length: int) -> int:
        """How many tokens of its own a window of `max_length` tokens can hold; refused if there is none."""
        if max_length <= len(self):
            raise TaskError(
                f"max_length={max_length}: the special tokens alone take {len(self)}; expected {len(self) + 1} or more"
            )
        return max_length - len(self)


@dataclass(frozen=True)
class PairFrame:
    """Ids before, between and after two texts, e.g. `[CLS]`, `[SEP]` and `[SEP]`."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]
    # Of the three and both texts, in their order; None where the network reads none.
    segments: tuple[int, int, int, int, int] | None

    def __len__(self) -> int:
        return len(self.before) + len(self.between) + len(self.after)

    def room(self, max_length: int) -> int:
        """How many tokens of both texts a window of `max_length` tokens can hold; refused below one for each."""
        if max_length < len(self) + 2:
            raise TaskError(
                f"max_length={max_length}: the special tokens alone take {len(self)}; expected {len(self) + 2} or more"
            )
        return max_length - len(self)

    def ids(self, first: Sequence[int], second: Sequence[int]) -> list[int]:
        """The ids of a pair."""
        return [*self.before, *first, *self.between, *second, *self.after]

    def segments_of(self, first: int, second: int) -> list[int]:
        """The `token_type_ids` of a pair of so many tokens; empty where the network reads none."""
        if self.segments is None:
            return []
        lengths = (len(self.before), first, len(self.between), second, len(self.after))
        return [segment for segment, length in zip(self.segments, lengths, strict=True) for _ in range(length)]


_FRAMES: WeakKeyDictionary[Any, Frame] = WeakKeyDictionary()


def frame_of(tokenizer: PreTrainedTokenizerBase) -> Frame:
    """What this tokenizer puts around a text; looked for once."""
    if tokenizer not in _FRAMES:
        _FRAMES[tokenizer] = _found_frame(tokenizer)
    return _FRAMES[tokenizer]


def _found_frame(tokenizer: PreTrainedTokenizerBase) -> Frame:
    """Found by encoding one word with and without special tokens, which works for every kind of tokenizer."""
    bare = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    framed = list(tokenizer("a", add_special_tokens=True)["input_ids"])
    start = _find(bare, framed, 0, tokenizer)
    return Frame(tuple(framed[:start]), tuple(framed[start + len(bare) :]))


def pair_frame_of(tokenizer: PreTrainedTokenizerBase) -> PairFrame:
    """The same for two texts."""
    one, other = (list(tokenizer(word, add_special_tokens=False)["input_ids"]) for word in ("a", "b"))
    encoding = tokenizer("a", "b", add_special_tokens=True)
    framed = list(encoding["input_ids"])
    first = _find(one, framed, 0, tokenizer)
    behind = first + len(one)
    second = _find(other, framed, behind, tokenizer)
    end = second + len(other)
    segments = None
    if "token_type_ids" in tokenizer.model_input_names:
        kinds = list(encoding["token_type_ids"])
        separator = kinds[behind] if second > behind else 0
        segments = (kinds[0], kinds[first], separator, kinds[second], kinds[-1])
    return PairFrame(tuple(framed[:first]), tuple(framed[behind:second]), tuple(framed[end:]), segments)


def _find(part: Sequence[int], whole: Sequence[int], begin: int, tokenizer: PreTrainedTokenizerBase) -> int:
    for start in range(begin, len(whole) - len(part) + 1):
        if list(whole[start : start + len(part)]) == list(part):
            return start
    raise ValueError(f"cannot tell the special tokens of {type(tokenizer).__name__}")
