"""What a user may write on the command line or in YAML: one model, all mistakes reported at once.

Every field is a flag (`max_length` is `--max-length`) and a YAML key; its description is the help text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from unfreeze.data.label_spelling import parse_label_names
from unfreeze.data.sources import DataRequest
from unfreeze.strategies import STRATEGIES, Strategy, StrategyError
from unfreeze.strategies.parse import parse_strategies

DEFAULT_STRATEGIES = ("head", "freeze:first=half", "lora", "full")

# Names people know from the stock tools, accepted with a note.
ALIASES = {
    "model_name_or_path": "model",
    "output_dir": "output",
    "num_train_epochs": "epochs",
    "evaluation_strategy": "eval_strategy",
    "text_column_name": "text_column",
    "label_column_name": "label_column",
    "max_seq_length": "max_length",
    "warmup_ratio": "warmup_steps",
    "batch_size": "per_device_train_batch_size",
}

# Task -> settings that only it looks at; column names are judged by the readers, which know the format.
ONE_TASK_SETTINGS = {"classification": (), "tagging": ("tag_column", "doc_stride", "label_alignment")}

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class SettingsError(ValueError):
    """Settings that cannot be used; one line for each mistake."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(mistakes))


class Settings(BaseModel):
    """Everything a comparison can be told. Names are the stock Trainer's where it has one."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False, coerce_numbers_to_str=True
    )

    model: tuple[str, ...] = Field((), description="hub id, local folder or `minilm` (repeatable)")
    data: Any = Field(None, description="sample:emotion|ner|pos, a file, a folder or a hub id")
    train_file: str | None = Field(None, description="training file, in place of --data")
    validation_file: str | None = Field(None, description="validation file; made from the training data if missing")
    test_file: tuple[str, ...] = Field((), description="test file as PATH or NAME=PATH (repeatable)")
    task: Literal["classification", "tagging"] | None = Field(None, description="inferred from the data by default")
    format: str | None = Field(None, description="file format; inferred by default")
    text_column: str | None = Field(None, description="column that holds the text; inferred by default")
    label_column: str | None = Field(None, description="column that holds the label; inferred by default")
    tag_column: str | None = Field(None, description="CoNLL column number, or upos, xpos, feats:NAME for CoNLL-U")
    label_names: str | dict[str, str] | None = Field(
        None, description="names for label ids, as 0=NEGATIVE,1=POSITIVE (in YAML also a mapping or a list)"
    )
    encoding: str | None = Field(None, description="text encoding of the files; UTF-8 by default")
    lower_case: bool = Field(False, description="lower-case all texts and words")
    drop_missing_labels: bool = Field(False, description="leave out rows without a label instead of stopping")
    max_train_samples: Positive | None = Field(None, description="train on a seeded subset of this size")
    max_eval_samples: Positive | None = Field(None, description="evaluate on seeded subsets of this size")
    validation_fraction: Fraction = Field(0.1, description="share of the training data for a missing validation split")
    test_fraction: Fraction = Field(0.1, description="share of the training data for a missing test split")
    data_seed: int = Field(42, description="seed of splits and subsets; not changed by --seed")

    strategy: tuple[Any, ...] = Field(
        DEFAULT_STRATEGIES, description="name[:key=value,...], joined with + (repeatable)", min_length=1
    )
    seeds: Positive = Field(3, description="number of seeds to run each strategy with")
    seed: int = Field(42, ge=0, description="the first seed; the others follow it")
    epochs: Positive | None = Field(None, description="epochs for every strategy; by default each has its own number")
    max_steps: Positive | None = Field(None, description="stop each run after this many optimizer steps")
    learning_rate: float | None = Field(
        None, gt=0, description="one peak learning rate for every strategy; by default each has its own"
    )
    per_device_train_batch_size: Positive = Field(16, description="examples in a forward pass")
    gradient_accumulation_steps: Positive = Field(1, description="forward passes in an optimizer step")
    eval_tokens_per_batch: Positive = Field(8192, description="tokens, padding included, in an evaluation batch")
    max_length: Annotated[int, Field(ge=8)] = Field(256, description="tokens in an input, special ones included")
    doc_stride: Annotated[int, Field(ge=0)] = Field(32, description="tagging: pieces shared by neighbouring windows")
    label_alignment: Literal["first", "all"] = Field("first", description="tagging: which pieces carry a word's label")
    class_weights: str | dict[str, float] = Field(
        "none", description="none, balanced, or LABEL=WEIGHT,... (others weigh 1); a mapping in YAML"
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.0, description="AdamW's, not on biases and norms")
    max_grad_norm: Annotated[float, Field(ge=0)] = Field(1.0, description="clip gradients to this norm; 0: never")
    lr_scheduler_type: Literal["linear", "cosine", "constant"] = Field("linear", description="after the warm-up")
    warmup_steps: Annotated[float, Field(ge=0)] = Field(0.1, description="below 1 a share of all steps, else steps")
    eval_strategy: Literal["epoch", "steps"] = Field("epoch", description="when to evaluate on validation")
    eval_steps: Positive | None = Field(
        None, description="steps between evaluations with --eval-strategy steps", validate_default=True
    )
    early_stopping_patience: Positive | None = Field(3, description="evaluations without a new best; none: never stop")
    metric_for_best_model: str | None = Field(None, description="selects epochs and strategies; the task's by default")
    train_sampling_strategy: Literal["random", "group_by_length", "sequential"] = Field(
        "group_by_length", description="order of training examples"
    )
    frozen_dropout: bool = Field(False, description="keep dropout active in frozen layers, as the stock Trainer does")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="auto probes the machine")
    speedups: Literal["on", "off"] = Field("on", description="off is the plain path: fp32 as torch computes it")
    output: Path | None = Field(None, description="folder for the results; by default unfreeze-<data>")
    overwrite: bool = Field(False, description="move an existing output folder aside instead of stopping")

    @field_validator("model", "test_file", "strategy", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Path | Strategy) else value

    @field_validator("label_names", mode="before")
    @classmethod
    def _names_by_id(cls, value: Any) -> Any:
        names = parse_label_names(value)
        if not isinstance(value, Mapping | list | tuple):
            return value
        if any(isinstance(one, bool) for one in (value.values() if isinstance(value, Mapping) else value)):
            raise ValueError(
                f"--label-names {value}: YAML reads words such as yes, no, on as true or false. Quote them."
            )
        return names

    @field_validator("early_stopping_patience", mode="before")
    @classmethod
    def _none_is_never(cls, value: Any) -> Any:
        return None if value == "none" else value

    @field_validator("strategy")
    @classmethod
    def _strategies_parse(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        mistakes = []
        for one in value:
            if not isinstance(one, Strategy):
                try:
                    parse_strategies(str(one), STRATEGIES)
                except StrategyError as error:
                    mistakes.append(str(error))
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return value

    @field_validator("speedups", mode="before")
    @classmethod
    def _yaml_reads_on_as_true(cls, value: Any) -> Any:
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else value

    # Checks of single fields and not of the whole model: those would wait until all fields are right.
    @field_validator("eval_steps")
    @classmethod
    def _steps_need_a_number(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is None and info.data.get("eval_strategy") == "steps":
            raise ValueError("--eval-strategy steps: give --eval-steps N too.")
        if value is not None and info.data.get("eval_strategy") == "epoch":
            raise ValueError(f"--eval-steps {value}: is used with --eval-strategy steps only. Give that too.")
        return value

    @field_validator("speedups")
    @classmethod
    def _plain_path_is_fp32(cls, value: str, info: ValidationInfo) -> str:
        if value == "off" and info.data.get("precision") == "bf16":
            raise ValueError("--precision bf16 --speedups off: the plain path computes in fp32. Leave one of them out.")
        return value

    @field_validator("warmup_steps")
    @classmethod
    def _share_or_steps(cls, value: float) -> float:
        if value >= 1 and value != int(value):
            raise ValueError(f"--warmup-steps {value:g}: expected a share below 1 or a whole number of steps.")
        return value

    def strategies(self) -> list[Strategy]:
        """The strategies in the order given, ranges expanded, repeated ones once."""
        found: list[Strategy] = []
        for one in self.strategy:
            found += [one] if isinstance(one, Strategy) else parse_strategies(one, STRATEGIES)
        return list(dict.fromkeys(found))

    def data_request(self) -> DataRequest:
        """The part of the settings that is about data; a field of it that is no setting is a bug and raises."""
        return DataRequest(**{field.name: getattr(self, field.name) for field in fields(DataRequest)})

    def unused_settings(self, task: str) -> list[str]:
        """One note for each setting that differs from its default and that this task does not look at."""
        return [
            f"{flag(name)} {getattr(self, name)} is not used: it is for {other}, this is {task}"
            for other, names in ONE_TASK_SETTINGS.items()
            for name in names
            if task in ONE_TASK_SETTINGS
            and task != other
            and getattr(self, name) != type(self).model_fields[name].default
        ]

    def written(self) -> dict[str, Any]:
        """As plain values for YAML; objects of the user's own are written as text, data in memory by its type."""
        values: dict[str, Any] = {name: _plain(getattr(self, name)) for name in type(self).model_fields}
        if self.data is not None and not isinstance(self.data, str | Path):
            values["data"] = f"<{type(self.data).__name__} in memory>"
        return values


