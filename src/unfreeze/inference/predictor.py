"""A saved model that predicts: texts or words in, labels or tags out, in the pipelines' format."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.acceleration.speedups import FP32, Speedups
from unfreeze.batching.collate import Collator
from unfreeze.data.examples import Example, lower_in_place
from unfreeze.data.hub import is_hub_id
from unfreeze.data.labels import LabelSet
from unfreeze.evaluation.evaluate import Evaluation, Evaluator, Split
from unfreeze.inference.bare_adapter import bare_adapter
from unfreeze.models.extensions import load_extended, recorded
from unfreeze.models.input_length import longest_input
from unfreeze.models.load import ModelError, explained, load_config, load_network, load_tokenizer, model_folder
from unfreeze.models.save import ADAPTER_FILE, load_adapted
from unfreeze.tasks import SHORT_NAMES, TASKS, Prediction, Task, TaskError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

DEFAULT_LENGTH = 512  # tokens, where neither the model nor its tokenizer states a limit


@dataclass(frozen=True)
class Predictor:
    """A network with its tokenizer and labels, ready to predict."""

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    task: Task
    labels: LabelSet
    max_length: int
    # In fp32 and nothing chosen by a probe: a model answers alike at every call.
    speedups: Speedups = FP32
    lower_case: bool = False  # was the model trained on lower-cased text?

    @property
    def evaluator(self) -> Evaluator:
        task, padding = self.task, int(self.tokenizer.pad_token_id or 0)
        collator = Collator(padding, str(self.network.device), task.token_labels, task.corruption(self.tokenizer))
        return Evaluator(self.task, self.labels, collator, self.speedups)

    def predict_examples(self, examples: Sequence[Example]) -> list[Prediction]:
        """One prediction for each example; their labels, if any, are not looked at."""
        examples = self._as_trained(examples)
        encoded = self.task.encode(examples, self.tokenizer, self.labels, self.max_length, labelled=False)
        return self.evaluator.predict(self.network, Split(examples, encoded))

    def evaluate(self, examples: Sequence[Example]) -> Evaluation:
        """Scores on labelled examples."""
        examples = self._as_trained(examples)
        encoded = self.task.encode(examples, self.tokenizer, self.labels, self.max_length)
        return self.evaluator.evaluate(self.network, Split(examples, encoded))

    def _as_trained(self, examples: Sequence[Example]) -> Sequence[Example]:
        return [example.lower_cased() for example in examples] if self.lower_case else examples

    def as_read(self, text: str) -> str:
        """The text in the case that the network was trained on; no character is moved."""
        return _lower_but(text, self.tokenizer.all_special_tokens) if self.lower_case else text

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

        Tags for tagging, start and end for questions: `[{"token": "anna", "scores": {"B-PER": 0.98, ...}}, ...]`.

        Raises:
            TaskError: the answers of this task do not come from single tokens.
        """
        import torch

        recorder = _Recorder(self)
        self.task.answers(_listed(inputs), recorder)
        if not recorder.examples:
            raise TaskError(f"{self.task.name}: there is nothing more to show than its answers.")
        encoded = self.task.encode(recorder.examples, self.tokenizer, self.labels, self.max_length, labelled=False)
        found = []
        for window in encoded.features:
            batch = self.evaluator.collator([window])
            with torch.inference_mode():
                [scores] = self.task.explained(self.network.eval()(**batch.inputs), batch, self.labels)
            tokens = self.tokenizer.convert_ids_to_tokens(list(window.input_ids))
            found.append([{"token": t, "scores": s} for t, s in zip(tokens, scores, strict=True)])
        return found


def _lower_but(text: str, special: Sequence[str]) -> str:
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
    path: str | Path, *, max_length: int | None = None, task: Task | str | None = None, device: str | None = None
) -> Predictor:
    """Load a trained model: a comparison folder (its best run), a run folder, a model folder, or a hub id.

    `task` is needed where the model does not tell, or for one of the user's own; a name is that of a task, also
    the short one (`mlm`), or of a Hugging Face pipeline. `device` is the GPU where there is one.

    Raises:
        ModelError: there is no model, none of a known task, or one without a head for this task.
    """
    source = _model_source(path)
    with explained(source):  # a configuration can hold anything
        return _load(source, path, max_length, task, device)


def _load(
    source: str, path: str | Path, max_length: int | None, task: Task | str | None, device: str | None
) -> Predictor:
    import torch

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
    folder = Path(source)
    if bare is None and ((folder / ADAPTER_FILE).is_file() or recorded(config)):
        _refuse_other_head(source, chosen, config)
    if (folder / ADAPTER_FILE).is_file():
        network = load_adapted(folder, chosen.auto_class, config)
    elif recorded(config):
        network = load_extended(folder, chosen.auto_class, config)
    else:
        network = _stock(source, chosen, config)
    tokenizer = load_tokenizer(source if bare is None else bare.base)
    wanted = max_length or usage.get("max_length")
    lengths = [length for length in (wanted, longest_input(config, tokenizer)) if length is not None]
    network.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    longest = min(lengths, default=DEFAULT_LENGTH)
    lower_case = bool(usage.get("lower_case", False))
    return Predictor(network, tokenizer, chosen, labels, longest, lower_case=lower_case)


def _stock(source: str, task: Task, config: Any) -> PreTrainedModel:
    """The network of a checkpoint that has a head for this task.

    Raises:
        ModelError: the head would be a random one.
    """
    heads = ["its labels are others"]
    for name in task.head_classes(config):
        loaded = load_network(source, name, 0)
        encoder = loaded.network.base_model_prefix + "."
        heads = sorted(f"{one} would be random" for one in loaded.new_parameters if not one.startswith(encoder))
        if not heads:
            return loaded.network
    raise ModelError(
        f"{source}: has no head for {task.name} ({', '.join(heads[:3])}). Train one with `unfreeze "
        "train` or `unfreeze pretrain`, or choose a model that has it."
    )


def _refuse_other_head(source: str, task: Task, config: Any) -> None:
    if task.auto_class not in task.head_classes(config):
        raise ModelError(f"{source}: has no head for {task.name} (its labels are others).")


def _model_source(path: str | Path) -> str:
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
