"""One JSON value that is a whole file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from unfreeze.data.findings import data_error


def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of a key that is there twice nobody knows which value was meant.

    Raises:
        ValueError: there is one.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if any(key == other for other, _ in pairs[:i]))
        raise ValueError(f"the key {twice!r:.60} is there twice")
    return found


def parse_json(text: str, file: str) -> Any:
    """The value; DataError with the place where it breaks off."""
    try:
        return json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        message = f"not valid JSON: {error.msg} (column {error.colno})"
        raise data_error("broken-json", message, file, error.lineno, "Is the file cut off?") from error
    except ValueError as error:  # a number of more digits than Python reads
        raise data_error("broken-json", f"not valid JSON: {error}", file) from error
    except RecursionError as error:
        raise data_error("broken-json", "the JSON is nested too deeply", file) from error
