"""`name:key=value,...+name` as typed after `--strategy`, to strategies."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from math import isfinite
from typing import Any, Literal, Union, get_args, get_origin

from unfreeze.strategies.strategy import Combined, Strategy, StrategyError

# A `+` joins strategies only where a strategy's name follows; inside a value it joins module names.
_RANGE = re.compile(r"^(\d+)\.\.(\d+)$")
MOST_DIGITS = 3  # of a number of layers


def parse_strategies(text: str, known: Mapping[str, type[Strategy]]) -> list[Strategy]:
    """Read one `--strategy`; `freeze:first=0..6` gives one strategy per k.

    Raises:
        StrategyError: an unknown name or key, or a value of the wrong kind; the message lists what is known.
    """
    combinations: list[list[Strategy]] = [[]]
    for piece in _split(text, known):
        choices = _parse_one(piece, known)
        combinations = [[*done, choice] for done in combinations for choice in choices]
    strategies = []
    for members in combinations:
        strategies.append(_joined(text, members))
    return strategies


def _joined(text: str, members: Sequence[Strategy]) -> Strategy:
    strategy = members[0]
    for member in members[1:]:
        strategy = strategy + member
    if isinstance(strategy, Combined):
        for member in strategy.members:
            if member is not strategy.first_opener() and _names_a_rate(member):
                raise StrategyError(
                    f"--strategy {text}: the learning rate is that of {strategy.first_opener().name}; "
                    f"give learning_rate there, not with {member.name}."
                )
    return strategy


def _names_a_rate(strategy: Strategy) -> bool:
    """Is `learning_rate` typed? The rates of `discriminative` are ratios and no such setting."""
    settings = fields(strategy)  # type: ignore[arg-type]  # strategies are dataclasses
    return any(one.name == "learning_rate" and strategy.learning_rate != one.default for one in settings)


def _split(text: str, known: Mapping[str, type[Strategy]]) -> list[str]:
    pieces: list[str] = []
    for piece in text.split("+"):
        if pieces and piece.split(":")[0].strip() not in known and _ends_in_a_list(pieces[-1], known):
            pieces[-1] += "+" + piece.strip()
        else:
            pieces.append(piece.strip())
    return pieces


def _ends_in_a_list(piece: str, known: Mapping[str, type[Strategy]]) -> bool:
    """Is the last setting typed so far one that takes several names joined with `+`?"""
    name, _, settings = piece.partition(":")
    key = settings.rsplit(",", 1)[-1].partition("=")[0].strip()
    hint = _setting_types(piece, known[name], settings).get(key) if name in known else None
    return any(get_origin(option) is tuple for option in _options(hint))


def _parse_one(text: str, known: Mapping[str, type[Strategy]]) -> list[Strategy]:
    name, _, settings = text.partition(":")
    if name not in known:
        raise StrategyError(
            f"--strategy {text}: unknown strategy {name!r}.{_nearest(name, known)} Known: {', '.join(known)}."
        )
    cls = known[name]
    hints = _setting_types(text, cls, settings)
    keys = list(hints)
    values: list[dict[str, Any]] = [{}]
    mistakes: list[str] = []
    for setting in filter(None, settings.split(",")):
        key, equals, value = (part.strip() for part in setting.partition("="))
        try:
            if key not in keys:
                raise StrategyError(
                    f"--strategy {text}: {name} has no setting {key!r}.{_nearest(key, keys)} Known: {', '.join(keys)}."
                )
            if not equals:
                value = _bare_value(text, key, hints[key])
            if key in values[0]:
                raise StrategyError(f"--strategy {text}: {key} is given twice.")
            choices = [_convert(text, key, choice, hints[key]) for choice in _choices(text, key, value)]
        except StrategyError as error:
            mistakes.append(str(error))
            continue
        values = [{**one, key: choice} for one in values for choice in choices]
    made = []
    for one in values if values[0] or not mistakes else []:  # what is left of a strategy may be none
        try:
            made.append(cls.from_settings(one))
        except StrategyError as error:
            mistakes.append(f"--strategy {text}: {str(error).removeprefix(f'{name}:')}")
    if mistakes:
        raise StrategyError("\n".join(dict.fromkeys(mistakes)))
    return made


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _setting_types(text: str, cls: type[Strategy], settings: str) -> dict[str, Any]:
    try:
        return cls.setting_types([setting.strip() for setting in settings.split(",")])
    except StrategyError as error:
        raise StrategyError(f"--strategy {text}: {error}") from None


def _choices(text: str, key: str, value: str) -> list[str]:
    """The values of a range `0..6`, both ends included; any other value alone."""
    span = _RANGE.match(value)
    if not span:
        return [value]
    if len(span[1]) > MOST_DIGITS or len(span[2]) > MOST_DIGITS:
        raise StrategyError(f"--strategy {text}: {key}={value[:40]} is no range of layers; there are not so many.")
    first, last = int(span[1]), int(span[2])
    if first > last:
        raise StrategyError(f"--strategy {text}: {key}={value} is an empty range; the smaller number comes first.")
    return [str(number) for number in range(first, last + 1)]


def _bare_value(text: str, key: str, hint: Any) -> str:
    """The value of a key typed without `=`: true for a switch, and `freeze:embeddings` freezes them."""
    options = _options(hint)
    if bool in options:
        return "true"
    if "freeze" in options:
        return "freeze"
    raise StrategyError(f"--strategy {text}: {key} needs a value, as {key}=...")


def _options(hint: Any) -> list[Any]:
    """The types and literal values a field admits."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return [option for part in get_args(hint) for option in _options(part)]
    return list(get_args(hint)) if origin is Literal else [hint]


def _convert(text: str, key: str, value: str, hint: Any) -> Any:
    options = _options(hint)
    if value in [option for option in options if isinstance(option, str)]:
        return value
    for option in options:
        try:
            converted = _as_type(value, option)
        except ValueError:
            continue
        if key != "learning_rate" or converted > 0:
            return converted
    raise StrategyError(f"--strategy {text}: {key}={value}: expected {_described(options)}.")


def _as_type(value: str, wanted: Any) -> Any:
    """The value as this type; ValueError if it is none."""
    if wanted is bool and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if wanted is int:
        return int(value)
    if wanted is float and isfinite(float(value)):
        return float(value)
    if get_origin(wanted) is tuple:
        return tuple(_as_type(item, get_args(wanted)[0]) for item in value.split("+"))
    if wanted is str:
        return value
    raise ValueError


def _described(options: list[Any]) -> str:
    words = {
        int: "a whole number",
        float: "a finite number",
        bool: "true or false",
        tuple[int, ...]: "whole numbers joined with +",
        tuple[float, ...]: "numbers joined with +",
    }
    named = [option if isinstance(option, str) else words.get(option) for option in options]
    return " or ".join(name for name in named if name)
