"""Texts from elsewhere (data, labels, names of files) as they are written: nothing in them acts as syntax."""

from __future__ import annotations

import re

# Control characters but for tab and line end, other line ends, what turns the direction of the text after it, byte
# order marks, halves of characters, which no file can hold, and what is no character, which no figure can hold.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]")
# What GitHub takes as markup, HTML, a character's number, mathematics or a link; not an underscore inside of a word.
_MARKUP = re.compile(r"[\\|<>*`\[\]~$&]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.", re.IGNORECASE)
# What a spreadsheet takes as the start of a formula (OWASP, "CSV Injection"), also in full width.
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def visible(text: str) -> str:
    """With characters that act without being seen written out, so that none drives a terminal or reorders a line.

    >>> visible("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def markdown_text(text: str) -> str:
    """For a line or cell of Markdown: on one line, all of it text.

    >>> print(markdown_text("a|b *c* target_modules <i>"))
    a\\|b \\*c\\* target_modules \\<i\\>
    """
    return _MARKUP.sub(r"\\\g<0>", " ".join(visible(text).split()))


def code_span(text: str) -> str:
    """Code within a line of Markdown, whatever backticks it holds.

    >>> print(code_span("full"), code_span("a`b"))
    `full` `` a`b ``
    """
    line = " ".join(visible(text).split())
    longest = max(map(len, re.findall("`+", line)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{line}{space}{fence}"


def spreadsheet_cell(text: str) -> str:
    """For a cell of CSV: no program takes it as a formula, also where it splits lines at semicolons.

    >>> spreadsheet_cell("=1+1"), spreadsheet_cell("a;@b"), spreadsheet_cell("lora:r=8")
    ("'=1+1", "a;'@b", 'lora:r=8')
    """
    # Tabs and line ends start cells and formulas too; some programs also skip leading spaces.
    line = visible(re.sub(r"[\t\r\n\0]", " ", text))
    line = re.sub(r"(;\s*)(?=[=+@＝＋－＠-])", r"\1'", line)
    return f"'{line}" if line.lstrip().startswith(_FORMULA_STARTS) else line
