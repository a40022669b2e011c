"""Integer labels to names, where a dataset stores its `ClassLabel` names beside the integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unfreeze.data.findings import Finding, Say


def names_by_column(features: object) -> dict[str, list[str]]:
    """Column -> names of its ids, from the features of `datasets`, as an object or as JSON.

    >>> names_by_column({"label": {"names": ["neg", "pos"], "_type": "ClassLabel"}, "text": {"_type": "Value"}})
    {'label': ['neg', 'pos']}
    """
    if not isinstance(features, Mapping):
        return {}
    found = {column: _names(feature) for column, feature in features.items()}
    return {column: names for column, names in found.items() if names}


def _names(feature: Any) -> list[str]:
    """The names of a ClassLabel, or of the ClassLabel inside a list (`Sequence`, `List`, `[ClassLabel]`)."""
    for _ in range(3):
        if isinstance(feature, list) and len(feature) == 1:
            feature = feature[0]
        elif isinstance(feature, Mapping):
            if "names" in feature:
                return _listed(feature["names"])
            feature = feature.get("feature")
        else:
            names = getattr(feature, "names", None)
            if names is not None:
                return _listed(names)
            feature = getattr(feature, "feature", None)
    return []


def _listed(names: Any) -> list[str]:
    """Older versions stored {"0": "neg", "1": "pos"} in place of a list."""
    if isinstance(names, Mapping):
        if not all(str(key).isdecimal() for key in names):
            return []
        return [str(names[key]) for key in sorted(names, key=int)]
    return [str(name) for name in names] if isinstance(names, Sequence) and not isinstance(names, str) else []


def rows_with_names(
    rows: Sequence[Mapping[str, Any]], names: Mapping[str, Sequence[str]], file: str, say: Say
) -> list[dict[str, object]]:
    """The rows with names in place of ids; -1, as hidden test labels are written, becomes a missing label."""
    for column, listed in names.items():
        message = f"the integers of {column!r} have names: {', '.join(listed[:20])}"
        say(Finding("note", "label-names", message, file))
    return [
        {column: _name(value, names[column]) if column in names else value for column, value in row.items()}
        for row in rows
    ]


def _name(value: Any, names: Sequence[str]) -> object:
    if isinstance(value, list):
        return [_name(item, names) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        if value == -1:
            return None
        if 0 <= value < len(names):
            return names[value]
    return value
