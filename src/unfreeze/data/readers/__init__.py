"""One file for each format. To add one, write its file and list it here; nothing else knows the formats.

The order is that in which formats are asked whether they recognise a content.
"""

from __future__ import annotations

from unfreeze.data.read_settings import Reader, ReadSettings
from unfreeze.data.readers.class_folders import CLASS_FOLDERS
from unfreeze.data.readers.conll import CONLL
from unfreeze.data.readers.conllu import CONLLU
from unfreeze.data.readers.csv import CSV, TSV
from unfreeze.data.readers.format import Format
from unfreeze.data.readers.jsonl import JSONL
from unfreeze.data.readers.lines import LINES
from unfreeze.data.readers.parallel import PARALLEL
from unfreeze.data.readers.parquet import PARQUET
from unfreeze.data.readers.plain_text import PLAIN_TEXT
from unfreeze.data.readers.squad import SQUAD
from unfreeze.data.readers.text_label import TEXT_LABEL

FORMATS: dict[str, Format] = {
    "parquet": PARQUET,
    "squad": SQUAD,
    "jsonl": JSONL,
    "csv": CSV,
    "conllu": CONLLU,
    "parallel": PARALLEL,
    "text_label": TEXT_LABEL,
    "conll": CONLL,
    "plain_text": PLAIN_TEXT,
    "tsv": TSV,
    "lines": LINES,
    "class_folders": CLASS_FOLDERS,
}
READERS: dict[str, Reader] = {name: format.read for name, format in FORMATS.items()}

__all__ = ["FORMATS", "READERS", "Format", "ReadSettings", "Reader"]
