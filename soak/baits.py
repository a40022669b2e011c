"""Files that would run code, read elsewhere or fill the memory if a loader took them for what they claim to be."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Nest:
    """Where baits are laid: copies of a good model, a good adapter and a good comparison."""

    folder: Path  # of its own for each bait
    kind: str  # model, adapter, comparison
    canary: Path  # appears when something was run

    @property
    def code(self) -> str:
        """Python that betrays itself."""
        return f"open({str(self.canary)!r}, 'w').close()"


@dataclass(frozen=True)
class Bait:
    """One malicious file."""

    name: str
    kind: str
    lay: Callable[[Nest], None]


class _Payload:
    def __init__(self, code: str) -> None:
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self.code,)


def pickled(nest: Nest) -> bytes:
    """A pickle that runs code when it is read."""
    return pickle.dumps(_Payload(nest.code))


def zipped(nest: Nest) -> bytes:
    """The same as `torch.save` writes it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(nest))
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


def array(nest: Nest) -> bytes:
    """The same as numpy saves objects."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    header += b" " * (53 - len(header) % 64 + 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + pickled(nest)


Content = Callable[[Nest], bytes]


def _write(name: str, content: Content | bytes | str, nest: Nest) -> None:
    made = content(nest) if callable(content) else content
    file = nest.folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_bytes(made.encode() if isinstance(made, str) else made)


def _instead(gone: str, name: str, content: Content | bytes | str, nest: Nest) -> None:
    (nest.folder / gone).unlink()
    _write(name, content, nest)


def _keys(name: str, values: dict[str, Any], nest: Nest, *, code_in: str = "") -> None:
    file = nest.folder / name
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(known | values))
    if code_in:
        (nest.folder / f"{code_in}.py").write_text(nest.code)


def _link(name: str, target: str, nest: Nest) -> None:
    (nest.folder / name).unlink(missing_ok=True)
    (nest.folder / name).symlink_to(target)


def _pipe(name: str, nest: Nest) -> None:
    (nest.folder / name).unlink(missing_ok=True)
    os.mkfifo(nest.folder / name)


def _huge_header(claimed: int, nest: Nest) -> None:
    with (nest.folder / "model.safetensors").open("wb") as stream:
        stream.write(struct.pack("<Q", claimed) + b"{")
        stream.truncate(min(claimed, 2**27) + 16)


def _sharded(shard: str, nest: Nest) -> None:
    _instead("model.safetensors", "model.safetensors.index.json", json.dumps({"weight_map": {"x": shard}}), nest)
    _write(Path(shard).name, zipped, nest)
    (nest.folder.parent / Path(shard).name).write_bytes(zipped(nest))


def _pickled_base(nest: Nest) -> None:
    base = nest.folder.parent / "base"
    shutil.copytree(nest.folder.parent / "good-model", base)
    (base / "model.safetensors").unlink()
    (base / "pytorch_model.bin").write_bytes(zipped(nest))
    _keys("adapter_config.json", {"base_model_name_or_path": str(base)}, nest)


def baits() -> Iterator[Bait]:
    """All of them."""
    for kind, made in (("model", _model_baits()), ("adapter", _adapter_baits()), ("comparison", _comparison_baits())):
        for name, lay in made.items():
            yield Bait(name, kind, lay)


DEEP = "[" * 200_000
AUTO_MAP = dict.fromkeys(("AutoConfig", "AutoModel", "AutoModelForSequenceClassification"), "evil.Evil")


def _model_baits() -> dict[str, Callable[[Nest], None]]:
    found: dict[str, Callable[[Nest], None]] = {}
    instead = {
        **dict.fromkeys(("pytorch_model.bin", "model.pt", "model.pth", "model.ckpt", "pytorch_model.pt"), zipped),
        **dict.fromkeys(("model.bin", "model.pkl", "tf_model.h5", "flax_model.msgpack", "rust_model.ot"), pickled),
        **{"model.npy": array, "model.gguf": pickled, "model.safetensors": pickled, "consolidated.00.pth": zipped},
    }
    for name, content in instead.items():
        found[f"{name} instead of weights"] = partial(_instead, "model.safetensors", name, content)
    found["a zip of torch called model.safetensors"] = partial(_write, "model.safetensors", zipped)
    for name in (
        "rng_state.pth",
        "optimizer.pt",
        "scheduler.pt",
        "training_args.bin",
        "pytorch_model.bin",
        "vocab.pkl",
    ):
        found[f"{name} beside good weights"] = partial(_write, name, zipped)
    for name in (
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "config.json",
        "added_tokens.json",
    ):
        found[f"a pickle called {name}"] = partial(_write, name, pickled)
        found[f"deep nesting in {name}"] = partial(_write, name, DEEP)
    for name in ("vocab.txt", "spiece.model", "vocab.pkl", "tokenizer.model"):
        found[f"a pickle called {name} for tokenizer.json"] = partial(_instead, "tokenizer.json", name, pickled)
    for shard in ("pytorch_model.bin", "../evil.bin", "model-00001-of-00001.safetensors", "../model.safetensors"):
        found[f"an index that names {shard}"] = partial(_sharded, shard)
    configs: dict[str, dict[str, Any]] = {
        "auto_map": {"auto_map": AUTO_MAP},
        "auto_map of an unknown family": {"auto_map": AUTO_MAP, "model_type": "evil"},
        "auto_map on a hub": {"auto_map": {"AutoConfig": "nobody/evil--evil.Evil"}},
        "auto_map of another kind": {"auto_map": 5},
        "_attn_implementation_internal": {"_attn_implementation_internal": "nobody/evil"},
        "_attn_implementation": {"_attn_implementation": "nobody/evil:evil"},
        "attn_implementation": {"attn_implementation": "nobody/evil"},
        "experts_implementation": {"_experts_implementation_internal": "x", "experts_implementation": "nobody/evil"},
        "custom_pipelines": {"custom_pipelines": {"text-classification": {"impl": "evil.Evil", "pt": ["Evil"]}}},
        "quantization": {"quantization_config": {"quant_method": "evil", "modules_to_not_convert": ["evil"]}},
        "another configuration": {"configuration_files": ["config.99.0.0.json", "../config.99.0.0.json"]},
        "rag": {"model_type": "rag"},
        "lightglue": {"model_type": "lightglue", "trust_remote_code": True},
        "a million layers": {"num_hidden_layers": 10**6},
        "weights beyond memory": {"hidden_size": 10**9, "vocab_size": 10**9},
        "no numbers": {"hidden_size": "__import__('os')", "num_attention_heads": None},
        "labels that are none": {"id2label": {"x": {"__reduce__": 1}}},
        "a task of its own": {"unfreeze": {"task": ["os", "system"], "task_settings": {"x": "y"}}},
        "settings of a task": {"unfreeze": {"task": "tagging", "task_settings": {"__class__": "evil.Evil"}}},
        "an extension of its own": {"unfreeze_extensions": [{"name": "evil", "module": "evil.Evil"}]},
        "an extension without weights": {"unfreeze_extensions": [{"name": "mean_pooling"}]},
        "an activation of its own": {"hidden_act": "evil.Evil"},
    }
    for name, values in configs.items():
        found[f"config.json: {name}"] = partial(_keys, "config.json", values, code_in="evil")
    tokenizers: dict[str, dict[str, Any]] = {
        "auto_map": {"auto_map": {"AutoTokenizer": ["evil.Evil", "evil.Evil"]}, "tokenizer_class": "Evil"},
        "auto_map, old": {"auto_map": ["evil.Evil", None]},
        "auto_map of another kind": {"auto_map": 5},
        "a class that is none": {"tokenizer_class": "Trainer"},
        "a class of another module": {"tokenizer_class": "evil.Evil"},
        "a file elsewhere": {"tokenizer_file": "/etc/passwd", "vocab_file": "/etc/passwd", "gguf_file": "/etc/passwd"},
        "positional arguments": {"init_inputs": ["/etc/passwd"]},
        "a chat template": {"chat_template": "{{ ''.__class__.__mro__[1].__subclasses__()[0]('x') }}"},
        "tokens that are none": {"added_tokens_decoder": {"x": 5}, "model_max_length": "x"},
    }
    for name, values in tokenizers.items():
        found[f"tokenizer_config.json: {name}"] = partial(_keys, "tokenizer_config.json", values, code_in="evil")
        found[f"special_tokens_map.json: {name}"] = partial(_keys, "special_tokens_map.json", values, code_in="evil")
    found["a chat template of its own"] = partial(_write, "chat_template.jinja", "{{ cycler.__init__.__globals__.os }}")
    found["modules of sentence-transformers"] = partial(
        _write, "modules.json", json.dumps([{"idx": 0, "name": "0", "path": "", "type": "evil.Evil"}])
    )
    for claimed in (2**26, 2**40, 2**64 - 1):
        found[f"a header of {claimed} bytes"] = partial(_huge_header, claimed)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        found[f"{name} is a link to /etc/passwd"] = partial(_link, name, "/etc/passwd")
        found[f"{name} is a link to /dev/zero"] = partial(_link, name, "/dev/zero")
        found[f"{name} is a link to itself"] = partial(_link, name, name)
        found[f"{name} is a pipe"] = partial(_pipe, name)
    return found


def _adapter_baits() -> dict[str, Callable[[Nest], None]]:
    found: dict[str, Callable[[Nest], None]] = {
        "adapter_model.bin instead of weights": partial(
            _instead, "adapter_model.safetensors", "adapter_model.bin", zipped
        ),
        "a pickle called adapter_model.safetensors": partial(_write, "adapter_model.safetensors", pickled),
        "adapter_model.bin beside good weights": partial(_write, "adapter_model.bin", zipped),
        "deep nesting in adapter_config.json": partial(_write, "adapter_config.json", DEEP),
        "a base with pickled weights": _pickled_base,
        "adapter_config.json is a link": partial(_link, "adapter_config.json", "/etc/passwd"),
    }
    adapters: dict[str, dict[str, Any]] = {
        "a module to import": {"megatron_config": {"x": 1}, "megatron_core": "evil"},
        "a class of its own": {"auto_mapping": {"base_model_class": "Evil", "parent_library": "evil"}},
        "a method of its own": {"peft_type": "EVIL"},
        "a method that is a list": {"peft_type": ["LORA"]},
        "no base": {"base_model_name_or_path": None},
        "a base elsewhere": {"base_model_name_or_path": "/etc/passwd"},
        "a base on a hub": {"base_model_name_or_path": "nobody/evil"},
        "a pattern without end": {"target_modules": "(([a-z._0-9]+)+)+!"},
        "a rank beyond memory": {"r": 10**10},
        "other settings": {"lora_alpha": "x", "layers_to_transform": {"x": 1}, "use_dora": "evil"},
    }
    for name, values in adapters.items():
        found[f"adapter_config.json: {name}"] = partial(_keys, "adapter_config.json", values, code_in="evil")
    return found


def _comparison_baits() -> dict[str, Callable[[Nest], None]]:
    found: dict[str, Callable[[Nest], None]] = {}
    for name, tag in {
        "apply": "!!python/object/apply:builtins.exec [{code}]",
        "new": "!!python/object/new:type {{args: [x, [], {{}}], state: {code}}}",
        "an object": "!!python/object:evil.Evil {{x: 1}}",
        "a name": "!!python/name:evil.Evil",
        "a module": "!!python/module:evil",
        "a tuple": "!!python/tuple [1, {code}]",
        "a whole number that is none": "!!int ''",
        "a time that is none": "!!timestamp x",
        "a truth that is none": "!!bool x",
        "a set of lists": "? [a]\n: b",
    }.items():
        found[f"settings.yaml: {name}"] = partial(_tagged, tag)
    found["settings.yaml: deep nesting"] = partial(_write, "settings.yaml", "model: " + DEEP)
    found["settings.yaml: aliases of aliases"] = partial(_write, "settings.yaml", _aliases())
    found["settings.yaml: a pickle"] = partial(_write, "settings.yaml", pickled)
    run = "runs/m/full-abcdef/seed-1"
    for file in ("comparison.json", f"{run}/record.json", f"{run}/predictions.jsonl", "identity.json"):
        found[f"{Path(file).name}: a pickle"] = partial(_write, file, lambda nest: pickled(nest) + b"\n")
        found[f"{Path(file).name}: deep nesting"] = partial(_write, file, DEEP + "\n")
        found[f"{Path(file).name}: a list"] = partial(_write, file, "[1]\n")
    found["record.json: no numbers"] = partial(_keys, f"{run}/record.json", {"validation": "evil", "seed": {}})
    found["record.json: another model"] = partial(_keys, f"{run}/record.json", {"model": "../../../etc/passwd"})
    return found


def _tagged(tag: str, nest: Nest) -> None:
    value = tag.format(code=json.dumps(nest.code))
    _write("settings.yaml", value + "\n" if value.startswith("?") else f"model: {value}\n", nest)
    (nest.folder / "evil.py").write_text(nest.code)


def _aliases() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    return "\n".join(lines) + "\n"
