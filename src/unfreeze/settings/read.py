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
YAML_LIMIT = 2**18  # bytes
ALIAS_LIMIT = 20
DEPTH_LIMIT = 20
BRACKET_LIMIT = 500  # the time that the parser takes grows with the square of open ones


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
    except UnicodeEncodeError as error:
        mistakes.append(f"{error.object!r}: holds half of a surrogate pair, which is not text. Correct its \\u escape.")
        raise SettingsError(mistakes, merged) from None
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
    try:
        values = plain_yaml(path)
    except OSError as error:
        raise SettingsError([f"--config {path}: cannot be read ({error.strerror}). Give a YAML file."]) from None
    except ValueError as error:
        raise SettingsError([f"--config {path}: is not valid YAML: {error}"]) from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise SettingsError([f"--config {path}: expected `key: value` lines, as `compare --print-config` prints."])
    return values


def plain_yaml(path: Path) -> Any:
    """The values of a YAML file that holds plain values only, and no more of them than it has letters.

    Raises:
        ValueError: it is no such file; OSError: it cannot be read.
    """
    import yaml

    with path.open("rb") as stream:
        content = stream.read(YAML_LIMIT + 1)
    if len(content) > YAML_LIMIT:
        raise ValueError(f"it has more than {YAML_LIMIT:,} bytes")
    try:
        text = content.decode("utf-8")
        _refuse_endless(text)
        return yaml.safe_load(text)
    except Exception as error:  # YAMLError, and what PyYAML trips over where a tag does not fit its value
        raise ValueError(" ".join(str(error).split())[:500] or type(error).__name__) from None


def _refuse_endless(text: str) -> None:
    """Aliases of aliases stand for more values than any memory holds, and deep nesting takes for ever to read."""
    import yaml

    if text.count("[") + text.count("{") > BRACKET_LIMIT:
        raise ValueError(f"it has more than {BRACKET_LIMIT} brackets, or is nested more than {DEPTH_LIMIT} deep")
    starts = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken, yaml.BlockSequenceStartToken)
    aliases = depth = 0
    for token in yaml.scan(text):
        aliases += isinstance(token, yaml.AliasToken)
        depth += isinstance(token, (*starts, yaml.BlockMappingStartToken))
        depth -= isinstance(token, (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken))
        if aliases > ALIAS_LIMIT or depth > DEPTH_LIMIT:
            raise ValueError(f"it has more than {ALIAS_LIMIT} aliases, or is nested more than {DEPTH_LIMIT} deep")


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
