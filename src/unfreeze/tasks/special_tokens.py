"""The tokens a tokenizer puts around a single sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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


def frame_of(tokenizer: PreTrainedTokenizerBase) -> Frame:
    """Found by encoding one word with and without special tokens, which works for every kind of tokenizer."""
    bare = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    framed = list(tokenizer("a", add_special_tokens=True)["input_ids"])
    for start in range(len(framed) - len(bare) + 1):
        if framed[start : start + len(bare)] == bare:
            return Frame(tuple(framed[:start]), tuple(framed[start + len(bare) :]))
    raise ValueError(f"cannot tell the special tokens of {type(tokenizer).__name__}")
