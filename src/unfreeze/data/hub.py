"""Datasets of the Hugging Face hub, through `datasets`; never with code from the hub."""

from __future__ import annotations

import os
import re
from typing import Any

from unfreeze.data.findings import DataError, Finding, Say, data_error
from unfreeze.data.label_ids import names_by_column
from unfreeze.data.locate import split_of

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?(:[\w.-]+)?")


def is_hub_id(name: str) -> bool:
    """Can this be `name`, `owner/name` or `owner/name:configuration`?"""
    return bool(_HUB_ID.fullmatch(name)) and ".." not in name


def load_hub(name: str, say: Say) -> dict[str, Any]:
    """Split -> `datasets.Dataset`, for the splits that are train, validation or test and have labels.

    Honours HF_ENDPOINT, HF_HUB_OFFLINE and the cache of earlier downloads, as `datasets` does.
    """
    repository, _, configuration = name.partition(":")
    try:
        import datasets

        loaded = datasets.load_dataset(repository, configuration or None)
    except Exception as error:  # the library raises errors of many packages here; all mean: not loaded
        raise _not_loaded(name, error) from error
    return choose_splits(loaded, name, say)


def choose_splits(loaded: Any, name: str, say: Say) -> dict[str, Any]:
    """The splits of a DatasetDict by their names; what is not used is said aloud."""
    chosen: dict[str, Any] = {}
    for split, dataset in loaded.items():
        role = split_of(str(split))
        if role is None or role in chosen:
            say(Finding("note", "unused-split", f"the split {split!r} is not used", name))
        elif role != "train" and _hidden_labels(dataset):
            message = f"the labels of the split {split!r} are hidden (-1), so it is not used"
            say(Finding("warning", "unused-split", message, name))
        else:
            chosen[role] = dataset
    if "train" not in chosen:
        raise data_error("no-train-split", f"there is no train split among {', '.join(map(str, loaded))}", name)
    sizes = ", ".join(f"{split} {len(dataset)}" for split, dataset in chosen.items())
    say(Finding("note", "hub", f"loaded the splits {sizes}", name))
    return chosen


def _hidden_labels(dataset: Any) -> bool:
    columns = [name for name in names_by_column(dataset.features) if name in ("label", "labels")]
    return any(dataset.unique(column) == [-1] for column in columns if not hasattr(dataset.features[column], "feature"))


def _not_loaded(name: str, error: Exception) -> DataError:
    reason = " ".join(str(error).split())[:300] or type(error).__name__
    host = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    if "onfig name is missing" in str(error) or "BuilderConfig" in str(error):
        known = " ".join(str(error).split())
        return data_error("no-such-configuration", known, name, advice=f"Pass --data {name}:CONFIGURATION.")
    if "scripts are no longer supported" in reason:
        next_step = "It needs a script, which is never run. Look for a copy in Parquet"
    elif os.environ.get("HF_HUB_OFFLINE", "0").lower() in ("1", "true", "yes", "on"):
        next_step = "HF_HUB_OFFLINE is set. Unset it, or download the dataset on a machine that is online"
    else:
        next_step = f"Check the name and the connection to {host}, or download the dataset elsewhere"
    return data_error(
        "hub-not-loaded",
        f"neither a local path nor loaded from the hub ({reason})",
        name,
        advice=f"{next_step}, e.g. as CSV or Parquet files, and pass --data FOLDER.",
    )
