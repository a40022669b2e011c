"""When are two examples the same? The normalised content, without labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from unfreeze.data.examples import Example

_WITHOUT_WIDTH = re.compile("[\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")


def content_key(example: Example) -> str:
    r"""Equal for texts that differ only in case, white space, Unicode form or characters without width.

    >>> from unfreeze.data.examples import TextExample
    >>> content_key(TextExample("Good  film ")) == content_key(TextExample("good\u200b film"))
    True
    """
    return _key(example.parts)


def document_key(example: Example) -> str:
    """Equal for examples that belong together, such as questions about one context; else as `content_key`."""
    return _key(example.document)


def _key(parts: Sequence[str]) -> str:
    text = "\n".join(parts)
    if not text.isascii():
        text = _WITHOUT_WIDTH.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(text.casefold().split())
