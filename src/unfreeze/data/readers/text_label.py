"""`text;label` lines without a header: the label follows the last semicolon."""

from __future__ import annotations

from pathlib import Path

from unfreeze.data.cells import is_missing, report_missing_labels
from unfreeze.data.columns import LABEL_COLUMNS, TEXT_COLUMNS
from unfreeze.data.examples import Example, Origin, TextExample
from unfreeze.data.findings import Finding, Problems, Say, data_error, silent
from unfreeze.data.read_settings import INFER_ALL, ReadSettings, say_unused_columns
from unfreeze.data.readers.format import Format, Head
from unfreeze.data.readers.raw_text import read_text, split_lines


def read_text_label(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """Texts and labels from `text;label` lines. Blank lines are skipped and counted aloud."""
    file = str(path)
    if settings.task == "tagging":
        raise data_error("wrong-format", "`text;label` lines are for classification, not for tagging", file)
    problems = Problems(file)
    examples: list[Example] = []
    missing: list[int] = []
    say_unused_columns(settings, file, "`text;label` lines have no column names", say)
    lines = split_lines(read_text(path, settings.encoding, say))
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip(" \t")]
    if filled and _is_header(filled[0][1]):
        number, line = filled.pop(0)
        say(Finding("warning", "header", f"the first line {line!r} is taken for column names", file, number))
    for number, line in filled:
        text, semicolon, label = line.rpartition(";")
        if not semicolon and settings.labelled:
            advice = "Every line is `text;label`. For other formats pass --format."
            problems.error("no-label", "there is no semicolon, so no label", number, advice)
        elif not semicolon:
            examples.append(TextExample(line, None, Origin(file, number)))
        elif not is_missing(label):
            examples.append(TextExample(text, label, Origin(file, number)))
        else:
            missing.append(number)
            if not (settings.labelled and settings.drop_missing_labels):
                examples.append(TextExample(text, None, Origin(file, number)))
    report_missing_labels(missing, len(filled), settings, problems, say)
    problems.stop()
    if len(filled) < len(lines):
        say(Finding("note", "blank-lines", f"{len(lines) - len(filled)} lines without text skipped", file))
    if not examples:
        raise data_error("no-examples", "there are no examples", file)
    return examples


def _is_header(line: str) -> bool:
    text, _, label = line.rpartition(";")
    return text.strip().casefold() in TEXT_COLUMNS and label.strip().casefold() in LABEL_COLUMNS


def _is_text_label(head: Head) -> bool:
    labels = [line.rpartition(";")[2].strip() for line in head.lines if ";" in line]
    if len(labels) < 0.8 * len(head.lines) or any(len(label) > 60 for label in labels):
        return False
    # Unlabelled lines may contain semicolons too: labels occur again and again.
    return head.settings.labelled or 2 * len(set(labels)) <= len(labels)


TEXT_LABEL = Format(read_text_label, shared_suffixes=(".txt",), recognises=_is_text_label)
