"""What inspection found in data, as text of 80 columns."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping
from typing import Any

from unfreeze.cli.tables import print_in_parts
from unfreeze.cli.terminal import one_line
from unfreeze.reports.data_tables import (
    answers_tables,
    labels_of_a_text,
    labels_table,
    lengths_table,
    numbers_table,
    repeats_table,
    split_sizes,
)
from unfreeze.reports.data_words import SEVERITIES, Summary, found, headline, place

LONGEST_NAME = 24  # places that a label or split in the first column may take


def print_data_report(summary: Summary) -> None:
    """What was inferred, findings by severity, then the tables. Nothing of the data acts on the terminal.

    Errors are counted alone: they end the command, which prints them last.
    """
    if summary["inferred"]:
        print("What was inferred")
    for note in summary["inferred"]:
        _print(note)
    print()
    _print(f"data: {summary['name']}")
    print(f"task: {summary['task']}")
    _print(headline(summary))
    for severity in SEVERITIES[1:]:
        number = found(summary, severity)
        if number:
            print(f"\n{severity.capitalize()}s ({number})")
            for finding in summary["found"]:
                if finding["severity"] == severity:
                    _print_finding(finding)
    for table in (
        split_sizes(summary),
        labels_table(summary),
        labels_of_a_text(summary),
        numbers_table(summary),
        *answers_tables(summary),
        lengths_table(summary),
        repeats_table(summary),
    ):
        if table is not None:
            rows = [[shortened(one_line(row[0])), *row[1:]] for row in table.rows]
            header = [shortened(one_line(cell)) for cell in table.header]
            print_in_parts(table.caption, header, rows, _width())
    if not summary["repeats"]:
        print("\nNo example is there twice, in one split or in two.")


def shortened(name: str) -> str:
    """
    >>> shortened("a very long name of some label")
    'a very long name of som…'
    >>> shortened("非常に長いラベルの名前です")
    '非常に長いラベルの名前…'
    """
    from rich.cells import cell_len, set_cell_size

    return name if cell_len(name) <= LONGEST_NAME else set_cell_size(name, LONGEST_NAME - 1).rstrip() + "…"


def _print_finding(finding: Mapping[str, Any]) -> None:
    where = place(finding)
    _print(f"- {where + ': ' if where else ''}{finding['message']}", "  ")
    if finding["advice"]:
        _print(f"  {finding['advice']}", "  ")


def _print(text: str, indent: str = "  ") -> None:
    """Wrapped to the terminal; what holds no blank, such as a path, stays whole."""
    for line in textwrap.wrap(
        one_line(text), _width(), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ):
        print(line)


def _width() -> int:
    return max(40, shutil.get_terminal_size().columns)
