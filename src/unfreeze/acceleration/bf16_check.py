"""Can a family compute in bf16? Some write numbers that bf16 does not have."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from unfreeze.models.quiet import quiet_loading

IDS = (5, 6, 7, 8)


def failure_in_bf16(config: Any, auto_class: str) -> str:
    """Why a network of this configuration cannot run under bf16; empty: it can.

    Tried on one layer with random weights and a small vocabulary. Where that cannot be built, nothing is known.
    """
    import torch
    import transformers

    small = deepcopy(config)
    for name in ("num_hidden_layers", "n_layers", "num_layers"):
        if hasattr(small, name):
            setattr(small, name, 1)
    small.vocab_size = max(64, 1 + int(getattr(small, "pad_token_id", None) or 0))
    ids = torch.tensor([IDS])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.random.fork_rng(devices=[]), quiet_loading():
        try:
            network = getattr(transformers, auto_class).from_config(small).eval()
            with torch.no_grad():
                network(**inputs)
        except Exception:
            return ""
        try:
            with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
                network(**inputs)
        except Exception as error:
            return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return ""
