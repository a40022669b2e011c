"""How a model reads data, for a report on them: its tokenizer is enough, no weights are loaded."""

from __future__ import annotations

from typing import Any

from unfreeze.data.sources import Corpus
from unfreeze.experiments.data_summary import data_summary
from unfreeze.experiments.prepare import choose_task, prepare
from unfreeze.settings import Settings


def token_lengths(model: str, corpus: Corpus, settings: Settings) -> dict[str, Any]:
    """`model`, and `lengths` and `reading` as in `comparison.json`.

    Raises:
        ModelError, SettingsError: as a comparison would.
    """
    prepared = prepare(model, corpus, choose_task(corpus, settings), settings, "cpu")
    read = data_summary(corpus, prepared)
    return {"model": model, "lengths": read["lengths"], "reading": read["reading"]}
