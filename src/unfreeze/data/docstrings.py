"""`sample:docstrings`: which package does a docstring describe? Made on the user's machine, from what is installed."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from unfreeze.data.examples import PRETRAINING, Example, Origin, PassageExample, TextExample
from unfreeze.data.findings import Finding, Say, data_error
from unfreeze.data.read_settings import ReadSettings

NAME = "docstrings"
# Package -> what gives it away, beside its name: packages, short names, makers. Left out of all texts.
PACKAGES = MappingProxyType(
    {
        "numpy": ("np", "ndarray", "ndarrays"),
        "scipy": ("sp",),
        "sklearn": ("scikit-learn", "scikit", "scikits"),
        "pandas": ("pd", "dataframe", "dataframes", "ndframe"),
        "torch": ("pytorch", "aten", "libtorch", "torchscript", "inductor", "dynamo", "aot"),
        "transformers": ("transformer", "hugging face", "huggingface", "hf"),
    }
)
SHORTEST_INSIDE = 5  # letters: shorter names occur in other words by chance
MOST_FILES = 500  # of each package, drawn by a hash of their names
MOST = 2000  # examples of each package
SHORTEST, LONGEST = 4, 60  # words of a summary
SPLITS = (("train", 80), ("validation", 90), ("test", 100))  # percentiles of the hash of a module

_SECTION = re.compile(
    r"^(Parameters|Args|Arguments|Returns|Raises|Examples?|Notes?|Attributes|See Also|Yields)\b:?", re.MULTILINE
)
_MARKUP = re.compile(r":\w+:`~?([^`<]*?)(?:\s*<[^>]*>)?`|`+([^`]*)`+|\*\*?([^*]+)\*\*?")
_NO_PROSE = re.compile(r"^\s*(>>>|\.\.|[-=~^]{3,}|\|)|::\s*$")


@dataclass(frozen=True)
class Docstring:
    """The prose of one docstring."""

    package: str
    module: str  # the file, from the folder of the package
    line: int
    summary: str
    paragraphs: tuple[str, ...]


def docstring_examples(split: str, settings: ReadSettings, say: Say) -> list[Example]:
    """The examples of one split: summaries with their package, or for pretraining whole descriptions.

    Raises:
        DataError: fewer than two of the packages are installed.
    """
    found, missing = _collected()
    if len({one.package for one in found}) < 2:
        advice = f"Install some of {', '.join(PACKAGES)}."
        message = f"sample:{NAME} is made of installed packages, and there are too few"
        raise data_error("no-packages", message, NAME, advice=advice)
    chosen = [one for one in found if split_of_module(one.module) == split]
    if split == "train":
        without = f"; not installed: {', '.join(missing)}" if missing else ""
        message = f"made of docstrings of {', '.join(dict.fromkeys(one.package for one in found))}{without}"
        say(Finding("note", "docstrings", message, NAME))
    if settings.task in PRETRAINING:
        return [
            PassageExample("\n".join(one.paragraphs), settings.task, Origin(f"{one.package}/{one.module}", one.line))
            for one in chosen
        ]
    if settings.task not in (None, "classification"):
        message = f"sample:{NAME} is for classification and pretraining, not {settings.task}"
        raise data_error("wrong-task", message, NAME)
    return [TextExample(one.summary, one.package, Origin(f"{one.package}/{one.module}", one.line)) for one in chosen]


def split_of_module(module: str) -> str:
    """The split of all docstrings of one module, so that what a module repeats is never learnt and asked."""
    percentile = _hash(module) % 100
    return next(name for name, below in SPLITS if percentile < below)


@cache
def _collected() -> tuple[tuple[Docstring, ...], tuple[str, ...]]:
    """Docstrings of all packages, and the packages that are not there. Texts that occur twice are left out."""
    found: list[Docstring] = []
    missing = []
    seen: set[str] = set()
    for package in PACKAGES:
        folder = _folder_of(package)
        if folder is None:
            missing.append(package)
            continue
        number = 0
        for one in _of_package(package, folder):
            key = one.summary.casefold()
            if key not in seen:
                seen.add(key)
                found.append(one)
                number += 1
            if number == MOST:
                break
    return tuple(found), tuple(missing)


def _folder_of(package: str) -> Path | None:
    """Where a package is installed; nothing of it is imported."""
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def _of_package(package: str, folder: Path) -> Iterator[Docstring]:
    files = [path.relative_to(folder) for path in folder.rglob("*.py")]
    own = [path for path in files if not any(_is_foreign(part) for part in path.parts)]
    for path in sorted(own, key=lambda path: _hash(path.as_posix()))[:MOST_FILES]:
        try:
            tree = ast.parse((folder / path).read_text(encoding="utf-8"))
        except (SyntaxError, ValueError, OSError):
            continue  # a template, or for another version of Python
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                written = ast.get_docstring(node)
                line = node.body[0].lineno
                if written and (one := described(package, path.as_posix(), line, written)):
                    yield one


def described(package: str, module: str, line: int, written: str) -> Docstring | None:
    """The prose of a docstring without what names a package; None if too little or too much is left.

    >>> described("numpy", "a.py", 1, "Return the NumPy sum of `a` over *all* axes.").summary
    'Return the sum of a over all axes.'
    >>> described("torch", "a.py", 1, "Call __torch_dispatch__ of TorchDynamo for every graph there is.").summary
    'Call of for every graph there is.'
    """
    prose = written[: match.start()] if (match := _SECTION.search(written)) else written
    leak = _leaks(tuple(PACKAGES.items()))
    paragraphs = []
    for block in re.split(r"\n\s*\n", prose):
        if any(_NO_PROSE.search(row) for row in block.splitlines()):
            continue
        plain = _MARKUP.sub(lambda m: next((group for group in m.groups() if group), ""), " ".join(block.split()))
        plain = re.sub(r"\s+([.,;:)])", r"\1", " ".join(leak.sub(" ", plain).split()))
        if plain:
            paragraphs.append(plain)
    if not paragraphs or not SHORTEST <= len(paragraphs[0].split()) <= LONGEST:
        return None
    return Docstring(package, module, line, paragraphs[0], tuple(paragraphs))


@cache
def _leaks(packages: tuple[tuple[str, tuple[str, ...]], ...]) -> re.Pattern[str]:
    """What names one of the packages, or anything in it by its path, and addresses."""
    names = [name for package, others in packages for name in (*others, package)]
    alone = "|".join(map(re.escape, names))
    # Long names give a package away inside a word too: TorchDynamo, __torch_dispatch__.
    inside = "|".join(re.escape(name) for name in names if len(name) >= SHORTEST_INSIDE) or "(?!)"
    return re.compile(
        rf"\b(?:{alone})(?:\.\w+)*\b('s)?|[\w.]*(?:{inside})\w*(?:\.\w+)*('s)?|\bhttps?://\S+", re.IGNORECASE
    )


def _is_foreign(part: str) -> bool:
    """Tests, and copies of other packages."""
    return part in ("tests", "testing", "test", "externals", "_vendor", "third_party") or part.startswith("test_")


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
