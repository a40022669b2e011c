"""Data that is in memory already: lists of pairs, rows or examples, pandas data frames, `datasets` objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from unfreeze.data.examples import Example, Origin
from unfreeze.data.findings import Problems, Say, data_error, silent
from unfreeze.data.label_ids import names_by_column, rows_with_names
from unfreeze.data.read_settings import INFER_ALL, ReadSettings
from unfreeze.data.table import Table, table_examples


def is_split_mapping(data: object) -> bool:
    """A mapping of split names, as opposed to a mapping of columns such as {"text": [...], "label": [...]}."""
    return isinstance(data, Mapping) and "train" in data


def memory_examples(data: Any, name: str, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """Examples of one split; `name` stands for the file in messages, the position from 1 for the line."""
    if hasattr(data, "to_dict") and hasattr(data, "columns"):
        return _rows(_frame_rows(data, name), [str(column) for column in data.columns], name, settings, say)
    if hasattr(data, "to_list") and hasattr(data, "features"):  # datasets.Dataset
        rows = rows_with_names(data.to_list(), names_by_column(data.features), name, say)
        return _rows(rows, list(data.column_names), name, settings, say)
    if isinstance(data, Mapping):
        return _columns(data, name, settings, say)
    if isinstance(data, (str, bytes)) or not hasattr(data, "__iter__"):
        raise _unknown(data, name)
    items = list(data)
    if not items:
        raise data_error("no-examples", "there are no examples", name)
    if all(isinstance(item, Mapping) for item in items):
        names = dict.fromkeys(str(key) for item in items for key in item)
        return _rows(items, list(names), name, settings, say)
    return _listed(items, name, settings, say)


def _frame_rows(frame: Any, name: str) -> list[dict[str, object]]:
    """The rows of a data frame of polars or pandas; neither need be installed."""
    if hasattr(frame, "to_dicts"):
        rows: list[dict[str, object]] = frame.to_dicts()
        return rows
    if not frame.columns.is_unique:
        raise data_error("repeated-column", f"column names are not unique: {list(frame.columns)}", name)
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _listed(items: Sequence[object], name: str, settings: ReadSettings, say: Say) -> list[Example]:
    """A list of examples, of (text, label) or (words, tags) pairs, or of texts without labels."""
    problems = Problems(name)
    found: list[Any] = []  # examples as they are; pairs as (position, content, label)
    for number, item in enumerate(items, start=1):
        pair = _pair(item)
        if isinstance(item, Example):
            found.append(item if item.origin else replace(item, origin=Origin(name, number)))  # type: ignore[type-var]
        elif pair is not None:
            found.append((number, *pair))
        else:
            advice = "Expected (text, label), (words, tags), a dict, or a TextExample or TaggedExample."
            problems.error("unknown-data", f"cannot read {_shown(item)}", number, advice)
    problems.stop()
    return _with_pairs(found, name, settings, say)


def _with_pairs(items: Sequence[Any], name: str, settings: ReadSettings, say: Say) -> list[Example]:
    """Pairs are rows of a table with two columns, so that they are checked as files are."""
    pairs = [item for item in items if isinstance(item, tuple)]
    if not pairs:
        return list(items)
    several = settings.task == "multi-label"
    tagging = isinstance(pairs[0][1], (list, tuple)) and not several
    source, target = ("tokens", "tags") if tagging else ("text", "label")
    rows = [(number, {source: content, target: label}) for number, content, label in pairs]
    chosen = replace(
        settings, task=settings.task if several else None, text_column=source, label_column=target, tag_column=None
    )
    read = iter(table_examples(Table(name, (source, target), rows), chosen, lambda finding: None))
    if len(pairs) < len(items):
        return [next(read) if isinstance(item, tuple) else item for item in items]
    return list(read)


def _pair(item: object) -> tuple[object, object] | None:
    if isinstance(item, str):
        return item, None
    if isinstance(item, (tuple, list)) and len(item) == 2:
        return item[0], item[1]
    return None


def _columns(data: Mapping[Any, Any], name: str, settings: ReadSettings, say: Say) -> list[Example]:
    """{"text": [...], "label": [...]} to rows."""
    if not all(hasattr(values, "__len__") and not isinstance(values, str) for values in data.values()):
        raise _unknown(data, name)
    lengths = {str(key): len(values) for key, values in data.items()}
    if len(set(lengths.values())) > 1:
        raise data_error("ragged-columns", f"columns of different length: {lengths}", name)
    rows = [dict(zip(lengths, values, strict=True)) for values in zip(*data.values(), strict=True)]
    return _rows(rows, list(lengths), name, settings, say)


def _rows(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str], name: str, settings: ReadSettings, say: Say
) -> list[Example]:
    if not rows:
        raise data_error("no-examples", "there are no examples", name)
    repeated = {column for column in columns if list(columns).count(column) > 1}
    table = Table(name, tuple(columns), list(enumerate(rows, start=1)), repeated)
    return table_examples(table, settings, say)


def _unknown(data: object, name: str) -> Exception:
    return data_error(
        "unknown-data",
        f"cannot read data of type {type(data).__name__}",
        name,
        advice="Expected a path, a list of (text, label), rows, a data frame, a Dataset, or a mapping of splits.",
    )


def _shown(item: object) -> str:
    text = repr(item)
    return text if len(text) <= 80 else text[:77] + "..."
