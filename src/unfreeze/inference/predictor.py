"""A saved model that predicts: texts or words in, labels or tags out, in the pipelines' format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from unfreeze.acceleration.bf16_check import failure_in_bf16
from unfreeze.acceleration.devices import default_device
from unfreeze.acceleration.precision import PrecisionError, steady_precision
from unfreeze.acceleration.speedups import FP32, OFF, Speedups
from unfreeze.batching.collate import Collator
from unfreeze.batching.features import Encoded
from unfreeze.data.examples import Example
from unfreeze.data.hub import is_hub_id
from unfreeze.data.labels import LabelSet
from unfreeze.data.question_example import lower_in_place
from unfreeze.evaluation.evaluate import Evaluation, Evaluator, Split
from unfreeze.inference.bare_adapter import bare_adapter
from unfreeze.inference.saved_network import saved_network
from unfreeze.models.explained import ModelError, explained
from unfreeze.models.input_length import longest_input
from unfreeze.models.load import load_config, load_tokenizer, model_folder
from unfreeze.tasks import SHORT_NAMES, TASKS, Prediction, Task, TaskError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

AnswerPrecision = Literal["fp32", "bf16"]
DEFAULT_LENGTH = 512  # tokens, where neither the model nor its tokenizer states a limit


@dataclass(frozen=True)
class Predictor:
    """A network with its tokenizer and labels, ready to predict."""

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    task: Task
    labels: LabelSet
    max_length: int
    speedups: Speedups = FP32  # nothing in it is chosen by a clock: a model answers alike at every call
    lower_case: bool = False  # was the model trained on lower-cased text?

    @property
    def evaluator(self) -> Evaluator:
        task, padding = self.task, int(self.tokenizer.pad_token_id or 0)
        collator = Collator(padding, str(self.network.device), task.token_labels, task.corruption(self.tokenizer))
        return Evaluator(self.task, self.labels, collator, self.speedups)

    def in_precision(self, name: AnswerPrecision) -> Predictor:
        """The same network computing in fp32 or bf16. Nothing is timed for that, so that it is the same at every call.

        Raises:
            ModelError: in this precision it cannot.
        """
        from unfreeze.inference.onnx_network import OnnxNetwork

        if name not in get_args(AnswerPrecision):
            raise ModelError(f"--precision {name}: expected {' or '.join(get_args(AnswerPrecision))}.")
        if isinstance(self.network, OnnxNetwork):
            if name == "bf16":
                raise ModelError("--precision bf16: an ONNX model computes as it was exported. Leave it out.")
            # It has products of its own; as all models it wants torch's as they are, so that none waits for another.
            return replace(self, speedups=replace(OFF, precision=steady_precision()))
        family = self.network.config.model_type
        if name == "bf16" and (failure := failure_in_bf16(self.network.config, self.task.auto_class)):
            raise ModelError(f"--precision bf16: {family} cannot run in it ({failure}). Leave it out.")
        try:
            precision = steady_precision(name, str(self.network.device))
            return replace(self, speedups=Speedups(precision, answering=True))
        except PrecisionError as error:
            raise ModelError(str(error)) from None

    def predict_examples(self, examples: Sequence[Example]) -> list[Prediction]:
        """One prediction for each example; their labels, if any, are not looked at."""
        examples = self._as_trained(examples)
        return self.evaluator.predict(self.network, Split(examples, self._encoded(examples)))

    def encoded(self, examples: Sequence[Example]) -> Encoded:
        """What the network reads of the examples; their labels, if any, are not looked at."""
        return self._encoded(self._as_trained(examples))

    def _encoded(self, examples: Sequence[Example]) -> Encoded:
        return self.task.encode(examples, self.tokenizer, self.labels, self.max_length, labelled=False)

    def evaluate(self, examples: Sequence[Example]) -> Evaluation:
        """Scores on labelled examples."""
        examples = self._as_trained(examples)
        encoded = self.task.encode(examples, self.tokenizer, self.labels, self.max_length)
        return self.evaluator.evaluate(self.network, Split(examples, encoded))

    def _as_trained(self, examples: Sequence[Example]) -> Sequence[Example]:
        return [example.lower_cased() for example in examples] if self.lower_case else examples

    def as_read(self, text: str) -> str:
        """The text in the case that the network was trained on; no character is moved."""
        return lower_but(text, self.tokenizer.all_special_tokens) if self.lower_case else text

    def predict(self, inputs: Any, **options: Any) -> list[Any]:
        """Predict what the Hugging Face pipeline of the task takes, one input or a list, in its output format.

        Texts for classification and tagging, or sentences given as lists of words; `{"question", "context"}` for
        question answering. There is one entry for each input; `Task.answers` of the task says what it holds, and which
        options there are.

        Raises:
            TaskError: an input or an option that the task does not take.
        """
        taken = signature(self.task.answers).parameters.values()
        known = [parameter.name for parameter in taken if parameter.kind is parameter.KEYWORD_ONLY]
        for name in options.keys() - set(known):
            raise TaskError(f"{name}: {self.task.name} has no such option; it takes {', '.join(known) or 'none'}.")
        given = _listed(inputs)
        return self.task.answers(given, self, **options) if given else []

    def explain(self, inputs: Any) -> list[list[dict[str, Any]]]:
        """For each window of one input, or of a list, its tokens with the scores that the answer comes from.

        Tags for tagging, start and end for questions, and how likely a token was replaced for replaced tokens:
        `[{"token": "anna", "scores": {"B-PER": 0.98, ...}}, ...]`.

        Raises:
            TaskError: the answers of this task do not come from single tokens.
        """
        import torch

        given = _listed(inputs)
        own = self.task.token_scores(given, self)
        if own is not None:
            return own
        recorder = _Recorder(self)
        self.task.answers(given, recorder)
        if not recorder.examples:
            raise TaskError(f"{self.task.name}: there is nothing more to show than its answers.")
        found = []
        for window in self._encoded(recorder.examples).features:
            batch = self.evaluator.collator([window])
            with torch.inference_mode():
                [scores] = self.task.explained(self.network.eval()(**batch.inputs), batch, self.labels)
            tokens = self.tokenizer.convert_ids_to_tokens(list(window.input_ids))
            found.append([{"token": t, "scores": s} for t, s in zip(tokens, scores, strict=True)])
        return found


def lower_but(text: str, special: Sequence[str]) -> str:
    """The text in lower case, but for special tokens that it spells out, such as `[MASK]`."""
    names = "|".join(re.escape(name) for name in sorted(special, key=len, reverse=True))
    parts = re.split(f"({names})", text)  # every second one is a special token
    return "".join(part if i % 2 else lower_in_place(part) for i, part in enumerate(parts))


def _listed(inputs: Any) -> list[Any]:
    if isinstance(inputs, str | Mapping):
        return [inputs]
    if isinstance(inputs, bytes) or not isinstance(inputs, Iterable):
        raise TaskError(f"{inputs!r}: expected a text, or a list of texts.")
    return list(inputs)


@dataclass
class _Recorder:
    """A model that remembers what examples it was asked about."""

    model: Predictor
    examples: list[Example] = field(default_factory=list)

    @property
    def network(self) -> PreTrainedModel:
        return self.model.network

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        return self.model.tokenizer

    @property
    def max_length(self) -> int:
        return self.model.max_length

    def as_read(self, text: str) -> str:
        return self.model.as_read(text)

    def predict_examples(self, examples: Sequence[Example]) -> list[Prediction]:
        self.examples += self.model._as_trained(examples)
        return self.model.predict_examples(examples)


def load_predictor(
    path: str | Path,
    *,
    max_length: int | None = None,
    task: Task | str | None = None,
    device: str | None = None,
    precision: AnswerPrecision = "fp32",
) -> Predictor:
    """Load a trained model: a comparison folder (its best run), a run folder, a model folder, or a hub id.

    `task` is needed where the model does not tell, or for one of the user's own; a name is that of a task, also
    the short one (`mlm`), or of a Hugging Face pipeline. `device` is the GPU where there is one. In bf16 answers come
    faster on machines that have it, and are rounded to three digits.

    Raises:
        ModelError: there is no model, none of a known task, one without a head for this task, or no such precision.
    """
    source = model_source(path)
    with explained(source):  # a configuration can hold anything
        return _load(source, path, max_length, task, device).in_precision(precision)


def _load(
    source: str, path: str | Path, max_length: int | None, task: Task | str | None, device: str | None
) -> Predictor:
    bare = bare_adapter(Path(source))
    try:
        config = load_config(source) if bare is None else bare.config()
    except ModelError as error:
        if Path(source).exists() or source == "minilm":
            raise
        raise ModelError(f"{path}: no model found: there is no such folder here. Read as a hub id: {error}") from error
    usage: dict[str, Any] = getattr(config, "unfreeze", None) or {}
    labels = LabelSet.from_mapping(config.id2label)
    if task is None and bare is not None:
        task = bare.pipeline
    chosen = task if isinstance(task, Task) else _task_of(source, config, usage, labels, task)
    network = saved_network(source, chosen, config)
    tokenizer = load_tokenizer(source if bare is None else bare.base)
    wanted = max_length or usage.get("max_length")
    lengths = [length for length in (wanted, longest_input(config, tokenizer)) if length is not None]
    network.to(device or default_device())
    longest = min(lengths, default=DEFAULT_LENGTH)
    return Predictor(network, tokenizer, chosen, labels, longest, lower_case=bool(usage.get("lower_case", False)))


def model_source(path: str | Path) -> str:
    """The folder that holds the model, or the name of one on the hub."""
    try:
        folder = Path(path).expanduser()
        is_there = folder.exists()
    except (OSError, RuntimeError):  # what no file can be called: too long, or ~ and no user
        folder, is_there = Path(), False
    if not is_there and (str(path) == "minilm" or is_hub_id(str(path))):
        return str(path)
    found = model_folder(folder) if is_there else folder
    if is_there and ((found / "config.json").is_file() or bare_adapter(found) is not None):
        return str(found)
    raise ModelError(
        f"{path}: no model found. Give the folder of a comparison (--output), of one of its runs, or a folder with a "
        "config.json that `save_pretrained` wrote."
    )


def _task_of(source: str, config: Any, usage: dict[str, Any], labels: LabelSet, named: str | None) -> Task:
    """The task a model was trained for: as we saved it, else as it was asked for, else by the class of its network."""
    saved = TASKS[usage["task"]](**usage.get("task_settings", {})) if usage.get("task") in TASKS else None
    named = named and SHORT_NAMES.get(named, named)
    fitting = [task for name, task in TASKS.items() if named in (name, task.pipeline)]
    if named is not None and not fitting:
        names = sorted({*TASKS, *SHORT_NAMES, *(task.pipeline for task in TASKS.values())})
        raise ModelError(f"--task {named}: expected one of {', '.join(names)}.")
    if saved is not None and (named is None or type(saved) in fitting):
        return saved
    architecture = " ".join(config.architectures or [])
    for task in fitting or TASKS.values():
        if named is not None or task.auto_class.removeprefix("AutoModel") in architecture:
            found = task.for_config(config, labels)
            if found is not None or named == task.name:
                return found or task()
    known = ", ".join(TASKS)
    raise ModelError(
        f"{source}: {named or usage.get('task') or architecture or 'the model'} is no task that it has a head for "
        f"(known: {known}). Say --task, or load a model of your own task with unfreeze.load(..., task=...)."
    )
