"""What every task answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, TypeVar

from unfreeze.batching.features import Batch, Encoded, Features
from unfreeze.data.examples import Example
from unfreeze.data.labels import LabelSet
from unfreeze.metrics.resampling import ResampledMetric

if TYPE_CHECKING:
    from random import Random

    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

# A label or an answer; the labels of a text, the tags of its words or the answers that a question may have; a number.
Answer: TypeAlias = str | tuple[str, ...] | float


class TaskError(ValueError):
    """The task cannot do what its settings ask for; the message says the way out."""


@dataclass(frozen=True)
class Prediction:
    """What the network says of one example. Labels and tags by name, with their probabilities."""

    example: int
    predicted: Answer
    scores: tuple[float, ...]  # for a text: the probability of each label; for words: of each chosen tag

    def as_json(self, gold: Answer | None) -> dict[str, Any]:
        """The line that `predictions.jsonl` holds for this example."""
        return {
            "index": self.example,
            "gold": list(gold) if isinstance(gold, tuple) else gold,
            "predicted": list(self.predicted) if isinstance(self.predicted, tuple) else self.predicted,
            "scores": [round(score, 6) for score in self.scores],
        }


@dataclass(frozen=True, slots=True)
class Comparable:
    """What two runs may agree or disagree on: one label for a text, or one for each word, and how sure the run is."""

    gold: str | list[str]
    predicted: str | list[str]
    scores: list[float]  # one, or one for each word


Given = TypeVar("Given", str, tuple[str, ...], float)


def required(gold: Given | None, example: Example) -> Given:
    """What the file says of an example that must say it.

    Raises:
        TaskError: it says nothing.
    """
    if gold is None:
        raise TaskError(f"{example.origin or example}: has no label, but is to be trained on or scored.")
    return gold


class Model(Protocol):
    """A trained model, as answering needs it."""

    @property
    def network(self) -> Any: ...

    @property
    def tokenizer(self) -> Any: ...

    @property
    def max_length(self) -> int:
        """Tokens that the network reads at once, special ones included."""
        ...

    def as_read(self, text: str) -> str:
        """The text in the case that the network was trained on; no character is moved."""
        ...

    def predict_examples(self, examples: Sequence[Example]) -> list[Prediction]:
        """One prediction for each example; their labels, if any, are not looked at."""
        ...


class Task(ABC):
    """What differs between text classification, tagging and other tasks.

    A task of your own is a frozen dataclass that derives from this class; its fields are its settings.
    """

    name: ClassVar[str]
    auto_class: ClassVar[str]  # the stock network with the right head, e.g. "AutoModelForTokenClassification"
    peft_type: ClassVar[str | None]  # peft's task type, written into saved adapters
    pipeline: ClassVar[str]  # the Hugging Face pipeline that runs the saved model, or the one that did
    hub_classes: ClassVar[Mapping[str, str]] = {}  # model type -> stock network with a head of its own for this task
    unit: ClassVar[str] = "text"  # what gets one answer, in words
    what_is_cut: ClassVar[str] = "texts that do not fit into {length} tokens"  # in words
    has_labels: ClassVar[bool] = True  # is the answer one label, for a text or for each word?
    needs_context: ClassVar[bool] = False  # is a text asked about another one, and no input without it?
    token_labels: ClassVar[bool] = False  # is a label set for each token, or for the whole window?
    scores_places: ClassVar[bool] = False  # do the outputs say where in the window the answer is, place against place?
    max_length: ClassVar[int] = 256  # tokens in an input, special ones included, where the user says nothing
    learns_encoder: ClassVar[bool] = False  # is the encoder what is wanted, so that all of it is kept?
    static_inputs: ClassVar[bool] = True  # is an example encoded the same way in every epoch?
    attaches: ClassVar[bool] = False  # is something added to the network for training alone?
    draws_answers: ClassVar[bool] = False  # does each run make the answers it is scored against, as no other run does?
    scores_vocabulary: ClassVar[bool] = False  # does the loss run over the whole vocabulary?
    errors: ClassVar[tuple[str, ...]] = ()  # the scores that are better the lower they are, and so cannot select
    resampled: ClassVar[Mapping[str, ResampledMetric]]  # the scores that pairs of strategies can be tested in

    @classmethod
    def for_config(cls, config: Any, labels: LabelSet) -> Task | None:
        """This task, as the configuration of a model from elsewhere with its kind of head asks for it; None: it does
        not. By default: with its default settings."""
        return cls()

    @classmethod
    def head_classes(cls, config: Any) -> list[str]:
        """The stock networks whose head may answer this task with such a configuration, the likeliest first."""
        return [cls.auto_class, *(cls.hub_classes[t] for t in (config.model_type,) if t in cls.hub_classes)]

    @classmethod
    def settings_from(cls, examples: Sequence[Example]) -> dict[str, Any]:
        """The settings that the training examples decide; none by default."""
        return {}

    @property
    @abstractmethod
    def selection_metric(self) -> str:
        """The score that selects epochs and strategies; higher is better."""

    @property
    def reads_windows(self) -> bool:
        """Is an input of more than `max_length` tokens read in several windows? Else some of it is cut."""
        return False

    @abstractmethod
    def labels(self, examples: Sequence[Example]) -> LabelSet:
        """The labels that occur in the training examples."""

    def config(self, labels: LabelSet) -> dict[str, Any]:
        """What the configuration of the network must say for this task."""
        return {"id2label": labels.name_by_id, "label2id": labels.id_by_name}

    @abstractmethod
    def gold(self, example: Example) -> Answer | None:
        """What the file says of this example."""

    @abstractmethod
    def encode(
        self,
        examples: Sequence[Example],
        tokenizer: PreTrainedTokenizerBase,
        labels: LabelSet,
        max_length: int,
        *,
        labelled: bool = True,
    ) -> Encoded:
        """Examples to windows of at most `max_length` tokens; `labelled=False` ignores their labels."""

    def corruption(self, tokenizer: PreTrainedTokenizerBase) -> Callable[[Features, Random | None], Features] | None:
        """What is done to every window before the network reads it; None: nothing."""
        return None

    def attach(self, network: Any, tokenizer: PreTrainedTokenizerBase, seed: int) -> None:
        """Add to a loaded network what only training needs; by default nothing. `attaches` says that a task does."""
        return

    def detach(self, network: Any) -> None:
        """Take away what `attach` added, before the network is saved."""
        return

    def random_labels(self, rng: Random, tokens: int, num_labels: int) -> list[int] | list[float]:
        """Labels of a made-up window, to rehearse a step without data."""
        return [rng.randrange(num_labels) for _ in range(tokens if self.token_labels else 1)]

    @abstractmethod
    def loss(self, outputs: Any, batch: Batch, label_weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(sum of the loss, number of units it sums over); the loop divides by the units of the whole step."""

    def stock_labels(self, batch: Batch) -> dict[str, Tensor]:
        """The labels of a batch under the names that the stock network takes them by."""
        return {"labels": batch.labels}

    def soft_loss(
        self, outputs: Any, taught: Any, batch: Batch, temperature: float, label_weights: Tensor | None = None
    ) -> Tensor:
        """How far the outputs are from a teacher's, summed over the units of `loss`.

        Raises:
            TaskError: a teacher has nothing to say here.
        """
        raise TaskError(f"{self.name}: there is nothing to learn from a teacher's answers.")

    @abstractmethod
    def reduce(self, outputs: Any, batch: Batch) -> list[Any]:
        """What decoding needs of each window, so that logits need not be kept."""

    @abstractmethod
    def decode(
        self, features: Sequence[Features], reduced: Sequence[Any], labels: LabelSet, examples: Sequence[Example]
    ) -> list[Prediction]:
        """Windows merged to one prediction for each example, in the order of the examples."""

    def calibrated(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> Task:
        """The task with what only validation data can tell, such as a threshold; by default there is nothing."""
        return self

    def decided(self, predictions: Sequence[Prediction]) -> list[Prediction]:
        """The predictions of this task as another calibration of it would have made them."""
        return list(predictions)

    @abstractmethod
    def score(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, float]:
        """The metrics, by name, over original texts or words."""

    @abstractmethod
    def breakdown(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, dict[str, float]]:
        """Scores of parts of the data, such as precision, recall, F1 and support for each label."""

    @classmethod
    def comparable(cls, row: Mapping[str, Any]) -> Comparable | None:
        """A line of `predictions.jsonl` as runs are compared; None where agreeing is a matter of degree."""
        scores = row["scores"]
        sure = [max(scores, default=0.0)] if isinstance(row["predicted"], str) else scores
        return Comparable(row["gold"], row["predicted"], sure)

    def files(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> dict[str, Any]:
        """Further files of a split that people of this task know: name to what is written as JSON."""
        return {}

    def explained(self, outputs: Any, batch: Batch, labels: LabelSet) -> list[list[dict[str, float]]]:
        """For each window and each of its tokens the scores that the answers come from, by name.

        Raises:
            TaskError: answers do not come from single tokens.
        """
        raise TaskError(f"{self.name}: answers come from whole texts, not from tokens, so there is nothing to show.")

    def token_scores(self, inputs: Sequence[Any], model: Model) -> list[list[dict[str, Any]]] | None:
        """For each input its tokens with their scores, where answers do not come from `predict_examples`, so that
        `explained` sees none of them; None: there are none to show."""
        return None

    @abstractmethod
    def answers(self, inputs: Sequence[Any], model: Model, **options: Any) -> list[Any]:
        """Inputs as the Hugging Face pipeline of this task takes them, to outputs as it gives them.

        Args:
            options: those of the pipeline that make sense here.
        """
