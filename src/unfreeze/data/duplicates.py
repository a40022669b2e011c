"""When are two examples the same? The normalised content, without labels."""

from __future__ import annotations

import unicodedata

from unfreeze.data.examples import Example


def content_key(example: Example) -> str:
    """Equal for texts that differ only in case, white space or Unicode form.

    >>> from unfreeze.data.examples import TextExample
    >>> content_key(TextExample("Good  film ")) == content_key(TextExample("good film"))
    True
    """
    text = "\n".join(example.parts)
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
