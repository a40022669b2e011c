"""A model that has learnt nothing yet: a tokenizer trained on the corpus, and an encoder with random weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from types import MappingProxyType
from typing import Any, Literal

from unfreeze.models.explained import ModelError
from unfreeze.models.quiet import quiet_loading
from unfreeze.storage.atomic import new_folder, write_json

TokenizerKind = Literal["wordpiece", "bpe"]
SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "max_position_embeddings")
# What a family calls a size that its configuration does not know by the usual name.
OWN_NAMES = {"distilbert": {"intermediate_size": "hidden_dim"}}
# Their embeddings may be narrower than the layers, and would be wider than small ones.
OWN_EMBEDDING_WIDTH = ("albert", "convbert", "electra")
EXPECTED = "Expected e.g. bert, roberta, electra, albert, distilbert, mpnet or deberta-v2."


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

    def write(
        self, folder: Path, texts: Iterable[str], seed: int, beside: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        """Train the tokenizer on the texts, draw the weights, and write both as `from_pretrained` reads them.

        Args:
            beside: further JSON files by name; all of it is there at once or not at all.

        Raises:
            ModelError: no such family, sizes that it does not have or that do not go together, or too few pieces.
        """
        import torch
        import transformers

        sizes = self._sizes()
        # MPNet takes the token with the number 1 for padding, whatever its configuration says.
        order = ("cls_token", "pad_token") if self.model_type == "mpnet" else ("pad_token",)
        names = [SPECIAL[name] for name in dict.fromkeys((*order, *SPECIAL))]
        tokenizer = train_tokenizer(self.tokenizer, texts, self.vocab_size, names)
        ids = {name: getattr(tokenizer, f"{name}_id") for name in ("pad_token", "cls_token", "sep_token")}
        special = {"pad_token_id": ids["pad_token"], "bos_token_id": ids["cls_token"], "eos_token_id": ids["sep_token"]}
        special |= {"cls_token_id": ids["cls_token"], "sep_token_id": ids["sep_token"]}
        try:
            config = transformers.AutoConfig.for_model(self.model_type, vocab_size=len(tokenizer), **sizes, **special)
            torch.manual_seed(seed)
            network = transformers.AutoModelForMaskedLM.from_config(config, dtype=torch.float32)
        except Exception as error:  # whatever a family raises where it has other sizes, or rules for them
            reason = shorten(str(error), 300, placeholder=" ...").rstrip(".")
            raise ModelError(
                f"--from-scratch {self.model_type}: cannot be built in these sizes ({reason}). Give others, or another "
                "family."
            ) from error
        tokenizer.model_max_length = self.max_position_embeddings
        with quiet_loading(), new_folder(folder) as temporary:
            network.save_pretrained(temporary)
            tokenizer.save_pretrained(temporary)
            for name, content in beside.items():
                write_json(temporary / name, content)

    def _sizes(self) -> dict[str, int]:
        """The sizes by the names that the family has for them.

        Raises:
            ModelError: it is no family with a masked language model, or does not have one of the sizes.
        """
        import transformers

        known = transformers.CONFIG_MAPPING  # its `get` finds nothing before it is asked otherwise
        family = known[self.model_type] if self.model_type in known else None  # noqa: SIM401
        if family is None or family not in transformers.MODEL_FOR_MASKED_LM_MAPPING:
            raise ModelError(f"--from-scratch {self.model_type}: no family of masked language models. {EXPECTED}")
        own = OWN_NAMES.get(self.model_type, {})
        sizes = {own.get(name, name): int(getattr(self, name)) for name in SIZES}
        default = family()
        unknown = [name for name in sizes if name not in (*default.to_dict(), *family.attribute_map)]
        if unknown:  # the configuration would take the value, and the network would not have it
            flags = ", ".join("--" + name.replace("_", "-") for name in unknown)
            raise ModelError(f"--from-scratch {self.model_type}: {flags} is no size of this family. {EXPECTED}")
        if self.model_type in OWN_EMBEDDING_WIDTH:
            sizes["embedding_size"] = min(int(default.embedding_size), self.hidden_size)
        return sizes


def train_tokenizer(kind: TokenizerKind, texts: Iterable[str], vocab_size: int, names: Sequence[str]) -> Any:
    """A fast tokenizer in BERT's format around texts and pairs: lower-cased word pieces, or byte-level BPE.

    Args:
        names: the special tokens, in the order of their ids.

    Raises:
        ModelError: the characters alone are more than `vocab_size` pieces.
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
    if (least := backend.get_vocab_size()) > vocab_size:  # the trainers keep all characters, whatever they are told
        what = "bytes" if kind == "bpe" else "characters of the texts"
        raise ModelError(
            f"--vocab-size {vocab_size}: the {what} and the special tokens alone are {least} pieces of a {kind} "
            f"tokenizer. Give at least {least}."
        )
    around = [(SPECIAL[name], backend.token_to_id(SPECIAL[name])) for name in ("cls_token", "sep_token")]
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=around
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_input_names=["input_ids", "token_type_ids", "attention_mask"], **SPECIAL
    )
