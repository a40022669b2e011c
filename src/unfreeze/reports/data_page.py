"""The page on data that `unfreeze inspect --data --html` writes, in the form of a comparison's report."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from unfreeze.reports import data_page_sections as sections
from unfreeze.reports.blocks import Section
from unfreeze.reports.data_words import Summary, noun, number, splits_in_words, tasks_in_words
from unfreeze.reports.page import made_by, render_page
from unfreeze.storage.atomic import write_text
from unfreeze.storage.folders import OutputError

MAKER = "unfreeze data report"
FOOTER = "Written by unfreeze inspect. Numbers, texts and places are those of the data as they were read."
_HEAD = 2**16  # bytes; the name of the maker stands before the style

# In order of the page. A new section is one function Summary -> Section and one line here.
SECTIONS: tuple[Callable[[Summary], Section], ...] = (
    sections.what_was_found,
    sections.findings,
    sections.splits_and_labels,
    sections.lengths,
    sections.repeated,
    sections.examples,
    sections.reproduce,
)


def check_data_page(page: Path) -> None:
    """Refuse a place for the page before the data are read.

    Raises:
        OutputError: it is a folder, or something that is no page on data of ours, or cannot be read.
    """
    if not os.path.lexists(page):
        return
    if page.is_dir():
        raise OutputError(f"--html {page}: is a folder; expected a file to write. Try {page / 'data.html'}.")
    try:
        if not page.is_file():
            raise OutputError(f"--html {page}: is no ordinary file. Choose another name.")
        with page.open("rb") as stream:
            ours = made_by(MAKER, stream.read(_HEAD))
    except OSError as error:
        raise OutputError(f"--html {page}: cannot be read ({error.strerror}). Choose another name.") from None
    if not ours:
        raise OutputError(
            f"--html {page}: exists and is no page that `unfreeze inspect` wrote; only those are written anew. "
            "Choose another name, or move it away."
        )


def write_data_page(page: Path, summary: Summary) -> None:
    """Write the page; `summary` is what `unfreeze inspect --data --json` prints.

    With `tokens` (`model`, `lengths` and `reading` as in `comparison.json`) it also tells what a model reads, and with
    `made` (`command`, `versions`) how to make it again.

    Raises:
        OutputError: it cannot be written there, or what is there is no page on data of ours.
    """
    check_data_page(page)
    text = render_data_page(summary)
    try:
        write_text(page, text)
    except (FileExistsError, NotADirectoryError, PermissionError, IsADirectoryError) as error:
        raise OutputError(f"--html {page}: cannot be written ({error.strerror}). Choose another place.") from None


def render_data_page(summary: Summary) -> str:
    """The page as text."""
    shown = [section for make in SECTIONS if (section := make(summary)).blocks]
    total = sum(one["examples"] for one in summary["splits"].values())
    facts = [tasks_in_words(summary)] if summary.get("task") else []
    facts += [number(total, noun(summary)), splits_in_words(summary)] if total else []
    return render_page(f"Data: {summary['name']}", facts, shown, FOOTER, MAKER)
