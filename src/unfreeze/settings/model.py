"""What a user may write on the command line or in YAML.

Every field is a flag (`max_length` is `--max-length`) and a YAML key; its description is the help text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from unfreeze.data.examples import TaskName
from unfreeze.data.label_spelling import parse_label_names
from unfreeze.data.sources import DataRequest
from unfreeze.settings.budget import Budget, parse_budget
from unfreeze.settings.launching import RAY_ALONE, who_counts, with_ray_only
from unfreeze.settings.levers import LEVERS, as_typed, levers_are_known, parse_levers
from unfreeze.settings.mistakes import flag
from unfreeze.settings.search_factors import SEARCH_FACTORS, factors_from
from unfreeze.strategies import STRATEGIES, Strategy, StrategyError
from unfreeze.strategies.parse import parse_strategies

DEFAULT_STRATEGIES = ("head", "freeze:first=half", "lora", "full")

# Settings that do not decide what a single run comes to: where it is written, and what runs beside it. Data is known
# by its content and not by its name.
NOT_OF_A_RUN = frozenset(
    {"model", "data", "train_file", "validation_file", "test_file", "strategy", "seeds", "seed", "output", "overwrite"}
    | {"lr_search", "lr_search_factors", "until_decided", "max_seeds", "margin", "data_curve", "probe", "plan", "jobs"}
    | {"save_steps", "report_to", "launcher", *RAY_ALONE}
)

MOST_SEEDS = 10

Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Settings(BaseModel):
    """Everything a comparison can be told. Names are the stock Trainer's where it has one."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False, coerce_numbers_to_str=True
    )

    model: tuple[str, ...] = Field((), description="hub id, local folder or `minilm` (repeatable)")
    data: Any = Field(None, description="sample:emotion|ner|pos|qa|docstrings, a file, a folder or a hub id")
    train_file: str | None = Field(None, description="training file, in place of --data")
    validation_file: str | None = Field(None, description="validation file; made from the training data if missing")
    test_file: tuple[str, ...] = Field((), description="test file as PATH or NAME=PATH (repeatable)")
    task: TaskName | None = Field(None, description="inferred from the data by default")
    format: str | None = Field(None, description="file format; inferred by default")
    text_column: str | None = Field(None, description="column that holds the text; inferred by default")
    text_pair_column: str | None = Field(None, description="column that holds the second text of a pair")
    label_column: str | None = Field(None, description="column that holds the label; inferred by default")
    tag_column: str | None = Field(None, description="CoNLL column number, or upos, xpos, feats:NAME for CoNLL-U")
    label_separator: str | None = Field(
        None, description="multi-label: what stands between the labels of a text in one cell; , by default"
    )
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
    budget: str | None = Field(
        None, description="the same for every strategy: epochs=N, steps=N, tokens=N or seconds=N of training"
    )
    learning_rate: float | None = Field(
        None, gt=0, description="one peak learning rate for every strategy; by default each has its own"
    )
    lr_search: bool = Field(False, description="find the learning rate of each strategy first, on validation")
    lr_search_factors: Annotated[tuple[float, ...], BeforeValidator(factors_from)] = Field(
        SEARCH_FACTORS, description="rates to try, as multiples of the strategy's own: N,N,..."
    )
    until_decided: bool = Field(False, description="add seeds until the verdicts stand that the recommendation needs")
    max_seeds: Positive = Field(
        MOST_SEEDS, description="at most so many seeds with --until-decided", validate_default=True
    )
    margin: Annotated[float, Field(gt=0)] = Field(0.01, description="a difference up to this counts as equal")
    data_curve: bool = Field(False, description="train on 25 and 50 % of the training data too")
    probe: bool | None = Field(
        None, description="a linear probe of every layer; by default where freeze:first=k is swept"
    )
    plan: bool = Field(True, description="time some steps of each strategy first and say what the runs will take")
    jobs: Positive | None = Field(
        None, description="runs at once, each in a process of its own; in Python by default in this process"
    )
    launcher: Annotated[Literal["local", "ray"], AfterValidator(who_counts)] = Field(
        "local", description="where runs are made: on this machine, or as tasks of a Ray cluster"
    )
    address: Annotated[str, AfterValidator(with_ray_only)] = Field(
        RAY_ALONE["address"], description="ray: local, auto, or the address of a cluster"
    )
    cpus_per_run: Annotated[Positive, AfterValidator(with_ray_only)] = Field(
        RAY_ALONE["cpus_per_run"], description="ray: cores, and threads, of a run"
    )
    gpus_per_run: Annotated[float, Field(ge=0), AfterValidator(with_ray_only)] = Field(
        RAY_ALONE["gpus_per_run"], description="ray: GPUs of a run; a part of one is possible"
    )
    per_device_train_batch_size: Positive = Field(16, description="examples in a forward pass")
    gradient_accumulation_steps: Positive = Field(1, description="forward passes in an optimizer step")
    eval_tokens_per_batch: Positive = Field(2048, description="tokens, padding included, in an evaluation batch")
    max_length: Annotated[int, Field(ge=8)] | None = Field(
        None, description="tokens in an input, special ones included; by default 256, for questions 384"
    )
    doc_stride: Annotated[int, Field(ge=0)] | None = Field(
        None, description="pieces that neighbouring windows share; by default 32, for questions 128"
    )
    long_text: Literal["truncate", "head_tail", "window_mean", "window_max"] = Field(
        "truncate", description="what is read of a text longer than --max-length: its beginning, beginning and end, all"
    )
    label_alignment: Literal["first", "all"] = Field("first", description="tagging: which pieces carry a word's label")
    max_answer_length: Positive = Field(30, description="questions: an answer has at most so many tokens")
    mlm_probability: Fraction = Field(0.15, description="masked LM: share of the tokens that are hidden")
    masking: Literal["dynamic", "static"] = Field("dynamic", description="masked LM: hide others in each epoch, or not")
    mask_unit: Literal["token", "word", "span"] = Field("token", description="masked LM: what is hidden as a whole")
    n_best_size: Positive = Field(20, description="questions: how many answers are kept of each")
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
    nonfinite: Literal["stop", "skip"] = Field(
        "stop", description="a loss or gradient that is no finite number: end the run, or leave that step out"
    )
    frozen_dropout: bool = Field(False, description="keep dropout active in frozen layers, as the stock Trainer does")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="auto probes the machine")
    speedups: Annotated[str, BeforeValidator(as_typed), AfterValidator(levers_are_known)] = Field(
        "on",
        description=f"off is the plain path: fp32 as torch computes it; or some of {'+'.join(LEVERS)} "
        "(cache needs unpad)",
    )
    save_steps: Positive | None = Field(
        None, description="steps between states to resume from; by default as often as takes 2 % of the time"
    )
    report_to: tuple[str, ...] = Field(
        (), description="experiment trackers to tell, as tensorboard or mlflow; none by default (repeatable)"
    )
    output: Path | None = Field(None, description="folder for the results; by default unfreeze-<data>")
    overwrite: bool = Field(False, description="move an existing output folder aside instead of stopping")

    @field_validator("model", "test_file", "strategy", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str | Path | Strategy) else value

    @field_validator("report_to", mode="before")
    @classmethod
    def _trackers_with_commas(cls, value: Any) -> tuple[str, ...]:
        written = [value] if isinstance(value, str) else value or ()
        names = [name.strip() for one in written for name in str(one).split(",")]
        if "none" in names and set(names) != {"none"}:
            raise ValueError(f"--report-to {','.join(names)}: none goes with no other. Leave one of them out.")
        return tuple(dict.fromkeys(name for name in names if name not in ("", "none")))

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

    # Checks of single fields and not of the whole model: those would wait until all fields are right.
    @field_validator("eval_steps")
    @classmethod
    def _steps_need_a_number(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is None and info.data.get("eval_strategy") == "steps":
            raise ValueError("--eval-strategy steps: give --eval-steps N too.")
        if value is not None and info.data.get("eval_strategy") == "epoch":
            raise ValueError(f"--eval-steps {value}: is used with --eval-strategy steps only. Give that too.")
        return value

    @field_validator("budget")
    @classmethod
    def _one_measure(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            parse_budget(value)
            for name in ("epochs", "max_steps"):
                if info.data.get(name) is not None:
                    raise ValueError(f"--budget {value} {flag(name)} {info.data[name]}: say the same. Leave one out.")
        return value

    @field_validator("lr_search")
    @classmethod
    def _search_or_say(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("learning_rate") is not None:
            raise ValueError(
                f"--lr-search --learning-rate {info.data['learning_rate']:g}: the search finds the rate. Leave one out."
            )
        return value

    @field_validator("max_seeds")
    @classmethod
    def _not_below_seeds(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("until_decided") and value < info.data.get("seeds", 1):
            raise ValueError(f"--max-seeds {value}: is below --seeds {info.data['seeds']}.")
        if info.data.get("until_decided") is False and value != MOST_SEEDS:
            raise ValueError(f"--max-seeds {value}: is used with --until-decided only. Give that too.")
        return value

    @field_validator("warmup_steps")
    @classmethod
    def _share_or_steps(cls, value: float, info: ValidationInfo) -> float:
        if value >= 1 and value != int(value):
            raise ValueError(f"--warmup-steps {value:g}: expected a share below 1 or a whole number of steps.")
        budget = info.data.get("budget")
        if value >= 1 and budget is not None and parse_budget(budget).kind == "seconds":
            raise ValueError(f"--warmup-steps {value:g} --budget {budget}: expected a share below 1 with seconds.")
        return value

    @property
    def levers(self) -> frozenset[str]:
        """The speed levers that may be used."""
        return parse_levers(self.speedups)

    def strategies(self) -> list[Strategy]:
        """The strategies in the order given, ranges expanded, repeated ones once."""
        found: list[Strategy] = []
        for one in self.strategy:
            found += [one] if isinstance(one, Strategy) else parse_strategies(one, STRATEGIES)
        return list(dict.fromkeys(found))

    def training_budget(self) -> Budget | None:
        """`--budget` as a kind and an amount."""
        return None if self.budget is None else parse_budget(self.budget)

    def of_a_run(self) -> dict[str, Any]:
        """The settings that decide what a single run comes to, as plain values."""
        return {name: value for name, value in self.written().items() if name not in NOT_OF_A_RUN}

    def data_request(self) -> DataRequest:
        """The part of the settings that is about data; a field of it that is no setting is a bug and raises."""
        return DataRequest(**{field.name: getattr(self, field.name) for field in fields(DataRequest)})

    def written(self) -> dict[str, Any]:
        """As plain values for YAML; objects of the user's own are written as text, data in memory by its type."""
        values: dict[str, Any] = {name: _plain(getattr(self, name)) for name in type(self).model_fields}
        if self.data is not None and not isinstance(self.data, str | Path):
            values["data"] = f"<{type(self.data).__name__} in memory>"
        return values


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)
