"""When are two examples the same? The normalised content, without labels."""

from __future__ import annotations

import unicodedata

from unfreeze.data.examples import Example, TextExample


def content_key(example: Example) -> str:
    """Equal for texts that differ only in case, white space or Unicode form.

    >>> content_key(TextExample("Good  film ")) == content_key(TextExample("good film"))
    True
    """
    text = example.text if isinstance(example, TextExample) else "\n".join(example.words)
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
