"""Objects read from files that anybody may have changed: every value has the type that its field says."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from unfreeze.storage.folders import OutputError

T = TypeVar("T")


def typed(kind: type[T], values: Mapping[str, Any], place: str, advice: str = "") -> T:
    """A dataclass of these values, unchanged.

    Raises:
        OutputError: a value is missing or of another type; the message begins with the place and ends with the advice.
    """
    try:
        _checker(kind).validate_python(values)  # type: ignore[arg-type]  # a class can be hashed
    except ValueError as error:
        raise OutputError(f"{place} ({_first_problem(error)})" + (f". {advice}" if advice else "")) from None
    return kind(**values)


@cache
def _checker(kind: type) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _first_problem(error: Any) -> str:
    problem = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
