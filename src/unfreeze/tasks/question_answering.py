"""Extractive question answering: the part of a context that answers a question, or that it does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt

from unfreeze.batching.features import IGNORE, Batch, Encoded, Features
from unfreeze.batching.window_file import WindowFile
from unfreeze.batching.windows import token_windows
from unfreeze.data.examples import Example
from unfreeze.data.labels import LabelSet
from unfreeze.data.question_example import QuestionExample
from unfreeze.data.questions import has_unanswerable
from unfreeze.metrics.answers import QuestionScore, answer_scores, best_threshold, mean_scores, normalized
from unfreeze.metrics.resampling import ResampledMetric
from unfreeze.tasks.answer_files import AnswerPrediction, answer_files
from unfreeze.tasks.answer_spans import WindowSpans, best_spans, merged, possible_places, tokens_of
from unfreeze.tasks.cross_entropy import summed_cross_entropy, summed_divergence
from unfreeze.tasks.inputs import question_of, read_each
from unfreeze.tasks.pieces import chosen_overlap, pieces_with_offsets
from unfreeze.tasks.special_tokens import PairFrame, pair_frame_of
from unfreeze.tasks.task import Comparable, Model, Prediction, Task, required

if TYPE_CHECKING:
    from random import Random

    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

DOC_STRIDE = 128
NO_ANSWER = "(no answer)"  # for people; in files it is the empty text, as the SQuAD scripts have it


@dataclass(frozen=True)
class QuestionAnswering(Task):
    """A start and an end in the context for each question; long contexts are cut into overlapping windows.

    As in Devlin et al. 2019 (sections 4.2 and 4.3): the loss is the mean of the cross-entropies of start and end, and
    windows without the answer point to their first token, as do questions that have none.
    """

    name: ClassVar[str] = "question-answering"
    auto_class: ClassVar[str] = "AutoModelForQuestionAnswering"
    # peft's network for QUESTION_ANS takes segments and does not hand them on (peft 0.21): without a type it does.
    peft_type: ClassVar[str | None] = None
    pipeline: ClassVar[str] = "question-answering"
    unit: ClassVar[str] = "question"
    what_is_cut: ClassVar[str] = "questions that do not fit into half of {length} tokens"
    has_labels: ClassVar[bool] = False
    needs_context: ClassVar[bool] = True
    scores_places: ClassVar[bool] = True
    max_length: ClassVar[int] = 384
    resampled: ClassVar[Mapping[str, ResampledMetric]] = {
        "exact_match": QuestionScore("exact_match"),
        "f1": QuestionScore("f1"),
    }

    doc_stride: Annotated[int | None, "tokens that neighbouring windows of a long context share"] = None
    max_answer_length: Annotated[int, "an answer has at most so many tokens"] = 30
    n_best_size: Annotated[int, "how many answers are kept of each question"] = 20
    version_2_with_negative: Annotated[bool, "are there questions without an answer?"] = False
    null_score_diff_threshold: Annotated[float, "above it the answer is that there is none; tuned on validation"] = 0.0

    @classmethod
    def settings_from(cls, examples: Sequence[Example]) -> dict[str, Any]:
        return {"version_2_with_negative": has_unanswerable(examples)}

    @property
    def selection_metric(self) -> str:
        return "f1"

    @property
    def reads_windows(self) -> bool:
        return True

    def labels(self, examples: Sequence[Example]) -> LabelSet:
        return LabelSet(())

    def config(self, labels: LabelSet) -> dict[str, Any]:
        # Stock heads have as many outputs as the configuration has labels, also where it was saved for another task.
        return {"num_labels": 2}

    def gold(self, example: Example) -> tuple[str, ...] | None:
        assert isinstance(example, QuestionExample)
        return None if example.answers is None else tuple(dict.fromkeys(answer.text for answer in example.answers))

    def encode(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        labels: LabelSet,
        max_length: int,
        *,
        labelled: bool = True,
    ) -> Encoded:
        questions = [example for example in examples if isinstance(example, QuestionExample)]
        frame = pair_frame_of(tokenizer)
        room = frame.room(max_length)
        chosen_overlap(self.doc_stride, DOC_STRIDE, room)  # refuses one that no window could have
        asked = [ids for ids, _ in pieces_with_offsets([one.question for one in questions], tokenizer)]
        # Many questions ask about one context: it is cut into pieces once.
        contexts = list(dict.fromkeys(one.context for one in questions))
        pieces = dict(zip(contexts, pieces_with_offsets(contexts, tokenizer), strict=True))
        features = WindowFile()
        too_long = no_piece = narrow = 0
        for i, (example, question) in enumerate(zip(questions, asked, strict=True)):
            ids, offsets = pieces[example.context]
            kept = question[: room // 2]  # at least as much of the context is read at once
            span = None
            if labelled and required(self.gold(example), example) and example.answers:
                span = tokens_of(example.answers[0], offsets)
                no_piece += span is None
                too_long += span is not None and span[1] - span[0] >= self.max_answer_length
            narrow += self.doc_stride is not None and self.doc_stride >= room - len(kept)
            features.extend(self._windows(i, kept, ids, offsets, span, frame, room - len(kept), labelled=labelled))
        cut = [len(question) - room // 2 for question in asked if len(question) > room // 2]
        notes = []
        if no_piece:
            notes.append(f"{no_piece:,} answers hold no word piece: these questions train as if they had none")
        if too_long:
            notes.append(
                f"{too_long:,} answers are longer than {self.max_answer_length} tokens and cannot be found whole; "
                "--max-answer-length changes that"
            )
        if narrow:
            notes.append(
                f"{narrow:,} questions leave no more pieces of a window than --doc-stride {self.doc_stride}: their "
                "windows share half of what is left"
            )
        return Encoded(features, len(examples), len(cut), sum(cut), notes=tuple(notes))

    def _windows(
        self,
        example: int,
        question: list[int],
        ids: list[int],
        offsets: npt.NDArray[np.int32],
        answer: tuple[int, int] | None,
        frame: PairFrame,
        capacity: int,
        *,
        labelled: bool,
    ) -> Iterable[Features]:
        overlap = DOC_STRIDE if self.doc_stride is None else self.doc_stride
        before = len(frame.before) + len(question) + len(frame.between)
        for start, stop in token_windows(len(ids), capacity, overlap if overlap < capacity else capacity // 2):
            places = np.full((before + stop - start + len(frame.after), 2), -1, dtype=np.int32)
            places[before : before + stop - start] = offsets[start:stop]
            label = [0, 0] if labelled else [IGNORE, IGNORE]
            if answer is not None and start <= answer[0] and answer[1] < stop:
                label = [before + answer[0] - start, before + answer[1] - start]
            yield Features(
                example,
                frame.ids(question, ids[start:stop]),
                label,
                segments=frame.segments_of(len(question), stop - start),
                offsets=places,
            )

    def random_labels(self, rng: Random, tokens: int, num_labels: int) -> list[int]:
        return sorted(rng.randrange(tokens) for _ in range(2))

    def loss(self, outputs: Any, batch: Batch, label_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        sides = zip(possible_places(outputs, batch), batch.labels.unbind(1), strict=True)
        starts, ends = (summed_cross_entropy(logits, labels, None) for logits, labels in sides)
        return (starts[0] + ends[0]) / 2, starts[1]

    def stock_labels(self, batch: Batch) -> dict[str, Tensor]:
        return dict(zip(("start_positions", "end_positions"), batch.labels.unbind(1), strict=True))

    def soft_loss(
        self, outputs: Any, taught: Any, batch: Batch, temperature: float, label_weights: Tensor | None = None
    ) -> Tensor:
        sides = zip(
            possible_places(outputs, batch), possible_places(taught, batch), batch.labels.unbind(1), strict=True
        )
        starts, ends = (summed_divergence(own, theirs, labels, temperature) for own, theirs, labels in sides)
        return (starts + ends) / 2

    def reduce(self, outputs: Any, batch: Batch) -> list[WindowSpans]:
        return best_spans(outputs, batch, self.max_answer_length, self.n_best_size)

    def decode(
        self, features: Sequence[Features], reduced: Sequence[Any], labels: LabelSet, examples: Sequence[Example]
    ) -> list[Prediction]:
        windows: list[list[tuple[Features, WindowSpans]]] = [[] for _ in examples]
        for window, spans in zip(features, reduced, strict=True):
            windows[window.example].append((window, spans))
        predictions = []
        for i, (example, own) in enumerate(zip(examples, windows, strict=True)):
            assert isinstance(example, QuestionExample)
            null, n_best = merged(example.context, own, self.n_best_size, null_is_one=self.version_2_with_negative)
            difference = null.score - n_best[0].score if n_best else inf
            predictions.append(AnswerPrediction(i, "", (), 0, 0, difference, null, n_best))
        return self.decided(predictions)

    def decided(self, predictions: Sequence[Prediction]) -> list[Prediction]:
        decided: list[Prediction] = []
        for one in predictions:
            assert isinstance(one, AnswerPrediction)
            none = self.version_2_with_negative and one.null_score_diff > self.null_score_diff_threshold
            best = one.null if none or not one.n_best else one.n_best[0]
            decided.append(
                replace(one, predicted=best.text, start=best.start, end=best.end, scores=(best.probability,))
            )
        return decided

    def calibrated(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> Task:
        if not self.version_2_with_negative or not examples:
            return self
        golds = [self.gold(example) or () for example in examples]
        found = [one for one in predictions if isinstance(one, AnswerPrediction)]
        best = [one.n_best[0].text if one.n_best else "" for one in found]
        scores = [
            answer_scores(gold, text, unanswerable=True)[1] if gold else 0.0
            for gold, text in zip(golds, best, strict=True)
        ]
        differences = [one.null_score_diff for one in found]
        threshold, _ = best_threshold(scores, differences, [not gold for gold in golds])
        # "Always none" is a number too, so that JSON can hold it.
        return replace(self, null_score_diff_threshold=max(threshold, min(differences) - 1.0))

    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        return mean_scores(self._scored(examples, predictions))

    def breakdown(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, dict[str, float]]:
        if not has_unanswerable(examples):
            return {}
        scored = self._scored(examples, predictions)
        kinds = [bool(self.gold(example)) for example in examples]
        parts = {
            name: [one for one, has in zip(scored, kinds, strict=True) if has == wanted]
            for name, wanted in (("answerable", True), ("unanswerable", False))
        }
        return {name: {**mean_scores(some), "support": len(some)} for name, some in parts.items() if some}

    def _scored(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> list[tuple[float, float]]:
        # The script 1.1 has no notion of an empty answer, the script 2.0 has: the data decide which one is meant.
        unanswerable = has_unanswerable(examples)
        return [
            answer_scores(required(self.gold(example), example), str(one.predicted), unanswerable=unanswerable)
            for example, one in zip(examples, predictions, strict=True)
        ]

    @classmethod
    def comparable(cls, row: Mapping[str, Any]) -> Comparable | None:
        # The first of the references stands for all of them, whichever a run gave: runs are of the same question.
        said, gold = row["predicted"], row["gold"][0] if row["gold"] else NO_ANSWER
        right = normalized(said) in map(normalized, row["gold"])
        return Comparable(gold, gold if right else said or NO_ANSWER, list(row["scores"]))

    def files(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, Any]:
        """`predictions`, `nbest_predictions` and `null_odds` by question id, in the form of the stock example."""
        answered = {
            (example.id or str(i)): one
            for i, (example, one) in enumerate(zip(examples, predictions, strict=True))
            if isinstance(example, QuestionExample) and isinstance(one, AnswerPrediction)
        }
        return answer_files(answered, null_is_one=self.version_2_with_negative)

    def explained(self, outputs: Any, batch: Batch, labels: LabelSet) -> list[list[dict[str, float]]]:
        """How likely each token of a window is to be the first and the last of the answer; the first token: none."""
        starts, ends = (logits.softmax(-1).tolist() for logits in possible_places(outputs, batch))
        return [
            [{"start": start, "end": end} for start, end in zip(*row, strict=True)][: len(window)]
            for window, *row in zip(batch.features, starts, ends, strict=True)
        ]

    def answers(
        self,
        inputs: Sequence[Any],
        model: Model,
        *,
        top_k: int = 1,
        handle_impossible_answer: bool | None = None,
        **options: Any,
    ) -> list[Any]:
        """`{"answer", "score", "start", "end"}` for each `{"question", "context"}`, or a list of the `top_k` best.

        The score is the probability of the start times that of the end, over all places of the context. By default
        "no answer" ("", 0, 0) is possible for a model that was trained with such questions; True and False say so.
        """
        examples = read_each(inputs, question_of)
        task = self
        if handle_impossible_answer is not None:
            task = replace(self, version_2_with_negative=handle_impossible_answer)
        found = []
        for example, one in zip(examples, task.decided(model.predict_examples(examples)), strict=True):
            assert isinstance(one, AnswerPrediction)
            best = one.null if not one.predicted else one.n_best[0]
            ranked = [best, *(other for other in one.n_best if other is not best)][:top_k]
            shown = [candidate.as_answer(example.context) for candidate in ranked]
            found.append(shown[0] if top_k == 1 else shown)
        return found
