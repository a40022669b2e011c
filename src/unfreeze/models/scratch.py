"""A model that has learnt nothing yet: a tokenizer trained on the corpus, and an encoder with random weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from unfreeze.models.load import ModelError, quiet_loading
from unfreeze.storage.atomic import new_folder

TokenizerKind = Literal["wordpiece", "bpe"]
SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


@dataclass(frozen=True)
class Scratch:
    """What to begin with: a family of transformers and its sizes, in the names of its configuration."""

    model_type: str = "bert"
    tokenizer: TokenizerKind = "wordpiece"
    vocab_size: int = 8000
    hidden_size: int = 256
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    intermediate_size: int = 1024
    max_position_embeddings: int = 512

    def write(self, folder: Path, texts: Iterable[str], seed: int) -> None:
        """Train the tokenizer on the texts, draw the weights, and write both as `from_pretrained` reads them.

        Raises:
            ModelError: no such family, or sizes that do not go together.
        """
        import torch
        import transformers

        # MPNet takes the token with the number 1 for padding, whatever its configuration says.
        order = ("cls_token", "pad_token") if self.model_type == "mpnet" else ("pad_token",)
        names = [SPECIAL[name] for name in dict.fromkeys((*order, *SPECIAL))]
        tokenizer = train_tokenizer(self.tokenizer, texts, self.vocab_size, names)
        sizes = {name: getattr(self, name) for name in ("hidden_size", "num_hidden_layers", "num_attention_heads")}
        sizes |= {"intermediate_size": self.intermediate_size, "max_position_embeddings": self.max_position_embeddings}
        ids = {name: getattr(tokenizer, f"{name}_id") for name in ("pad_token", "cls_token", "sep_token")}
        special = {"pad_token_id": ids["pad_token"], "bos_token_id": ids["cls_token"], "eos_token_id": ids["sep_token"]}
        special |= {"cls_token_id": ids["cls_token"], "sep_token_id": ids["sep_token"]}
        try:
            config = transformers.AutoConfig.for_model(self.model_type, vocab_size=len(tokenizer), **sizes, **special)
            torch.manual_seed(seed)
            network = transformers.AutoModelForMaskedLM.from_config(config, dtype=torch.float32)
        except (ValueError, KeyError) as error:
            raise ModelError(f"--from-scratch {self.model_type}: {' '.join(str(error).split())[:300]}") from error
        tokenizer.model_max_length = self.max_position_embeddings
        with quiet_loading(), new_folder(folder) as temporary:
            network.save_pretrained(temporary)
            tokenizer.save_pretrained(temporary)


def train_tokenizer(kind: TokenizerKind, texts: Iterable[str], vocab_size: int, names: Sequence[str]) -> Any:
    """A fast tokenizer in BERT's format around texts and pairs: lower-cased word pieces, or byte-level BPE.

    Args:
        names: the special tokens, in the order of their ids.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    trainer: Any
    if kind == "wordpiece":
        backend = Tokenizer(models.WordPiece(unk_token=SPECIAL["unk_token"]))
        backend.normalizer = normalizers.BertNormalizer(lowercase=True)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.decoder = decoders.WordPiece()
        trainer = trainers.WordPieceTrainer(vocab_size=vocab_size, special_tokens=list(names), show_progress=False)
    else:
        backend = Tokenizer(models.BPE(unk_token=SPECIAL["unk_token"]))
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        backend.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size, special_tokens=list(names), initial_alphabet=alphabet, show_progress=False
        )
    backend.train_from_iterator(texts, trainer)
    around = [(SPECIAL[name], backend.token_to_id(SPECIAL[name])) for name in ("cls_token", "sep_token")]
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=around
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_input_names=["input_ids", "token_type_ids", "attention_mask"], **SPECIAL
    )
