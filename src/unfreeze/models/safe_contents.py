"""What may stand in the JSON files of a model, and what of it a library sees: no code, no kernel, no further file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

# Encoders that transformers knows itself, with a list of layers that models/anatomy.py finds.
ENCODERS = frozenset(
    {
        *("albert", "bert", "big_bird", "camembert", "convbert", "data2vec-text", "deberta", "deberta-v2"),
        *("distilbert", "electra", "ernie", "esm", "eurobert", "fnet", "gte", "layoutlm", "longformer"),
        *("luke", "megatron-bert", "mobilebert", "modernbert", "mpnet", "nomic_bert", "nystromformer", "rembert"),
        *("roberta", "roberta-prelayernorm", "roc_bert", "roformer", "splinter", "squeezebert"),
        *("xlm-roberta", "xlm-roberta-xl", "xmod"),
    }
)
SHARD = re.compile(r"model-[0-9]{5}-of-[0-9]{5}\.safetensors")
LONGEST_PATTERN, MOST_REPEATS = 10_000, 2  # of an adapter's patterns for the names of layers

# Keys of JSON files that name code, kernels or further files; and all that begin with `_`.
NAMES_CODE = frozenset({"auto_map", "custom_pipelines", "attn_implementation", "experts_implementation"})
NAMES_FILES = frozenset(
    {"name_or_path", "configuration_files", "fast_tokenizer_files", "init_inputs", "tokenizer_object"}
)
GENERAL_TOKENIZER = "TokenizersBackend"
# A network beyond these would only fill the memory.
LARGEST = {
    **dict.fromkeys(("num_hidden_layers", "n_layers", "num_hidden_groups", "inner_group_num"), 512),
    **dict.fromkeys(("hidden_size", "dim", "embedding_size", "num_attention_heads", "n_heads"), 2**16),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "max_position_embeddings", "type_vocab_size"), 2**20),
    "vocab_size": 2**23,
}


def _config_mistakes(values: Mapping[str, Any]) -> list[str]:
    found = []
    family = values.get("model_type")
    if family not in ENCODERS if isinstance(family, str) else True:
        known = ", ".join(sorted(ENCODERS))
        said = repr(family) if "model_type" in values else "missing"
        found.append(
            f"config.json: model_type is {said:.60}; expected an encoder that transformers has itself: {known}"
        )
    if values.get("quantization_config") is not None:
        found.append("config.json: quantization_config: the weights are quantized. Take the model in full precision")
    for name, largest in LARGEST.items():
        value = values.get(name)
        if isinstance(value, int | float) and not 0 <= value <= largest:
            found.append(f"config.json: {name} is {value:.6g}; expected 0 to {largest:,}")
    for name in ("id2label", "label2id", "unfreeze"):
        if not isinstance(values.get(name, {}), dict | None):
            found.append(f"config.json: {name} is {values[name]!r:.60}; expected names and values")
    if isinstance(usage := values.get("unfreeze"), dict) and not isinstance(usage.get("max_length"), int | None):
        found.append(f"config.json: unfreeze: max_length is {usage['max_length']!r:.60}; expected a whole number")
    extensions = values.get("unfreeze_extensions") or []
    if not isinstance(extensions, list) or not all(isinstance(one, dict) and "name" in one for one in extensions):
        found.append(f"config.json: unfreeze_extensions is {extensions!r:.60}; expected a list of named extensions")
    return found


def _index_mistakes(values: Mapping[str, Any]) -> list[str]:
    shards = values.get("weight_map")
    if not isinstance(shards, dict):
        return ["model.safetensors.index.json: weight_map is missing"]
    foreign = sorted({str(name) for name in shards.values() if not SHARD.fullmatch(str(name))})
    if foreign:
        return [
            f"model.safetensors.index.json: weight_map names {foreign[0]!r:.80}; expected files of the folder, as in "
            "model-00001-of-00002.safetensors"
        ]
    return []


def _adapter_mistakes(values: Mapping[str, Any]) -> list[str]:
    found = []
    for name in ("base_model_name_or_path", "peft_type"):
        if not isinstance(values.get(name), str) or not values[name]:
            found.append(f"adapter_config.json: {name} is {values.get(name)!r:.60}; expected a name")
    for name in ("target_modules", "exclude_modules", "rank_pattern", "alpha_pattern", "layers_pattern"):
        given = values.get(name) or ()
        patterns = [given] if isinstance(given, str) else given if isinstance(given, dict | list) else ()
        if not all(isinstance(one, str) and _is_quick_pattern(one) for one in patterns):
            found.append(
                f"adapter_config.json: {name} is {given!r:.60}; expected names, or a pattern of at most "
                f"{MOST_REPEATS} `*`, `+`, `?` or `{{`, none of them after `)`"
            )
    return found


def _is_quick_pattern(pattern: str) -> bool:
    """Does every name tell quickly whether it matches? Repetitions within or after each other can take for ever."""
    plain = re.sub(r"\\.", "x", pattern)
    repeats = len(re.findall(r"[*+?{]", plain))
    return len(pattern) <= LONGEST_PATTERN and repeats <= MOST_REPEATS and not re.search(r"\)[*+?{]|\(\?", plain)


CONTENT_MISTAKES: dict[str, Callable[[Mapping[str, Any]], list[str]]] = {
    "config.json": _config_mistakes,
    "model.safetensors.index.json": _index_mistakes,
    "adapter_config.json": _adapter_mistakes,
}


def plain_config(values: Mapping[str, Any]) -> dict[str, Any]:
    return _known_tokenizer({key: value for key, value in values.items() if not _is_private(key)})


def _plain_tokens(values: Mapping[str, Any]) -> dict[str, Any]:
    """All keys become arguments of the tokenizer's class, those of files included."""
    plain = {key: value for key, value in values.items() if not _is_private(key) and not key.endswith("_file")}
    return _known_tokenizer(plain)


def _plain_adapter(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without the modules that peft would import by name, and without what is needed only to begin a training."""
    ended = ("_config", "_mapping")
    return {
        key: value
        for key, value in values.items()
        if not _is_private(key) and not key.startswith("megatron_") and not key.endswith(ended)
    }


def _is_private(key: str) -> bool:
    return key.startswith("_") or key in NAMES_CODE or key in NAMES_FILES


PLAIN_CONTENT: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "config.json": plain_config,
    "adapter_config.json": _plain_adapter,
    "tokenizer_config.json": _plain_tokens,
    "special_tokens_map.json": _plain_tokens,
}


def _known_tokenizer(values: dict[str, Any]) -> dict[str, Any]:
    """With a class that transformers has; instead of any other the general one, which reads `tokenizer.json` alone."""
    name = values.get("tokenizer_class")
    return values if name is None or _is_tokenizer(name) else values | {"tokenizer_class": GENERAL_TOKENIZER}


def _is_tokenizer(name: Any) -> bool:
    from transformers import PreTrainedTokenizerBase
    from transformers.models.auto.tokenization_auto import tokenizer_class_from_name

    if name == GENERAL_TOKENIZER:
        return True
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9]{1,60}Tokenizer(Fast|Legacy)?", name):
        return False
    found = tokenizer_class_from_name(name.removesuffix("Fast"))
    own = isinstance(found, type) and found.__module__.startswith("transformers.")
    return own and issubclass(found, PreTrainedTokenizerBase)
