"""Which files of a folder are train, validation and test; and what is near a path that does not exist."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Literal, TypeAlias

from unfreeze.data.findings import DataError, Finding, Say, data_error
from unfreeze.data.infer import format_of_folder, known_suffixes

SplitName: TypeAlias = Literal["train", "validation", "test"]
_SPLIT_WORDS: dict[str, SplitName] = {
    "train": "train", "training": "train", "trn": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation", "eval": "validation",
    "development": "validation", "testa": "validation",
    "test": "test", "testing": "test", "tst": "test", "testb": "test",
}  # fmt: skip
_SPLIT_SUFFIXES = (".train", ".dev", ".test", ".testa", ".testb")  # of any format, as in eng.testa
_NO_DATA = re.compile(r"(readme|licen[cs]e|changelog|citation|requirements|stats)\b.*", re.IGNORECASE)
_SHARD = re.compile(r"-[0-9]{5}-of-[0-9]{5}(-[0-9a-f]+)?|^[0-9]{4,}(?=\.)")


def split_of(name: str) -> SplitName | None:
    """The split that a file or folder name speaks of.

    >>> [split_of(n) for n in ("en_ewt-ud-train.conllu.gz", "imdb_test.csv", "val.txt", "latest.csv")]
    ['train', 'test', 'validation', None]
    """
    words = re.split(r"[^a-z]+", name.lower())
    found = {_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS}
    return found.pop() if len(found) == 1 else None


def files_of_folder(
    folder: Path, say: Say, unnamed: SplitName = "train", *, all_files: bool = False
) -> dict[str, list[Path]]:
    """Split -> its files (several if it is cut into shards), or its folder of classes.

    `unnamed` is the split of a folder whose only file, or whose classes, speak of no split; it also says what must be
    there: training data, or with "test" anything. With `all_files` several files that speak of no split are one: they
    are parts of a corpus.
    """
    found = _splits_in(folder)
    if not found:  # before class folders: a folder of several datasets may look like one
        found = _splits_of_one_subfolder(folder)
    if not found and format_of_folder(folder):
        found = {unnamed: [folder]}
    if not found:
        files = _data_files(folder)
        if all_files and files:
            say(Finding("note", "files", f"{len(files)} files are read one after the other", str(folder)))
            return {unnamed: files}
        if len(files) != 1:
            there = ", ".join(sorted(f.name for f in folder.iterdir())[:20]) or "nothing"
            advice = "Name files like train.csv, validation.csv, test.csv, or pass --train-file."
            message = f"no file of this folder is recognised as training data; it holds {there}"
            raise data_error("no-split-files", message, str(folder), advice=advice)
        found = {unnamed: files}
    _refuse_rivals(found, folder)
    names = "; ".join(f"{split}: {', '.join(f.name for f in files)}" for split, files in found.items())
    say(Finding("note", "files", f"recognised {names}", str(folder)))
    if "train" not in found and unnamed == "train":
        advice = "Pass it with --train-file; to score a trained model on these files use `unfreeze evaluate`."
        raise data_error("no-train-file", f"there is no training file ({names})", str(folder), advice=advice)
    return found


def missing_path(path: Path, what: str = "data") -> DataError:
    """An error that names what does exist near a path that does not."""
    parent = path.parent
    while not parent.is_dir() and parent != parent.parent:
        parent = parent.parent
    names = sorted(f.name for f in parent.iterdir() if not f.name.startswith(".")) if parent.is_dir() else []
    close = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
    if close:
        advice = f"Did you mean {' or '.join(str(parent / name) for name in close)}?"
    else:
        more = ", ..." if len(names) > 10 else ""
        advice = f"{parent.resolve()} holds: {', '.join(names[:10]) or 'nothing'}{more}."
    return data_error("no-such-file", f"this {what} file or folder does not exist", str(path), advice=advice)


def _splits_of_one_subfolder(folder: Path) -> dict[str, list[Path]]:
    """The splits of `data/`, `plain_text/` or the like, if exactly one subfolder has training data."""
    subfolders = sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))
    candidates = {f.name: splits for f in subfolders if "train" in (splits := _splits_in(f))}
    if len(candidates) > 1:
        advice = "Name one of them with --data."
        message = f"several folders hold training data: {', '.join(candidates)}"
        raise data_error("several-folders", message, str(folder), advice=advice)
    return next(iter(candidates.values()), {})


def _splits_in(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in _data_files(folder):
        split = split_of(path.name)
        if split is not None:
            found.setdefault(split, []).append(path)
    if not found:
        for inner in sorted(f for f in folder.iterdir() if f.is_dir()):
            split = split_of(inner.name)
            if split is not None:
                files = [inner] if format_of_folder(inner) else _data_files(inner)
                if files:
                    found.setdefault(split, []).extend(files)
    order = ("train", "validation", "test")
    return {split: found[split] for split in order if split in found}


def _data_files(folder: Path) -> list[Path]:
    suffixes = (*known_suffixes(), *_SPLIT_SUFFIXES)
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file()
        and path.name.lower().removesuffix(".gz").endswith(suffixes)
        and not path.name.startswith((".", "_"))
        and not _NO_DATA.fullmatch(path.name)
    )


def _refuse_rivals(found: dict[str, list[Path]], folder: Path) -> None:
    """Several files of one split are shards of one file, or nobody knows which one is meant."""
    for split, files in found.items():
        if len(files) > 1 and len({_SHARD.sub("-shard", f.name) for f in files}) > 1:
            names = ", ".join(f.name for f in files)
            advice = f"Pass --{split}-file with the one you mean."
            raise data_error("several-files", f"several files could be {split}: {names}", str(folder), advice=advice)
