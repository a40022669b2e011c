"""Plain text to sentences, by the marks that end them."""

from __future__ import annotations

import regex

# A mark that ends a sentence, closing quotes or brackets, blanks, and then what may begin one: a capital, a digit, an
# opening mark, or a letter of a script without capitals. An initial or a short title before the full stop ends nothing.
_END = regex.compile(
    r"(?<!\b\p{Lu}\.)(?<!\b(?:Mr|Mrs|Ms|Dr|St|Prof|No|vs|e\.g|i\.e)\.)"
    r"(?<=[.!?…][\"'”’»)\]]{0,2})\s+(?=[\"'“‘«(\[]?[\p{Lu}\p{Lt}\p{Lo}\d¿¡])|(?<=[。！？])"
)


def sentences_of(text: str) -> tuple[str, ...]:
    """The sentences of a text; a line end always ends one.

    >>> sentences_of("Dr. J. Smith came. Did he? Yes!\\nHe did")
    ('Dr. J. Smith came.', 'Did he?', 'Yes!', 'He did')
    """
    parts = [part.strip() for line in text.splitlines() for part in _END.split(line)]
    return tuple(part for part in parts if part)
