"""Rows of a table that hold texts, or pairs, with one label each or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from unfreeze.data.cells import check_kinds, is_absent, is_missing, kind_of, label_text, plain, report_missing_labels
from unfreeze.data.columns import Columns
from unfreeze.data.examples import Example, MultiLabelExample, Origin, TextExample
from unfreeze.data.findings import Finding, Problems, Say, data_error
from unfreeze.data.multi_labels import names_in_cell, names_in_columns
from unfreeze.data.read_settings import ReadSettings

Row = Mapping[str, object]
Rows = Sequence[tuple[int, Row]]


def text_examples(file: str, columns: Columns, rows: Rows, settings: ReadSettings, say: Say) -> list[Example]:
    """One example a row; DataError with every faulty row."""
    several = _has_several(file, columns, rows, settings, say)
    reader = _Reader(file, columns, settings, several)
    found = [example for line, row in rows if (example := reader.read(line, row)) is not None]
    problems = reader.problems
    if columns.target is not None and settings.labelled:
        if not several:
            check_kinds(reader.kinds, columns.target, problems)
        report_missing_labels(reader.missing, len(rows), settings, problems, say)
    problems.stop()
    if not found:
        raise data_error("no-examples", "no row has a label", file)
    return found


@dataclass
class _Reader:
    """Reads row by row, and remembers what is to be said of all of them."""

    file: str
    columns: Columns
    settings: ReadSettings
    several: bool  # labels for each text
    problems: Problems = field(init=False)
    missing: list[int] = field(default_factory=list, init=False)  # lines
    kinds: dict[str, int] = field(default_factory=dict, init=False)  # kind of label -> first line

    def __post_init__(self) -> None:
        self.problems = Problems(self.file)

    def read(self, line: int, row: Row) -> Example | None:
        """The example of a row; None if the row is at fault, or has no label and is to be left out."""
        columns = self.columns
        text = self._text(row, columns.source, line)
        pair = None if columns.pair is None else self._text(row, columns.pair, line)
        if text is None or (pair is None and columns.pair is not None):
            return None
        origin = Origin(self.file, line)
        cell = None if columns.target is None else plain(row.get(columns.target))
        absent = columns.target is not None and (is_absent(cell) if self.several else is_missing(cell))
        if absent:
            self.missing.append(line)
            if self.settings.labelled and self.settings.drop_missing_labels:
                return None
        if self.several:
            return self._several(text, pair, row, None if absent else cell, origin)
        if columns.target is None or absent:
            return TextExample(text, None, origin, pair)
        self.kinds.setdefault(kind_of(cell), line)
        return TextExample(text, label_text(cell), origin, pair)

    def _several(self, text: str, pair: str | None, row: Row, cell: object, origin: Origin) -> Example | None:
        names = None
        try:
            if self.columns.flags:
                names = names_in_columns(row, self.columns.flags)
            elif cell is not None:
                names = names_in_cell(cell, self.settings.label_separator)
        except ValueError as error:
            self.problems.error("not-labels", f"{self.columns.target or 'labels'}: {error}", origin.line)
            return None
        return MultiLabelExample(text, names, origin, pair)

    def _text(self, row: Row, column: str, line: int) -> str | None:
        """The text of a cell, empty where nothing stands; None, and an error, where there is something else."""
        text = row.get(column)
        if is_absent(text):
            return ""
        if isinstance(text, (str, int, float)):
            return str(text)
        message = f"{column!r} holds {kind_of(text)}, expected a text"
        self.problems.error("not-a-text", message, line, "For lists of words pass --task tagging.")
        return None


def _has_several(file: str, columns: Columns, rows: Rows, settings: ReadSettings, say: Say) -> bool:
    """Does a text have several labels: as asked for, or because every label is a list?"""
    if settings.task is not None or columns.target is None:
        return columns.task == "multi-label"
    if not all(isinstance(plain(row.get(columns.target)), list) for _, row in rows):
        return False
    say(Finding("note", "task", "rows hold lists of labels: the task is multi-label", file))
    return True
