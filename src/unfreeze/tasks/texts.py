"""What tasks on whole texts, or pairs of texts, have in common: how they become windows, and windows one answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from unfreeze.batching.features import Encoded, Features
from unfreeze.batching.window_file import WindowFile
from unfreeze.batching.windows import token_windows
from unfreeze.data.examples import Example
from unfreeze.data.labels import LabelSet
from unfreeze.tasks.inputs import read_each, text_or_words, texts_of
from unfreeze.tasks.pieces import chosen_overlap, token_ids
from unfreeze.tasks.special_tokens import Frame, PairFrame, frame_of, pair_frame_of
from unfreeze.tasks.task import Model, Prediction, Task, TaskError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unfreeze.batching.features import Batch

DOC_STRIDE = 32
# Of a long text its beginning and more of its end, which worked best in Sun et al. 2019 (section 5.3.1: 128 + 382).
HEAD_SHARE = 0.25
LongText = Literal["truncate", "head_tail", "window_mean", "window_max"]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TextTask(Task):
    """One answer for each text or pair; what is longer than `max_length` tokens is cut, or read in windows."""

    auto_class: ClassVar[str] = "AutoModelForSequenceClassification"
    peft_type: ClassVar[str | None] = "SEQ_CLS"
    pipeline: ClassVar[str] = "text-classification"
    takes: ClassVar[type[Any]]  # the kind of example: text, answer, origin, pair

    long_text: Annotated[
        LongText, "what is read of a long text: its beginning, its beginning and end, or all of it in windows"
    ] = "truncate"
    doc_stride: Annotated[int | None, "pieces that neighbouring windows of a long text share"] = None

    @property
    def reads_windows(self) -> bool:
        return self.long_text.startswith("window")

    @abstractmethod
    def targets(self, example: Example, labels: LabelSet) -> list[int] | list[float]:
        """The labels of each window of a labelled example."""

    @abstractmethod
    def no_targets(self, labels: LabelSet) -> list[int] | list[float]:
        """In place of `targets` where there is no label: no loss comes of them."""

    def encode(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        labels: LabelSet,
        max_length: int,
        *,
        labelled: bool = True,
    ) -> Encoded:
        first = token_ids([example.parts[0] for example in examples], tokenizer)
        pairs = token_ids([example.parts[1] for example in examples if len(example.parts) > 1], tokenizer)
        frame = frame_of(tokenizer)
        pair_frame = pair_frame_of(tokenizer) if any(len(example.parts) > 1 for example in examples) else None
        features = WindowFile()
        cut: list[int] = []
        for i, (example, ids) in enumerate(zip(examples, first, strict=True)):
            targets = self.targets(example, labels) if labelled else self.no_targets(labels)
            if pair_frame is not None and len(example.parts) > 1:
                window, lost = self._pair(i, ids, next(pairs), pair_frame, max_length, targets)
                features.append(window)
            else:
                windows = list(self._windows(i, ids, frame, max_length, targets))
                lost = 0 if len(windows) > 1 else len(ids) + len(frame) - len(windows[0])
                features.extend(windows)
            if lost > 0:
                cut.append(lost)
        notes = []
        if len(features) > len(examples):
            several = len({one.example for one in features if one.weight < 1})
            are = "1 long text is" if several == 1 else f"{several:,} long texts are"
            notes.append(f"{are} read whole, in {len(features):,} windows for all texts")
        return Encoded(features, len(examples), len(cut), sum(cut), notes=tuple(notes))

    def _windows(
        self,
        example: int,
        ids: Sequence[int],
        frame: Frame,
        max_length: int,
        targets: list[int] | list[float],
    ) -> Iterator[Features]:
        room = frame.room(max_length)
        spans = [(0, min(len(ids), room))]
        if self.reads_windows:
            spans = token_windows(len(ids), room, chosen_overlap(self.doc_stride, DOC_STRIDE, room))
        elif self.long_text == "head_tail" and len(ids) > room:
            head = int(HEAD_SHARE * room)
            ids, spans = [*ids[:head], *ids[len(ids) - (room - head) :]], [(0, room)]
        for start, stop in spans:
            # Together the windows of a text count as one text in the loss.
            yield Features(example, [*frame.before, *ids[start:stop], *frame.after], targets, weight=1 / len(spans))

    def _pair(
        self,
        example: int,
        first: Sequence[int],
        second: Sequence[int],
        frame: PairFrame,
        max_length: int,
        targets: list[int] | list[float],
    ) -> tuple[Features, int]:
        if self.long_text != "truncate":
            raise TaskError(f"--long-text {self.long_text}: is for single texts, and these are pairs. Leave it out.")
        one, other = longest_first(len(first), len(second), frame.room(max_length))
        ids = frame.ids(first[:one], second[:other])
        lost = len(first) + len(second) - one - other
        return Features(example, ids, targets, segments=frame.segments_of(one, other)), lost

    def merged(self, windows: Sequence[Numbers]) -> Numbers:
        """What the windows of a text say together: their mean, or for each label the most."""
        stacked = np.array(windows)
        together: Numbers = stacked.max(0) if self.long_text == "window_max" else stacked.mean(0)
        return together

    def by_example(self, features: Sequence[Features], reduced: Sequence[Any], number: int) -> list[Numbers]:
        """The merged numbers of each example."""
        windows: list[list[Numbers]] = [[] for _ in range(number)]
        for window, numbers in zip(features, reduced, strict=True):
            windows[window.example].append(np.array(numbers))
        return [self.merged(of_example) for of_example in windows]

    def predicted(self, inputs: Sequence[Any], model: Model) -> list[Prediction]:
        """Predictions for texts, lists of words, or `{"text", "text_pair"}`."""
        return model.predict_examples(read_each(inputs, self._example))

    def _example(self, given: Any) -> Example:
        if isinstance(given, Mapping):
            text, *pair = texts_of(given, "text", optional="text_pair")
            example: Example = self.takes(text, pair=pair[0] if pair else None)
            return example
        alone = text_or_words(given)
        example = self.takes(alone if isinstance(alone, str) else " ".join(alone))
        return example


def longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """How many tokens of two texts are kept in `room`: what is too much is taken from the longer one.

    >>> longest_first(10, 4, 12), longest_first(10, 9, 12), longest_first(3, 20, 12)
    ((8, 4), (6, 6), (3, 9))
    """
    if first + second <= room:
        return first, second
    half = room // 2
    if min(first, second) <= half:
        return (first, room - first) if first < second else (room - second, second)
    return room - half, half


def weights_of(batch: Batch) -> Any:
    """How much each window counts, (batch,); None where all count the same."""
    import torch

    weights = [window.weight for window in batch.features]
    return None if set(weights) <= {1.0} else torch.tensor(weights, device=batch.labels.device)
