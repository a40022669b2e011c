"""The page on all strategies, made from their dataclasses: `python -m unfreeze.strategies.reference`."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import MISSING, Field, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from unfreeze.strategies import STRATEGIES, PeftMethod, Strategy
from unfreeze.strategies.peft import NOT_OFFERED, offered_methods
from unfreeze.strategies.strategy import Kind

HEAD = """\
# Strategies

How the weights change. This page is made from the code; to make it again:
`python -m unfreeze.strategies.reference > docs/strategies.md`.

A strategy is typed as `--strategy name` or `--strategy name:key=value,key=value`. A switch is its name alone
(`lora:use_dora`), several values of one key are joined with `+` (`lora:target_modules=query+value`).
"""
SUMS = """\
## How strategies add up

`a+b` is both at once. An *opener* makes something train, a *closer* keeps something from training, the rest do neither.

- What trains is what any of the openers trains (everything where none is named), less what the closers freeze.
- The head always trains, and so does what the model brings no weights for: frozen it would stay random.
- Learning rate and epochs are those of the first opener, or of the first strategy where nothing opens: `lora+full`
  trains everything at LoRA's rate. `--learning-rate` and `--epochs` go before both.
- Multipliers on the learning rate multiply.
- An adapter freezes, thaws and takes its rate with the layer it sits in.
- The *top*, a pooler or a last norm between the layers and the head, goes with the head in `gradual`, `two_stage`,
  `llrd` and `discriminative`. `head` and the adapters leave it frozen.
- An opener is named once. A sum that leaves weights at random, as `reinit:top=1+head` would, is refused.

Sums that the literature uses: `adapter:placement=houlsby+layernorm` (Houlsby et al. 2019), `reinit:top=1+llrd` (Zhang
et al. 2021), `gradual+llrd` (Howard and Ruder 2018).

## Ranges

`first=0..6` gives one strategy for each whole number from 0 to 6: `freeze:first=0..6` asks how many layers have to
train, `lora:r=4..6` tries three ranks. Several ranges multiply.
"""
KINDS: dict[Kind, str] = {
    "opener": "*Opener*: in a sum it opens what it trains alone.",
    "closer": "*Closer*: alone it freezes parts of everything, in a sum parts of what the openers train.",
    "rates": "*Neither opener nor closer*: alone everything trains, in a sum what the others train.",
}
SHORT_KINDS: dict[Kind, str] = {"opener": "opener", "closer": "closer", "rates": "neither"}
ADVICE = ("Use ", "Not ", "Cost: ", "Source: ")


def reference() -> str:
    """The whole page in Markdown."""
    rows = [
        f"[`{name}`](#{name})|{_summary(cls)}|{SHORT_KINDS[cls.kind]}|{_default(cls, 'learning_rate')}|"
        f"{_default(cls, 'epochs')}"
        for name, cls in STRATEGIES.items()
    ]
    table = _table("strategy|what it does|in a sum|learning rate|epochs", rows)
    return "\n".join([HEAD, table, SUMS, *(_section(name, cls) for name, cls in STRATEGIES.items())]).rstrip() + "\n"


def advice(cls: type[Strategy]) -> dict[str, str]:
    """What the docstring says after `Use`, `Not`, `Cost` and `Source`, each as one line that starts with that word."""
    found: dict[str, str] = {}
    for line in _paragraphs(cls)[-1]:
        starts = next((word for word in ADVICE if line.startswith(word)), None)
        if starts is not None and starts not in found:
            found[starts] = line
        elif found:
            found[list(found)[-1]] += f" {line}"
    return found


def _section(name: str, cls: type[Strategy]) -> str:
    what = "\n\n".join(" ".join(lines) for lines in _paragraphs(cls)[:-1])
    rows = [_setting(field, get_type_hints(cls, include_extras=True)[field.name]) for field in _settings(cls)]
    return "\n".join(
        [
            f"## `{name}`\n",
            f"{what}\n",
            *(f"- {line}" for line in advice(cls).values()),
            f"\n{KINDS[cls.kind]} Default learning rate {_default(cls, 'learning_rate')}, default epochs "
            f"{_default(cls, 'epochs')}.\n",
            _table("setting|type|default|meaning", rows),
            *([_methods_of_peft()] if cls is PeftMethod else []),
        ]
    )


def _paragraphs(cls: type[Strategy]) -> list[list[str]]:
    """The docstring as paragraphs of lines; the last one is the advice."""
    return [paragraph.splitlines() for paragraph in re.split(r"\n\s*\n", inspect.getdoc(cls) or "")]


def _summary(cls: type[Strategy]) -> str:
    return " ".join(_paragraphs(cls)[0]).split(": `")[0].removesuffix(".")


def _default(cls: type[Strategy], name: str) -> str:
    value = getattr(cls, name)
    return f"{getattr(cls(), name) if isinstance(value, property) else value:g}"


def _settings(cls: type[Strategy]) -> tuple[Field[Any], ...]:
    return fields(cls)  # type: ignore[arg-type]  # strategies are dataclasses


def _setting(field: Field[Any], hint: Any) -> str:
    described = get_origin(hint) is Annotated
    meaning = hint.__metadata__[0] if described else ""
    return f"`{field.name}`|{_type(get_args(hint)[0] if described else hint)}|{_value(field.default)}|{meaning}"


def _type(hint: Any) -> str:
    """A type in words, as it is typed; what None means stands in the meaning of the setting."""
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_type(option) for option in get_args(hint) if option is not NoneType)
    if get_origin(hint) is Literal:
        return " or ".join(f"`{option}`" for option in get_args(hint))
    if get_origin(hint) is tuple:
        item = {str: "names", int: "whole numbers"}.get(get_args(hint)[0])
        return f"{item} joined with `+`" if item else "several, as `key=value`"
    return {int: "whole number", float: "number", bool: "switch", str: "name"}[hint]


def _value(default: Any) -> str:
    if default is MISSING:
        return "must be given"
    if default in (None, ()):
        return "none"
    if isinstance(default, bool):
        return "on" if default else "off"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _methods_of_peft() -> str:
    offered = ", ".join(f"`{name}`" for name in offered_methods())
    refused = "\n".join(f"- `{name}` {reason}." for name, reason in NOT_OFFERED.items())
    return (
        f"Methods that can be named: {offered}. Each is tested on BERT from training to the merged model; `IA3`, "
        "`LOHA` and `VERA` are on every family.\n\n"
        f"Not offered, beside the methods that need peft's wrapper:\n\n{refused}\n"
    )


def _table(head: str, rows: list[str]) -> str:
    """A Markdown table from lines with the cells between `|`."""
    lines = [head, re.sub(r"[^|]+", "---", head), *rows]
    return "\n".join("| " + " | ".join(line.split("|")) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
