"""Settings fields as command-line flags: names, help texts and defaults come from the settings model."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from unfreeze.settings import ALIASES, Settings, SettingsError, flag, read_config_file, read_layers

REPEATABLE = ("model", "test_file", "strategy", "report_to")
# Where the name of a setting does not end on what it takes.
METAVARS = {"metric_for_best_model": "METRIC", "output": "DIR", "report_to": "TRACKER"}

DATA_FLAGS = (
    *("data", "train_file", "validation_file", "test_file", "task", "format", "text_column", "text_pair_column"),
    *("label_column", "label_separator", "tag_column", "label_names", "encoding", "lower_case"),
    *("drop_missing_labels", "max_train_samples", "max_eval_samples", "validation_fraction", "test_fraction"),
    "data_seed",
)

# Where a section of the help begins, in the order of the settings; the others follow the one before them.
SECTIONS = {
    "model": "model",
    "data": "data",
    "strategy": "strategies and seeds",
    "jobs": "where it runs",
    "per_device_train_batch_size": "training",
    "max_length": "what is read of an input",
    "max_answer_length": "single tasks",
    "class_weights": "training",
    "precision": "speed",
    "save_steps": "output",
}


class Once(argparse.Action):
    """Stores a value; a second one is a mistake, and not the one that counts."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        if hasattr(namespace, self.dest):
            parser.error(
                f"{option_string} {values}: was given as {getattr(namespace, self.dest)} before. Give it once."
            )
        setattr(namespace, self.dest, values)


def add_settings_flags(parser: argparse.ArgumentParser, names: Iterable[str] | None = None) -> None:
    """Add one flag for each named setting (all by default), plus `--config`. Values are checked later, all at once."""
    chosen = set(Settings.model_fields if names is None else names)
    groups: dict[str, Any] = {}
    for name, section in sections().items():
        if name not in chosen:
            continue
        if section not in groups:
            groups[section] = parser.add_argument_group(section)
        group, info = groups[section], Settings.model_fields[name]
        options: dict[str, Any] = {"action": "append" if name in REPEATABLE else Once}
        if info.annotation in (bool, bool | None):
            options["action"] = argparse.BooleanOptionalAction
        else:
            options["metavar"] = _metavar(name, info.annotation)
        aliases = [alias for alias, target in ALIASES.items() if target == name]
        also = "".join(f"; also {flag(alias)}" for alias in aliases)
        group.add_argument(flag(name), dest=name, default=argparse.SUPPRESS, help=_help(info) + also, **options)
        for alias in aliases:  # kept under its own name, so that the translation is said
            group.add_argument(flag(alias), default=argparse.SUPPRESS, help=argparse.SUPPRESS, **options)
    parser.add_argument("--config", metavar="FILE", type=Path, help="YAML file with the same keys; flags override it")


def sections() -> dict[str, str]:
    """Each setting and the section of the help that it stands in."""
    found, section = {}, ""
    for name in Settings.model_fields:
        found[name] = section = SECTIONS.get(name, section)
    return found


def layers_of(options: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `--config` and what the flags say of settings, under the names that were used.

    Raises:
        SettingsError: the file cannot be read.
    """
    given = {name: value for name, value in vars(options).items() if name in (*Settings.model_fields, *ALIASES)}
    return read_config_file(options.config) if options.config else {}, given


def settings_from(
    options: argparse.Namespace, defaults: Mapping[str, Any] | None = None, **forced: Any
) -> tuple[Settings, list[str]]:
    """Settings from `defaults`, `--config`, the flags, and what a command fixes; with notes on translated names."""
    from_file, given = layers_of(options)
    clash = [flag(name) for name in forced if name in given and given[name] != forced[name]]
    if clash:
        raise SettingsError([f"{name}: this command sets it itself" for name in clash])
    return read_layers(defaults or {}, from_file, given, forced)


def named_by_user(options: argparse.Namespace) -> set[str]:
    """The settings that the flags or `--config` name, whatever name was used."""
    names = [name.replace("-", "_") for layer in layers_of(options) for name in layer]
    return {ALIASES.get(name, name) for name in names} & set(Settings.model_fields)


def _help(info: Any) -> str:
    default = info.default
    text = str(info.description).replace("%", "%%")
    if default in (None, False, ()) or info.annotation is bool:
        return text
    shown = default
    if isinstance(default, tuple):  # as it is typed: a repeated flag, or numbers with commas
        shown = (" " if isinstance(default[0], str) else ",").join(map(str, default))
    return f"{text} (default: {shown})"


def _metavar(name: str, annotation: Any) -> str:
    kinds = _kinds(annotation)
    choices = [kind for kind in kinds if isinstance(kind, str)]
    if choices:
        return "|".join(choices)
    if int in kinds or float in kinds:
        return "N"
    return METAVARS.get(name) or name.upper().rsplit("_", 1)[-1]


def _kinds(annotation: Any) -> list[Any]:
    """The types, and the strings, that a setting may be; not what is in a tuple or mapping.

    >>> _kinds(tuple[int, ...] | float)
    [tuple[int, ...], <class 'float'>]
    """
    if get_origin(annotation) not in (Annotated, Literal, Union, UnionType):
        return [annotation]
    return [kind for part in get_args(annotation) for kind in _kinds(part)]
