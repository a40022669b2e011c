"""One reader for each file format: a path to examples. To add one, write its file and list it here."""

from __future__ import annotations

from unfreeze.data.read_settings import Reader, ReadSettings
from unfreeze.data.readers.class_folders import read_class_folders
from unfreeze.data.readers.conll import read_conll
from unfreeze.data.readers.conllu import read_conllu
from unfreeze.data.readers.csv import read_csv
from unfreeze.data.readers.jsonl import read_jsonl
from unfreeze.data.readers.lines import read_lines
from unfreeze.data.readers.parquet import read_parquet
from unfreeze.data.readers.text_label import read_text_label

READERS: dict[str, Reader] = {
    "csv": read_csv,
    "tsv": read_csv,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "text_label": read_text_label,
    "lines": read_lines,
    "class_folders": read_class_folders,
    "conll": read_conll,
    "conllu": read_conllu,
}

__all__ = ["READERS", "ReadSettings", "Reader"]
