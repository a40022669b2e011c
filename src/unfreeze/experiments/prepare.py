"""What all runs of one model share: tokenizer, labels, encoded splits, precision. Made once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from unfreeze.acceleration.bf16_check import failure_in_bf16
from unfreeze.acceleration.ranks import ALONE, Ranks
from unfreeze.acceleration.speedups import Speedups
from unfreeze.batching.collate import Collator
from unfreeze.data.labels import LabelSet
from unfreeze.data.sources import Corpus
from unfreeze.evaluation.evaluate import Evaluator, Split
from unfreeze.experiments.label_weights import label_weights
from unfreeze.models.explained import ModelError
from unfreeze.models.input_length import longest_input
from unfreeze.models.load import load_config, load_tokenizer, model_path
from unfreeze.settings import Settings, SettingsError
from unfreeze.storage.feature_files import FeatureFiles
from unfreeze.tasks import TASKS, Task

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Prepared:
    """One model with the data encoded for it."""

    model_name: str
    path: str
    task: Task
    labels: LabelSet
    tokenizer: PreTrainedTokenizerBase
    train: Split
    validation: Split
    tests: Mapping[str, Split]
    collator: Collator
    speedups: Speedups
    eval_tokens_per_batch: int
    metric: str
    max_length: int
    label_weights: torch.Tensor | None
    notes: tuple[str, ...]
    cache_depths: tuple[int, ...] = ()  # so many of the lowest layers are frozen in some run of the comparison
    ranks: Ranks = ALONE  # several processes may train together

    @property
    def splits(self) -> dict[str, Split]:
        """All of them by name: train, validation, then the test sets."""
        return {"train": self.train, "validation": self.validation, **self.tests}

    @property
    def evaluator(self) -> Evaluator:
        """What predicts and scores any split."""
        tokens = self.eval_tokens_per_batch
        return Evaluator(self.task, self.labels, self.collator, self.speedups, tokens, ranks=self.ranks)

    @cached_property
    def used_ids(self) -> frozenset[int] | None:
        """The tokens that training and validation hold; None where a task puts others into them."""
        if self.task.scores_vocabulary:
            return None
        windows = (window for split in (self.train, self.validation) for window in split.encoded.features)
        return frozenset(token for window in windows for token in window.input_ids)

    @property
    def config_overrides(self) -> dict[str, Any]:
        """What the network's configuration must know of the task."""
        return self.task.config(self.labels)

    def arrived(self, tables: FeatureFiles) -> Prepared:
        """The same on another machine, with outputs of frozen layers in `tables`, if they are kept at all."""
        return replace(self, path=model_path(self.model_name), speedups=self.speedups.kept_in(tables))

    def among(self, ranks: Ranks) -> Prepared:
        """The same for one of several processes that train together, on its own device."""
        weights = None if self.label_weights is None else self.label_weights.to(ranks.device)
        collator = replace(self.collator, device=ranks.device)
        return replace(self, ranks=ranks, collator=collator, label_weights=weights)

    def usage(self, settings: Settings) -> dict[str, Any]:
        """What a saved model must know to be used as it was trained; goes into its `config.json`."""
        return {
            "base_model": self.model_name,
            "task": self.task.name,
            "task_settings": asdict(self.task) if is_dataclass(self.task) else {},
            "max_length": self.max_length,
            "lower_case": settings.lower_case,
        }


def choose_task(corpus: Corpus, settings: Settings) -> Task:
    """The task of a corpus, with what the user set of its fields.

    Raises:
        SettingsError: such data can be read and checked, but nothing trains on it yet.
    """
    if corpus.task not in TASKS:
        raise SettingsError([f"--data {corpus.name}: is for {corpus.task}; trained are {', '.join(TASKS)}."])
    task = TASKS[corpus.task]
    values = {one.name: getattr(settings, one.name) for one in fields(task) if one.name in Settings.model_fields}  # type: ignore[arg-type]
    values = {name: value for name, value in values.items() if value is not None}  # the task's own default then
    if corpus.tag_scheme is not None:
        values["scheme"] = corpus.tag_scheme
    return task(**values, **task.settings_from(corpus.train))


def prepare(model: str, corpus: Corpus, task: Task, settings: Settings, device: str) -> Prepared:
    """Load the tokenizer and encode every split.

    Raises:
        ModelError: the model cannot be loaded.
        SettingsError: a setting does not fit this model or task.
    """
    tokenizer = load_tokenizer(model)
    max_length, notes = _max_length(model, tokenizer, settings.max_length, task.max_length)
    labels = task.labels(corpus.train)
    splits = corpus.splits
    encoded = {name: task.encode(examples, tokenizer, labels, max_length) for name, examples in splits.items()}
    for name, split in encoded.items():
        if split.truncated_tokens:
            share = split.truncated_tokens / (split.num_tokens + split.truncated_tokens)
            notes.append(
                f"{name}: {task.what_is_cut.format(length=max_length)} are cut, in {split.truncated_examples:,} of "
                f"{split.num_examples:,} examples ({100 * share:.1f} % of all tokens); --max-length changes that"
            )
        notes += [f"{name}: {note}" for note in split.notes]
        if split.unknown_words:
            notes.append(f"{name}: {split.unknown_words:,} words yield no word piece and are read as unknown")
    speedups = Speedups.of(
        settings.levers,
        settings.precision,
        device,
        lambda: failure_in_bf16(load_config(model, **task.config(labels)), task.auto_class),
    )
    if tokenizer.pad_token_id is None:
        raise ModelError(f"--model {model}: its tokenizer has no padding token; choose an encoder that has one.")
    collator = Collator(int(tokenizer.pad_token_id), device, task.token_labels, task.corruption(tokenizer))
    whole = {name: Split(splits[name], encoded[name]) for name in splits}
    return Prepared(
        model_name=model,
        path=model_path(model),
        task=task,
        labels=labels,
        tokenizer=tokenizer,
        train=whole.pop("train"),
        validation=whole.pop("validation"),
        tests=whole,
        collator=collator,
        speedups=speedups,
        eval_tokens_per_batch=settings.eval_tokens_per_batch,
        metric=settings.metric_for_best_model or task.selection_metric,
        max_length=max_length,
        label_weights=label_weights(settings.class_weights, task, labels, corpus, device),
        notes=(*notes, speedups.precision.reason),
    )


def reading(split: Split) -> dict[str, int]:
    """How a split is read, as `comparison.json` says it: windows, and what does not reach the network."""
    encoded = split.encoded
    windows = Counter(window.example for window in encoded.features)
    return {
        "examples": encoded.num_examples,
        "windows": len(encoded.features),
        "examples_in_several_windows": sum(number > 1 for number in windows.values()),
        "tokens": encoded.num_tokens,
        "truncated_examples": encoded.truncated_examples,
        "truncated_tokens": encoded.truncated_tokens,
        "unknown_words": encoded.unknown_words,
        "lost_words": encoded.lost_words,
    }


def _max_length(
    model: str, tokenizer: PreTrainedTokenizerBase, typed: int | None, default: int
) -> tuple[int, list[str]]:
    longest, wanted = longest_input(load_config(model), tokenizer), typed or default
    if longest is None or wanted <= longest:
        return wanted, []
    if typed is None:
        return longest, []  # the default is no wish
    return longest, [f"--max-length {wanted}: this model takes at most {longest} tokens; {longest} is used"]
