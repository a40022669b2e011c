"""One HTML page that needs no other file and nothing from the network, made of sections.

Every text in it may come from data or file names; the template escapes all of them. The one script of the page is ours;
the page's policy names its hash, so that no other one can run.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from unfreeze.reports.blocks import Section, Table
from unfreeze.storage.foreign_text import visible

POLICY = (
    "default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def render_page(title: str, facts: Sequence[str], sections: Sequence[Section], footer: str, maker: str) -> str:
    """The page; `maker` says in its head what wrote it, for `made_by`."""
    environment = _environment()
    # The only script that may run is this one, byte for byte.
    program = environment.get_template("program.js").render()
    digest = b64encode(sha256(program.encode("utf-8")).digest()).decode("ascii")
    return environment.get_template("template.html").render(
        title=title,
        facts=facts,
        sections=sections,
        names=_names_of_tables(sections),
        footer=footer,
        maker=maker,
        policy=POLICY.format(digest=digest),
    )


def _names_of_tables(sections: Sequence[Section]) -> dict[tuple[int, int], str]:
    """(section, block), from 1 -> what a table is called for whoever cannot see the page; no two have the same name."""
    names: dict[tuple[int, int], str] = {}
    known = Counter[str]()
    for i, section in enumerate(sections, start=1):
        for j, block in enumerate(section.blocks, start=1):
            if isinstance(block, Table):
                said = block.heading or section.title
                known[said] += 1
                names[i, j] = said if known[said] == 1 else f"{said} (table {known[said]})"
    return names


def made_by(maker: str, page: bytes) -> bool:
    """Does the beginning of a page say that this made it? What data hold is escaped and cannot say so."""
    return f'<meta name="generator" content="{maker}">'.encode() in page.partition(b"<title>")[0]


def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=PackageLoader("unfreeze.reports", "."),
        undefined=StrictUndefined,
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Where a line may end: behind a sign, but not inside of 66,955,010.
    environment.filters["pieces"] = lambda text: re.split(r"(?<=[,+:/=])(?!\d{3})(?=.)", text)
    return environment


def _seen(value: Any) -> Any:
    """What the template writes; a macro's result has been through here piece by piece."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
