"""The page on the Python interface, made from its docstrings: `python -m unfreeze.api_reference`."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from types import ModuleType
from typing import Any

import unfreeze
from unfreeze.settings import ALIASES, Settings, flag

HEAD = """\
# Python

What `import unfreeze` offers, and every setting. This page is made from the docstrings; to make it again:
`python -m unfreeze.api_reference > docs/api.md`. Names that are not here may change.
"""
SETTINGS_HEAD = """\
## Settings

A setting is a keyword of `unfreeze.compare` and `unfreeze.train`, a key of a `--config` file, and with hyphens a flag
of `unfreeze compare` (`max_length` is `--max-length`). What is repeatable is a list in Python and in YAML.
"""
# Headings of the page, and the public names below each.
PARTS = {
    "Functions": ("compare", "train", "load", "predict"),
    "What comes back": ("Comparison", "RunRecord", "Predictor"),
    "Following a comparison": ("Listener",),
    "Examples in memory": ("TextExample", "TaggedExample"),
    "To extend": ("Strategy", "Task"),
    "Errors": ("SettingsError", "DataError", "ModelError", "StrategyError"),
    "Packages": ("strategies", "tasks"),
}
FURTHER = {
    "RunRecord": "What each field means: [comparison.json](comparison-schema.md).",
    "Strategy": "How to write one: [extending](extending.md#a-strategy).",
    "Task": "How to write one: [extending](extending.md#a-task).",
}


class Bare(str):
    """An annotation shown as it is written, not as a string."""

    def __repr__(self) -> str:
        return str(self)


def api_reference() -> str:
    """The whole page in Markdown."""
    return "\n".join([HEAD, *_parts(), SETTINGS_HEAD, _settings()]).rstrip() + "\n"


def _parts() -> Iterator[str]:
    for heading, names in PARTS.items():
        yield f"## {heading}\n"
        for name in names:
            yield from _of(name, getattr(unfreeze, name))


def _of(name: str, value: Any) -> Iterator[str]:
    """One public name: how it is called, what it says of itself, and what it has."""
    yield f"### `{name}`\n"
    if isinstance(value, ModuleType):
        yield f"{_text(value)}\n"
        yield f"`{'`, `'.join(value.__all__)}`\n"
        return
    if not inspect.isclass(value):
        yield f"`unfreeze.{name}{_signature(value)}`\n"
    yield f"{_text(value)}\n"
    if name in FURTHER:
        yield f"{FURTHER[name]}\n"
    if isinstance(value, type) and is_dataclass(value) and (rows := list(_fields(value))):
        yield "\n".join(["| field | type | default |", "|---|---|---|", *rows]) + "\n"
    if inspect.isclass(value):
        yield from _members(value)


def _fields(cls: type[Any]) -> Iterator[str]:
    for field in fields(cls):
        if not field.name.startswith("_") and field.init:
            needed = field.default is MISSING and field.default_factory is MISSING
            shorter = field.default is not MISSING and len(repr(field.default)) < 40
            default = "must be given" if needed else f"`{field.default!r}`" if shorter else ""
            shown = str(field.type).replace(" | ", " or ")
            yield f"| `{field.name}` | `{shown}` | {default} |"


def _members(cls: type[Any]) -> Iterator[str]:
    """Methods and properties of its own that say what they do."""
    for name, member in vars(cls).items():
        function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if name.startswith("_") or not (inspect.isfunction(function) or isinstance(member, property)):
            continue
        if not inspect.getdoc(member):
            continue
        called = "" if isinstance(member, property) else _signature(function, without_first=True)
        yield f"**`{name}{called}`**\n\n{_text(member)}\n"


def _signature(function: Any, *, without_first: bool = False) -> str:
    signature = inspect.signature(function)
    parameters = [
        one.replace(annotation=Bare(one.annotation)) if isinstance(one.annotation, str) else one
        for one in signature.parameters.values()
    ][int(without_first) :]
    returned = signature.return_annotation
    returned = Bare(returned) if isinstance(returned, str) else returned
    return str(signature.replace(parameters=parameters, return_annotation=returned))


def _text(value: Any) -> str:
    """A docstring as Markdown: paragraphs on one line, the entries of `Args:` and `Raises:` as a list."""
    blocks = re.split(r"\n\s*\n", inspect.getdoc(value) or "")
    return "\n\n".join(_block(block.splitlines()) for block in blocks)


def _block(lines: list[str]) -> str:
    if not re.fullmatch(r"(Args|Raises|Returns|Yields):", lines[0]):
        return " ".join(line.strip() for line in lines)
    entries: list[str] = []
    for line in inspect.cleandoc("\n".join(["", *lines[1:]])).splitlines():
        if line.startswith(" ") and entries:
            entries[-1] += f" {line.strip()}"
        else:
            entries.append(re.sub(r"^([\w, ]+): ", r"`\1`: ", line))
    return "\n".join([f"{lines[0]}\n", *(f"- {entry}" for entry in entries)])


def _settings() -> str:
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    also: dict[str, list[str]] = {}
    for alias, name in ALIASES.items():
        also.setdefault(name, []).append(f"`{flag(alias)}`")
    for name, info in Settings.model_fields.items():
        default = "" if info.default in (None, ()) else f"`{_plain(info.default)}`"
        meaning = str(info.description).replace("|", "\\|").replace("<", "&lt;")
        known = f"; also {', '.join(also[name])}" if name in also else ""
        rows.append(f"| `{name}` | {default} | {meaning}{known} |")
    return "\n".join(rows) + "\n"


def _plain(default: Any) -> str:
    if isinstance(default, tuple):
        return (" " if isinstance(default[0], str) else ",").join(map(str, default))
    return str(default).lower() if isinstance(default, bool) else str(default)


if __name__ == "__main__":
    sys.stdout.write(api_reference())
