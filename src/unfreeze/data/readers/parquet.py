"""Parquet files, as the Hugging Face hub and pandas write them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

from unfreeze.data.examples import Example
from unfreeze.data.findings import Say, data_error, silent
from unfreeze.data.label_ids import names_by_column, rows_with_names
from unfreeze.data.read_settings import INFER_ALL, ReadSettings
from unfreeze.data.readers.format import Format
from unfreeze.data.readers.raw_text import PARQUET_MAGIC, read_bytes
from unfreeze.data.table import Table, table_examples


def read_parquet(path: Path, settings: ReadSettings = INFER_ALL, say: Say = silent) -> list[Example]:
    """Examples from a Parquet file; integer labels get the names that `datasets` stores beside the columns."""
    import pyarrow
    import pyarrow.parquet

    file = str(path)
    content = read_bytes(path)
    if not content:
        raise data_error("empty-file", "the file is empty (0 bytes)", file, advice="Check how it was copied.")
    try:
        table = pyarrow.parquet.read_table(io.BytesIO(content))
        rows = table.to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:  # bytes and times that cannot be
        raise data_error(
            "damaged-parquet",
            f"the Parquet file is damaged or cut off ({str(error).partition(chr(10))[0]})",
            file,
            advice="Download or copy it again.",
        ) from error
    columns = tuple(table.column_names)
    repeated = {name for name in columns if columns.count(name) > 1}
    rows = rows_with_names(rows, names_by_column(_features(table.schema.metadata)), file, say)
    return table_examples(Table(file, columns, list(enumerate(rows, start=1)), repeated), settings, say)


def _features(metadata: Mapping[bytes, bytes] | None) -> object:
    """The `features` that the datasets library writes into the schema, where it wrote the file."""
    try:
        return json.loads((metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}


PARQUET = Format(read_parquet, suffixes=(".parquet", ".pq"), magic=PARQUET_MAGIC)
