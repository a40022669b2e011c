"""An adapter as peft saves it: its weights and what it hangs on, without the configuration of the network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unfreeze.models.explained import ModelError
from unfreeze.models.load import load_config
from unfreeze.models.save import ADAPTER_FILE

WEIGHTS_FILE = "adapter_model.safetensors"
PIPELINES = {
    "SEQ_CLS": "text-classification",
    "TOKEN_CLS": "token-classification",
    "QUESTION_ANS": "question-answering",
}
HEADS = ("classifier.out_proj.weight", "classifier.weight", "score.weight")  # in which each row is a label


@dataclass(frozen=True)
class BareAdapter:
    """Where it lies, the model that it was trained on, and for what."""

    folder: Path
    base: str
    pipeline: str | None

    def config(self) -> Any:
        """That of the base; where the adapter brings a head for another number of labels, with so many.

        Raises:
            ModelError: there is no such base.
        """
        labels, config = self._labels(), load_config(self.base)
        if labels is not None and labels != config.num_labels:
            config.num_labels = labels
        return config

    def _labels(self) -> int | None:
        from safetensors import safe_open

        with safe_open(self.folder / WEIGHTS_FILE, "pt") as file:
            for name in file.keys():  # noqa: SIM118 - it is no mapping
                if name.endswith(HEADS):
                    return int(file.get_slice(name).get_shape()[0])
        return None


def bare_adapter(folder: Path) -> BareAdapter | None:
    """The adapter in a folder without a `config.json`; None if there is none.

    Raises:
        ModelError: it does not say what it hangs on, or its weights are not there as safetensors.
    """
    if (folder / "config.json").is_file() or not (folder / ADAPTER_FILE).is_file():
        return None
    try:
        said = json.loads((folder / ADAPTER_FILE).read_text(encoding="utf-8"))
        base, kind = said["base_model_name_or_path"], said.get("task_type")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        base, kind = None, None
    if not isinstance(base, str):
        raise ModelError(f"{folder}: its {ADAPTER_FILE} does not say which model the adapter was trained on.")
    if not (folder / WEIGHTS_FILE).is_file():
        raise ModelError(f"{folder}: an adapter without {WEIGHTS_FILE}. Save it again as safetensors.")
    return BareAdapter(folder, base, PIPELINES.get(str(kind)))
