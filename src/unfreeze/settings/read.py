"""From flags and YAML to settings: all mistakes reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from unfreeze.settings.mistakes import SettingsError, flag
from unfreeze.settings.model import Settings

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
        raise SettingsError(mistakes, merged)
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


def _mistake(error: Any) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    location = error["loc"]
    if error["type"] == "value_error" or not location:
        return message
    name = str(location[0])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, Settings.model_fields, n=1)
        return f"{flag(name)}: no such setting." + (f" Did you mean {flag(near[0])}?" if near else "")
    return f"{flag(name)} {error['input']}: {message[0].lower()}{message[1:]}."
