"""What `unfreeze predict` is asked: its arguments, the lines of a text file, or the rows of a data file."""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from unfreeze.cli.scored_data import trained_with
from unfreeze.cli.terminal import say
from unfreeze.settings import SettingsError, flag

if TYPE_CHECKING:
    from unfreeze.data.examples import Example
    from unfreeze.data.findings import Finding
    from unfreeze.tasks import Task

OBJECTS = (".jsonl", ".ndjson")
COLUMN_FLAGS = ("text_column", "text_pair_column")
# What readers say of a file that is only asked about; the rest is about labels and tasks.
TOLD = ("column", "delimiter", "quotes")


def inputs_of(options: argparse.Namespace, task: Task | None) -> Iterator[tuple[str, Any]]:
    """What is to be answered, each behind its file and line for messages; arguments have none.

    Args:
        task: that of the model; None where its encoder is asked.

    Raises:
        SettingsError, DataError: a file that cannot be read, or flags that do not fit it.
    """
    columns = [name for name in COLUMN_FLAGS if getattr(options, name) is not None]
    if options.file is not None and _is_data(options.file, bool(columns)):
        given = _rows(options, task)
    elif columns:
        raise SettingsError([f"{flag(columns[0])}: is for tables, such as --file new.csv. Leave it out."])
    elif options.encoding is not None and (options.file is None or str(options.file) == "-"):
        raise SettingsError(["--encoding: is for --file. Leave it out."])
    elif options.texts:
        given = (("", text) for text in options.texts)
    else:
        given = _lines(options.file, options.encoding)
    for where, one in given:
        yield where, _completed(one, where, options)


def _suffix(file: Path) -> str:
    return Path(file.name.lower().removesuffix(".gz")).suffix


def _is_data(file: Path, names_columns: bool) -> bool:
    """Does the name mean a format with columns or a structure? JSON lines hold inputs as the task takes them, unless
    columns are named."""
    from unfreeze.data.infer import known_suffixes
    from unfreeze.data.readers.plain_text import PLAIN_TEXT

    suffix = _suffix(file)
    return (
        suffix in known_suffixes()
        and suffix not in PLAIN_TEXT.shared_suffixes
        and (names_columns or suffix not in OBJECTS)
    )


def _rows(options: argparse.Namespace, task: Task | None) -> Iterator[tuple[str, Any]]:
    """An input for each row or sentence, with the columns that the model was trained on unless flags name others."""
    from unfreeze.data.read_settings import ReadSettings
    from unfreeze.data.readers.csv import TAB_SUFFIXES
    from unfreeze.data.resolve import read_file

    chosen = {name: getattr(options, name) for name in COLUMN_FLAGS}
    path, trained = trained_with(Path(options.model_folder))
    if not any(chosen.values()):
        chosen = {name: trained[name] for name in COLUMN_FLAGS if name in trained}
        if chosen:
            say(f"as in {path}: {', '.join(f'{flag(name)} {value}' for name, value in chosen.items())}")
    name = None if task is None else task.name
    settings = ReadSettings(
        **chosen,
        # Of other tasks the file tells whether it holds texts or words.
        task="question-answering" if name == "question-answering" and options.context is None else None,
        encoding=options.encoding,
        labelled=False,
    )
    is_table = _suffix(options.file) in TAB_SUFFIXES and name != "tagging"  # else its columns may be words and tags
    for example in read_file(options.file, "tsv" if is_table else None, settings, _tell):
        line = example.origin.line if example.origin else None
        yield f"{_name(options.file)}:{'' if line is None else f'{line}:'} ", _asked(example)


def _tell(finding: Finding) -> None:
    if finding.severity == "warning" or finding.code in TOLD:
        say(str(finding))


def _asked(example: Example) -> Any:
    from unfreeze.data.examples import TaggedExample
    from unfreeze.inference.requests import request_of

    return list(example.words) if isinstance(example, TaggedExample) else request_of(example)


def _lines(file: Path | None, encoding: str | None) -> Iterator[tuple[str, Any]]:
    """An input for each line, blank ones too, so that outputs line up with inputs."""
    is_objects = file is not None and _suffix(file) in OBJECTS
    with _opened(file, encoding) as stream:
        try:
            for number, line in enumerate(stream, start=1):
                where, content = f"{_name(file)}:{number}: ", line.rstrip("\r\n")
                yield where, _object(content, where) if is_objects else content
        except UnicodeError as error:  # of UTF-16 without its mark it has no place
            at = f"{error.reason} at byte {error.start}" if isinstance(error, UnicodeDecodeError) else str(error)
            read_as = (encoding or "utf-8").upper()
            message = f"{_name(file)}: is not {read_as} ({at}). Name its encoding, e.g. --encoding latin-1."
            raise SettingsError([message]) from None
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            message = f"{_name(file)}: the gzip file is damaged or cut off ({error}). Copy it again."
            raise SettingsError([message]) from None


def _opened(file: Path | None, encoding: str | None) -> IO[str]:
    if file is None or str(file) == "-":
        if sys.stdin.isatty():
            say("reading texts from standard input, one a line; end with Ctrl-D")
        return sys.stdin
    encoding = encoding or "utf-8-sig"
    try:
        if file.name.lower().endswith(".gz"):
            return gzip.open(file, "rt", encoding=encoding, newline="\n")
        return file.open(encoding=encoding, newline="\n")
    except OSError as error:
        raise SettingsError([f"--file {file}: cannot be read ({error.strerror}). Give a text file."]) from None
    except LookupError:
        message = f"--encoding {encoding}: expected a name that Python knows, such as latin-1, cp1252 or utf-16."
        raise SettingsError([message]) from None


def _completed(one: Any, where: str, options: argparse.Namespace) -> Any:
    """An input as the task takes it: with the second text, or with the context that it asks about."""
    for option, text in (("context", "question"), ("text_pair", "text")):
        given = getattr(options, option)
        if given is None:
            continue
        if isinstance(one, dict) and option in one:
            raise SettingsError([f"{where}{flag(option)}: {one!r} has its own. Leave one out."])
        return {**one, option: given} if isinstance(one, dict) else {text: one, option: given}
    return one


def _object(line: str, where: str) -> Any:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise SettingsError([f"{where}is not valid JSON ({error})."]) from None
    if not isinstance(found, str | list | dict):
        raise SettingsError([f"{where}expected a text, a list of words or an object."])
    return found


def _name(file: Path | None) -> str:
    return "standard input" if file is None else f"--file {file}"
