"""What we save in stock programs, and what they save in ours: trial 27."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model

import unfreeze
from soak.in_process import call, working_in
from soak.trial import Figure, Ground, Tally, Trial
from soak.workload import TASKS, Workload
from unfreeze.models.quiet import quiet_loading

CLASSES = {
    "classification": (transformers.AutoModelForSequenceClassification, "SEQ_CLS", ("calm", "loud", "odd")),
    "ner": (transformers.AutoModelForTokenClassification, "TOKEN_CLS", ("O", "B-LOC", "B-PER")),
    "question-answering": (transformers.AutoModelForQuestionAnswering, "QUESTION_ANS", None),
}
TEXTS = ("the old king sleeps", "anna finds bread in paris", "a ship and a river without stone never sings home")
LARGEST = 1e-6


def interchange(ground: Ground) -> Figure:
    """Ours in the stock classes and in peft; stock and peft checkpoints in ours, to predict and to train on."""
    tally, folder, largest = Tally(), ground.folder / "here", 0.0
    folder.mkdir()
    with working_in(folder), quiet_loading():
        for task in TASKS:
            work = Workload.of(folder, task, ("full", "lora:r=2"), epochs=1)
            called = call(*work.command(Path(f"ours-{task}"))[3:])
            assert called.code == 0, called.said
            for name, apart in (*_ours(task), *_theirs(task)):
                largest = max(largest, apart)
                tally.add(apart <= LARGEST, f"{task}, {name}: logits {apart:g} apart")
            for number, model in enumerate((f"stock-{task}", _run(task, "lora"), _run(task, "full") / "model")):
                trained = ("--output", f"on-{task}-{number}", *work.flags[6:])
                called = call("train", "--quiet", "--model", model, "--data", work.data, *trained)
                tally.add(called.code == 0, f"{task}, --model {model}: {called.said.strip()[-200:]}")
    return tally.figure(f"largest difference of a logit {largest:.1g}")


def _run(task: str, strategy: str) -> Path:
    return next(Path(f"ours-{task}").glob(f"runs/*/{strategy}-*/seed-*"))


def _ours(task: str) -> Iterator[tuple[str, float]]:
    stock, _, _ = CLASSES[task]
    for strategy in ("full", "lora"):
        run = _run(task, strategy)
        ours = unfreeze.load(run)
        merged = run / ("model-merged" if strategy == "lora" else "model")
        tokenizer = transformers.AutoTokenizer.from_pretrained(merged)
        yield f"{strategy} in the stock class", _apart(ours.network, stock.from_pretrained(merged), tokenizer)
        if (run / "model" / "adapter_config.json").is_file():
            config = transformers.AutoConfig.from_pretrained(run / "model")
            base = stock.from_pretrained("model", config=config)
            adapted = PeftModel.from_pretrained(base, str(run / "model"))
            yield "lora in peft", _apart(ours.network, adapted, tokenizer)


def _theirs(task: str) -> Iterator[tuple[str, float]]:
    stock, peft_type, labels = CLASSES[task]
    torch.manual_seed(5)
    named: dict[str, Any] = {}
    if labels is not None:
        named = {"id2label": dict(enumerate(labels)), "label2id": {one: i for i, one in enumerate(labels)}}
    tokenizer = transformers.AutoTokenizer.from_pretrained("model")
    network = stock.from_pretrained("model", **named).eval()
    network.save_pretrained(f"stock-{task}")
    tokenizer.save_pretrained(f"stock-{task}")
    yield "stock in ours", _apart(unfreeze.load(f"stock-{task}").network, network, tokenizer)
    # As peft's own examples do it: the base has the head and its labels, the adapter is saved alone.
    config = LoraConfig(task_type=peft_type, r=2, target_modules=["query", "value"], init_lora_weights=False)
    network = stock.from_pretrained(f"stock-{task}")
    adapted = get_peft_model(network, config).eval()
    adapted.save_pretrained(f"peft-{task}")
    yield "peft in ours", _apart(unfreeze.load(f"peft-{task}").network, adapted, tokenizer)


def _apart(one: Any, other: Any, tokenizer: Any) -> float:
    """The largest difference of two networks' outputs."""
    inputs = tokenizer(list(TEXTS), padding=True, return_tensors="pt")
    largest = 0.0
    with torch.inference_mode():
        ours, theirs = (network.eval()(**inputs) for network in (one, other))
    for name in ("logits", "start_logits", "end_logits"):
        if name in ours:
            largest = max(largest, float((ours[name] - theirs[name]).abs().max()))
    return largest


TRIALS = (Trial(27, "P2", "models to and from stock programs and peft", interchange),)
