"""What a user names, a path, sample, hub id, list or mapping, to what is to be read for each split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from unfreeze.data import docstrings
from unfreeze.data.bundled import PREFIX, sample_folder
from unfreeze.data.examples import PRETRAINING, Example
from unfreeze.data.findings import DataError, Finding, Say, data_error
from unfreeze.data.hub import choose_splits, is_hub_id, load_hub
from unfreeze.data.in_memory import is_split_mapping, memory_examples
from unfreeze.data.infer import format_of_folder, infer_format, known_suffixes
from unfreeze.data.locate import SplitName, files_of_folder, missing_path, split_of
from unfreeze.data.read_settings import ReadSettings
from unfreeze.data.readers import FORMATS
from unfreeze.data.request import DataRequest

Load: TypeAlias = Callable[[ReadSettings, Say], list[Example]]
Sources: TypeAlias = dict[str, list[Load]]


def resolve(request: DataRequest, say: Say, unnamed: SplitName = "train") -> tuple[str, Sources]:
    """A name for the corpus, and what to read for each split. Nothing but folders and hub datasets is opened yet.

    `unnamed` is the split of data that speaks of none, such as a single file. With "test" no training data is needed.
    """
    name, sources = ("", {}) if request.data is None else _from_data(request.data, request, say, unnamed)
    faults: list[Finding] = []

    def add(split: str, written: str) -> None:
        if split in sources:
            say(
                Finding(
                    "note", "replaced", f"the {split} split of {name} is not used", advice=f"{written} replaces it."
                )
            )
        try:
            sources[split] = [partial(read_file, _existing(written, f"{split} "), request.format)]
        except DataError as error:
            faults.extend(error.findings)

    if request.train_file is not None:
        add("train", request.train_file)
        name = _name_of(Path(request.train_file))
    if request.validation_file is not None:
        add("validation", request.validation_file)
    tests = _test_files(request.test_file)
    for split, path in tests.items():
        add(split, path)
    name = name or ", ".join(_name_of(Path(path)) for path in tests.values())
    if faults:
        raise DataError(faults)
    if "train" not in sources and unnamed == "train":
        raise data_error("no-train-split", "there is no training data", advice="Pass --train-file.")
    order = [split for split in ("train", "validation") if split in sources]
    return name, {split: sources[split] for split in [*order, *(s for s in sources if s not in order)]}


def read_file(path: Path, format: str | None, settings: ReadSettings, say: Say) -> list[Example]:
    """Read one file or folder of classes in the given or inferred format."""
    if not path.exists():
        raise missing_path(path)
    if path.is_dir() and not format_of_folder(path):
        advice = "Pass it with --data, or name a file in it."
        raise data_error("is-a-folder", "expected a file, this is a folder", str(path), advice=advice)
    if format is not None and format not in FORMATS:
        raise data_error("unknown-format", f"unknown format {format!r}; known: {', '.join(FORMATS)}", str(path))
    chosen = format or infer_format(path, settings, say)
    return FORMATS[chosen].read(path, settings, say)


def _from_data(data: Any, request: DataRequest, say: Say, unnamed: SplitName) -> tuple[str, Sources]:
    if isinstance(data, (str, Path)):
        return _from_name(str(data), request, say, unnamed)
    if is_split_mapping(data):
        mapping = choose_splits(data, "data", say) if hasattr(data, "column_names") else data
        return "data", _from_mapping(mapping, request, "")
    return "data", {unnamed: [partial(_from_memory, data, "data")]}


def _from_mapping(mapping: Mapping[Any, Any], request: DataRequest, prefix: str) -> Sources:
    """Split -> path or in-memory data; names that are no split become named test sets."""
    sources: Sources = {}
    for key, value in mapping.items():
        split = split_of(str(key)) if str(key) in ("val", "valid", "dev", "eval", "validation") else str(key)
        _check_name(str(split), prefix or "data")
        if isinstance(value, (str, Path)):
            sources[str(split)] = [partial(read_file, _existing(str(value), f"{key} "), request.format)]
        else:
            sources[str(split)] = [partial(_from_memory, value, f"{prefix}{key}")]
    return sources


def _from_memory(data: Any, name: str, settings: ReadSettings, say: Say) -> list[Example]:
    return memory_examples(data, name, settings, say)


def _from_name(name: str, request: DataRequest, say: Say, unnamed: SplitName) -> tuple[str, Sources]:
    if name == f"{PREFIX}{docstrings.NAME}":
        return name, {split: [partial(docstrings.docstring_examples, split)] for split, _ in docstrings.SPLITS}
    if name.startswith(PREFIX):
        return name, _from_folder(sample_folder(name), request, say, unnamed)
    path = Path(name).expanduser()
    if path.is_dir():
        return _name_of(path), _from_folder(path, request, say, unnamed)
    if path.exists():
        return _name_of(path), {unnamed: [partial(read_file, path, request.format)]}
    if _looks_like_path(name, path):
        raise missing_path(path)
    try:
        return name, _from_mapping(load_hub(name, say), request, f"{name}, ")
    except DataError as error:
        near = missing_path(path).findings[0]
        raise DataError([*error.findings, near] if "Did you mean" in (near.advice or "") else error.findings) from error


def _from_folder(folder: Path, request: DataRequest, say: Say, unnamed: SplitName) -> Sources:
    return {
        split: [partial(read_file, path, request.format) for path in paths]
        for split, paths in files_of_folder(folder, say, unnamed, all_files=request.task in PRETRAINING).items()
    }


def _looks_like_path(name: str, path: Path) -> bool:
    suffixes = (*known_suffixes(), ".gz")
    return not is_hub_id(name) or name.lower().endswith(suffixes) or (path.parent != Path() and path.parent.is_dir())


def _existing(written: str, what: str) -> Path:
    path = Path(written).expanduser()
    if not path.exists():
        raise missing_path(path, f"{what}data")
    return path


# What the files of predictions on validation and on the first test set begin with, as in the stock examples.
NAMES_OF_FILES = ("eval", "predict")


def _test_files(written: str | tuple[str, ...]) -> dict[str, str]:
    """Split name -> path. The first file without a name is `test`, others are named after their files."""
    found: dict[str, str] = {}
    for one in (written,) if isinstance(written, str) else written:
        name, equals, path = one.partition("=")
        if not equals or "/" in name or _is_there(one):
            name, path = ("test" if "test" not in found else _name_of(Path(one))), one
        _check_name(name, path)
        if name in found or name in ("train", "validation"):
            advice = "Write --test-file NAME=PATH with different names."
            raise data_error("test-name", f"the name {name!r} of a test set is already taken", path, advice=advice)
        found[name] = path
    return found


def _check_name(name: str, where: str) -> None:
    if not name or name in NAMES_OF_FILES:
        advice = "Give it another name (--test-file NAME=PATH)."
        raise data_error("test-name", f"a test set cannot be called {name!r}", where, advice=advice)


def _is_there(written: str) -> bool:
    try:
        return Path(written).exists()
    except OSError:  # longer than any file's name
        return False


def _name_of(path: Path) -> str:
    name = path.resolve().name
    return name if path.is_dir() else name.removesuffix(".gz").rpartition(".")[0] or name
