"""When are two examples the same? The normalised content, without labels."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from unfreeze.data.examples import Example


def content_key(example: Example) -> str:
    """Equal for texts that differ only in case, white space or Unicode form.

    >>> from unfreeze.data.examples import TextExample
    >>> content_key(TextExample("Good  film ")) == content_key(TextExample("good film"))
    True
    """
    return _key(example.parts)


def document_key(example: Example) -> str:
    """Equal for examples that belong together, such as questions about one context; else as `content_key`."""
    return _key(example.document)


def _key(parts: Sequence[str]) -> str:
    return " ".join(unicodedata.normalize("NFKC", "\n".join(parts)).casefold().split())
