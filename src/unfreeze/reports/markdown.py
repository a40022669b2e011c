"""The report as Markdown, for places that show no HTML: the same sections, with links to the figures beside it."""

from __future__ import annotations

from collections.abc import Sequence

from unfreeze.reports.blocks import Block, Bullets, Code, Image, Paragraph, Section, Table
from unfreeze.reports.tables import to_markdown
from unfreeze.storage.foreign_text import markdown_text, visible


def markdown_report(title: str, facts: Sequence[str], sections: Sequence[Section]) -> str:
    """The whole report; nothing that comes from data is taken as markup."""
    parts = [f"# {markdown_text(title)}", " · ".join(map(markdown_text, facts))]
    for section in sections:
        parts.append(f"## {markdown_text(section.title)}")
        parts += [_block(block) for block in section.blocks]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return f"**{markdown_text(block.text)}**" if block.strong else _text(block.text)
    if isinstance(block, Bullets):
        return "\n".join(f"- {_text(item)}" for item in block.items)
    if isinstance(block, Code):
        # Indented code has no end that its text could write.
        return "\n".join(f"    {visible(line)}" for line in block.text.splitlines())
    if isinstance(block, Image):
        return f"![{markdown_text(block.alternative)}](figures/{block.name}.png)" if block.name else ""
    return _table(block)


def _table(block: Table) -> str:
    header = [cell or " " for cell in block.header]
    rows = [[_on_one_line(cell) for cell in row] for row in block.rows]
    table = to_markdown(header, rows, bold=block.marked, texts=block.texts)
    above = f"**{markdown_text(block.folded)}**\n\n" if block.folded else ""
    return above + table + (f"\n{_text(block.caption)}\n" if block.caption else "")


def _on_one_line(cell: str) -> str:
    """
    >>> _on_one_line("tie\\n-0.01"), _on_one_line("a: full;\\nb: head")
    ('tie, -0.01', 'a: full; b: head')
    """
    *before, last = cell.splitlines() or [""]
    return "".join(f"{line} " if line.endswith(";") else f"{line}, " for line in before) + last


def _text(text: str) -> str:
    """A sentence at the start of a line, where some signs begin lists, headings or numbers."""
    line = markdown_text(text)
    head, dot, rest = line.partition(". ") if line[:1].isdigit() else ("", "", "")
    if dot and head.isdigit():
        return f"{head}\\. {rest}"
    return f"\\{line}" if line[:1] in tuple("#+-=") else line
