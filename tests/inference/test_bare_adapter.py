"""Adapters as peft saves them, without a configuration of the network beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model

from unfreeze.inference.predictor import load_predictor
from unfreeze.models.explained import ModelError

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")  # peft's own

AUTO_CLASSES = {
    "SEQ_CLS": transformers.AutoModelForSequenceClassification,
    "TOKEN_CLS": transformers.AutoModelForTokenClassification,
    "QUESTION_ANS": transformers.AutoModelForQuestionAnswering,
}
TASKS = {"SEQ_CLS": "classification", "TOKEN_CLS": "tagging", "QUESTION_ANS": "question-answering"}


def adapted(base: str, kind: str, folder: Path, **options: Any) -> Any:
    torch.manual_seed(3)
    network = AUTO_CLASSES[kind].from_pretrained(base, **options)
    config = LoraConfig(task_type=kind, r=2, target_modules=["query", "value"], init_lora_weights=False)
    made = get_peft_model(network, config).eval()
    made.save_pretrained(str(folder))
    return made


@pytest.mark.parametrize("kind", list(AUTO_CLASSES))
def test_it_answers_as_in_peft(family_folder: Callable[..., str], tmp_path: Path, kind: str) -> None:
    options = {} if kind == "QUESTION_ANS" else {"num_labels": 4}
    theirs = adapted(family_folder("bert"), kind, tmp_path / "adapter", **options)
    ours = load_predictor(tmp_path / "adapter", device="cpu")
    assert ours.task.name == TASKS[kind]
    inputs = ours.tokenizer(["we saw anna", "the day"], padding=True, return_tensors="pt")
    with torch.inference_mode():
        found, expected = ours.network(**inputs), theirs(**inputs)
    names = ("start_logits", "end_logits") if kind == "QUESTION_ANS" else ("logits",)
    for name in names:
        assert torch.allclose(found[name], expected[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"base_model_name_or_path": None}, "does not say which model"), (None, r"without adapter_model\.safetensors")],
)
def test_what_cannot_be_used_is_said(
    family_folder: Callable[..., str], tmp_path: Path, change: dict[str, Any] | None, said: str
) -> None:
    adapted(family_folder("bert"), "SEQ_CLS", tmp_path)
    if change is None:
        (tmp_path / "adapter_model.safetensors").rename(tmp_path / "adapter_model.bin")
    else:
        path = tmp_path / "adapter_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match=said):
        load_predictor(tmp_path)
