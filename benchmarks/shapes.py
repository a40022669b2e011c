"""Encoders of the usual sizes with random weights: speed does not depend on what the weights are."""

from __future__ import annotations

from pathlib import Path

SHAPES = {
    "bert-base": ("BertConfig", {}),
    "multilingual-distilbert": ("DistilBertConfig", {"vocab_size": 119_547}),
}


def make(shape: str, folder: Path) -> Path:
    """Write config, weights and the tokenizer of `minilm`, whose pieces are the first rows of every vocabulary."""
    import torch
    import transformers

    from unfreeze.models.bundled import minilm_folder

    if not (folder / "config.json").is_file():
        config_class, changes = SHAPES[shape]
        torch.manual_seed(0)
        config = getattr(transformers, config_class)(**changes)
        transformers.AutoModel.from_config(config).save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(minilm_folder()).save_pretrained(folder)
    return folder
