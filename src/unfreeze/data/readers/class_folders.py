"""One folder for each class, one file for each text: the layout of `aclImdb`."""

from __future__ import annotations

from pathlib import Path

from unfreeze.data.examples import Example, Origin, TextExample
from unfreeze.data.findings import DataError, Finding, Say, data_error, silent
from unfreeze.data.read_settings import INFER_ALL, ReadSettings, say_unused_columns
from unfreeze.data.readers.format import Format
from unfreeze.data.readers.raw_text import read_text

UNLABELLED = frozenset({"unsup"})  # aclImdb keeps 50,000 reviews without label in train/unsup


def class_names(folder: Path) -> list[str]:
    """The subfolders that hold text files, i.e. the classes; empty if this is another layout."""
    if not folder.is_dir():
        return []
    folders = sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith((".", "__")))
    return [f.name for f in folders if f.name not in UNLABELLED and any(_text_files(f))]


def read_class_folders(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """The texts of all classes, in the order of their names; the name of the folder is the label."""
    file = str(path)
    if settings.task == "tagging":
        raise data_error("wrong-format", "folders of texts are for classification, not for tagging", file)
    say_unused_columns(settings, file, "folders are the labels, their files the texts", say)
    names = class_names(path)
    if not names:
        advice = "Expected one folder for each class with .txt files in it."
        raise data_error("no-examples", "there are no class folders here", file, advice=advice)
    if any((path / name).is_dir() for name in UNLABELLED):
        say(Finding("note", "unlabelled-folder", "the folder 'unsup' has no labels and is left out", file))
    say(Finding("note", "format", f"one folder for each class: {', '.join(names[:20])}", file))
    examples: list[Example] = []
    findings: list[Finding] = []
    for name in names:
        for text_file in _text_files(path / name):
            origin = Origin(str(text_file), 1)
            try:
                text = read_text(text_file, settings.encoding, say)
            except DataError as error:
                if error.findings[0].code == "empty-file":  # a text may be empty: the checks count these
                    examples.append(TextExample("", name, origin))
                else:
                    findings.extend(error.findings)
                continue
            examples.append(TextExample(text.removesuffix("\n").removesuffix("\r"), name, origin))
    if findings:
        raise DataError(findings)
    return examples


def _text_files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.is_file() and f.name.lower().endswith((".txt", ".txt.gz")))


def _is_class_folders(folder: Path) -> bool:
    return bool(class_names(folder))


CLASS_FOLDERS = Format(read_class_folders, recognises_folder=_is_class_folders)