def read_settings(values: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """Check settings; returns them with notes about names that were translated.

    Raises:
        SettingsError: with every mistake, each naming the argument, the value and what was expected.
    """
    return read_layers(values)


def read_layers(*layers: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """As `read_settings`, from several sources: what a later one says overrides the earlier ones."""
    notes: list[str] = []
    mistakes: list[str] = []
    merged: dict[str, Any] = {}
    for values in layers:
        renamed: dict[str, Any] = {}
        for key, value in values.items():
            name = key.replace("-", "_")
            if name in ALIASES:
                notes.append(f"{flag(name)} is called {flag(ALIASES[name])} here")
                name = ALIASES[name]
            if name in renamed:
                mistakes.append(f"{flag(name)}: is given twice, under two names.")
            renamed[name] = value
        merged |= renamed
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        mistakes += [line for one in error.errors() for line in _mistake(one).splitlines()]
    if mistakes:
        raise SettingsError(mistakes)
    return settings, notes


def read_config_file(path: Path) -> dict[str, Any]:
    """The settings of a YAML file.

    Raises:
        SettingsError: the file is missing, is not YAML, or is not a mapping.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError([f"--config {path}: cannot be read ({error.strerror}). Give a YAML file."]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError([f"--config {path}: is not valid YAML: {' '.join(str(error).split())}"]) from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise SettingsError([f"--config {path}: expected `key: value` lines, as `compare --print-config` prints."])
    return values


def flag(name: str) -> str:
    """The command-line flag of a setting.

    >>> flag("max_length")
    '--max-length'
    """
    return "--" + name.replace("_", "-")


def _mistake(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    location = error["loc"]
    if error["type"] == "value_error" or not location:
        return message
    name = str(location[0])
    if error["type"] == "extra_forbidden":
        import difflib

        near = difflib.get_close_matches(name, Settings.model_fields, n=1)
        return f"{flag(name)}: no such setting." + (f" Did you mean {flag(near[0])}?" if near else "")
    return f"{flag(name)} {error['input']}: {message[0].lower()}{message[1:]}."


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)
