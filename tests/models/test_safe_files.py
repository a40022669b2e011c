"""What is read of a model: each check by itself, and that a real loader never gets past them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from unfreeze.inference.predictor import load_predictor
from unfreeze.models import safe_files
from unfreeze.models.explained import ModelError
from unfreeze.models.load import load_config, load_network, load_tokenizer
from unfreeze.models.quiet import quiet_loading
from unfreeze.models.safe_contents import ENCODERS
from unfreeze.models.safe_files import (
    ADAPTER_WEIGHTS,
    MODEL_WEIGHTS,
    UnsafeFilesError,
    check,
    download_patterns,
    read_config,
    safe_view,
)
from unfreeze.models.weights_identity import weights_identity

CLASSIFICATION = "AutoModelForSequenceClassification"


@pytest.fixture
def folder(family_folder: Callable[..., str], tmp_path: Path) -> Path:
    return Path(shutil.copytree(family_folder("bert"), tmp_path / "model"))


def change(file: Path, **values: Any) -> None:
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(known | values))


def test_a_folder_as_transformers_writes_it_passes(family: str, family_folder: Callable[..., str]) -> None:
    saved = Path(family_folder(family))
    check(saved, MODEL_WEIGHTS)
    written = json.loads((saved / "config.json").read_text())
    assert read_config(saved).items() <= written.items()


def test_every_encoder_listed_is_one_that_transformers_has() -> None:
    from transformers import CONFIG_MAPPING

    assert {name for name in ENCODERS if name not in CONFIG_MAPPING} == set()


@pytest.mark.parametrize("other", ["gpt2", "llama", "t5", "rag", "odd", None, 3, ["bert"]])
def test_other_families_are_refused(folder: Path, other: object) -> None:
    change(folder / "config.json", model_type=other)
    for load in (load_config, load_tokenizer, lambda name: load_network(name, CLASSIFICATION, 0), load_predictor):
        with pytest.raises(ModelError, match=r"model_type is .*; expected an encoder .*: albert, bert, "):
            load(str(folder))


def test_private_keys_never_reach_a_configuration(folder: Path) -> None:
    private = {
        "_attn_implementation_internal": "kernels-community/evil",
        "_attn_implementation": "evil",
        "attn_implementation": "evil/kernel",
        "experts_implementation": "evil/kernel",
        "auto_map": {"AutoConfig": "evil.Evil"},
        "custom_pipelines": {"evil": {"impl": "evil.Evil"}},
        "configuration_files": ["config.9.9.9.json"],
        "_name_or_path": "/etc",
    }
    change(folder / "config.json", **private)
    assert not private.keys() & read_config(folder).keys()
    config = load_config(str(folder))
    assert (config._attn_implementation, config.name_or_path) == (None, str(folder))
    assert not hasattr(config, "auto_map") and not hasattr(config, "custom_pipelines")
    network = load_network(str(folder), CLASSIFICATION, 0).network
    assert network.config._attn_implementation in ("sdpa", "eager")
    assert network.name_or_path == str(folder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"quantization_config": {"quant_method": "odd"}},
            "the weights are quantized. Take the model in full precision",
        ),
        ({"num_hidden_layers": 10**6}, r"num_hidden_layers is 1e\+06; expected 0 to 512"),
        ({"vocab_size": 10**12}, "vocab_size is "),
        ({"hidden_size": -1}, "hidden_size is -1; expected 0 to 65,536"),
        ({"id2label": [1, 2]}, r"id2label is \[1, 2\]; expected names and values"),
        ({"unfreeze": "x"}, "unfreeze is 'x'"),
        ({"unfreeze": {"max_length": "x"}}, "max_length is 'x'"),
        ({"unfreeze_extensions": [3]}, "unfreeze_extensions is"),
    ],
)
def test_values_that_no_encoder_has_are_refused(folder: Path, values: dict[str, Any], message: str) -> None:
    change(folder / "config.json", **values)
    with pytest.raises(UnsafeFilesError, match=message):
        check(folder)


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "model.PTH", "model.ckpt", "weights.h5", "x.msgpack"]
)
def test_pickled_weights_alone_are_refused(folder: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / name)
    check(folder)  # the configuration alone may be read
    with pytest.raises(ModelError, match=rf"model\.safetensors is missing, and {name} is not read: .* can run code"):
        load_network(str(folder), CLASSIFICATION, 0)


def test_pickled_weights_beside_safetensors_are_left_alone(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    check(folder, MODEL_WEIGHTS)
    with safe_view(folder) as view:
        assert not (view / "pytorch_model.bin").exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x04.", b"PK\x03\x04 a zip of torch", b"\xff" * 8 + b"{", b"\0" * 9])
def test_another_format_called_safetensors_is_refused(folder: Path, content: bytes) -> None:
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.safetensors is no safetensors file"):
        load_network(str(folder), CLASSIFICATION, 0)


def test_a_header_without_measure_is_refused(folder: Path) -> None:
    with (folder / "model.safetensors").open("wb") as stream:
        stream.write((2**25).to_bytes(8, "little") + b"{")
        stream.truncate(2**26)
    with pytest.raises(UnsafeFilesError, match="has a header of 33,554,432 bytes; expected at most 16,777,216"):
        check(folder, MODEL_WEIGHTS)


@pytest.mark.parametrize("shard", ["../other/model.safetensors", "/etc/passwd", "pytorch_model.bin", "a\0b", 3])
def test_an_index_names_files_of_the_folder_only(folder: Path, shard: object) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    index = folder / "model.safetensors.index.json"
    change(index, metadata={}, weight_map={"x": "model-00001-of-00001.safetensors"})
    check(folder, MODEL_WEIGHTS)
    change(index, weight_map={"x": shard})
    with pytest.raises(ModelError, match=r"weight_map names .*; expected files of the folder"):
        load_network(str(folder), CLASSIFICATION, 0)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "adapter_config.json"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "nested too deeply"),
        ("[1]", "holds a list"),
        ("{", "not valid JSON"),
        ('{"a": ' + "9" * 5000, "valid"),
    ],
)
def test_json_that_is_none_is_refused(folder: Path, name: str, content: str, message: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(UnsafeFilesError, match=rf"{name} .*{message}"):
        check(folder)


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnsafeFilesError, match=r"config\.json is not valid JSON"):
        check(folder)


def test_files_beyond_any_model_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(safe_files.JSON_LIMITS, "tokenizer.json", 100)
    with pytest.raises(ModelError, match=r"tokenizer.json has [\d,]+ bytes; expected at most 100"):
        load_tokenizer(str(folder))


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_link_out_of_the_folder_is_refused(folder: Path, name: str, tmp_path: Path) -> None:
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(ModelError, match=rf"{name} is a link out of the folder \(to {tmp_path / name}\)"):
        load_network(str(folder), CLASSIFICATION, 0)


def test_links_that_lead_nowhere_or_in_circles_are_refused(folder: Path) -> None:
    for name, target in (("tokenizer.json", "nothing-there"), ("vocab.txt", "vocab.txt")):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
    with pytest.raises(
        UnsafeFilesError, match=r"tokenizer.json is a link .* nowhere.*; vocab.txt is a link .* nowhere"
    ):
        check(folder)


def test_what_is_no_ordinary_file_is_never_opened(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    os.mkfifo(folder / "tokenizer.json")  # reading it would wait for ever
    with pytest.raises(ModelError, match=r"tokenizer\.json is no ordinary file"):
        load_tokenizer(str(folder))
    with pytest.raises(ModelError, match=r"tokenizer\.json is no ordinary file"):
        weights_identity(str(folder))


def as_in_the_cache(folder: Path, root: Path) -> Path:
    """The folder as the hub's client keeps it: names that are links to contents."""
    snapshot, blobs = root / "models--owner--tiny" / "snapshots" / ("c" * 40), root / "models--owner--tiny" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for number, file in enumerate(sorted(folder.iterdir())):
        shutil.copy(file, blobs / f"{number:040}")
        (snapshot / file.name).symlink_to(Path("..", "..", "blobs", f"{number:040}"))
    return snapshot


def test_the_links_of_the_hubs_cache_are_followed(folder: Path, tmp_path: Path) -> None:
    snapshot = as_in_the_cache(folder, tmp_path / "hub")
    assert load_network(str(snapshot), CLASSIFICATION, 0).new_parameters
    assert load_tokenizer(str(snapshot)).tokenize("the")
    # Through a link to the whole folder too.
    (tmp_path / "link").symlink_to(snapshot)
    assert load_config(str(tmp_path / "link")).model_type == "bert"


def test_a_cache_is_no_way_out(folder: Path, tmp_path: Path) -> None:
    snapshot = as_in_the_cache(folder, tmp_path / "hub")
    blobs = snapshot.parents[1] / "blobs"
    blobs.rename(tmp_path / "elsewhere")
    blobs.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeFilesError, match=r"config\.json is a link out of the folder"):
        check(snapshot)


def test_all_mistakes_of_a_folder_at_once(folder: Path) -> None:
    change(folder / "config.json", model_type="gpt2", vocab_size=10**12)
    (folder / "tokenizer_config.json").write_text("[]")
    (folder / "model.safetensors").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError) as caught:
        load_network(str(folder), CLASSIFICATION, 0)
    message = str(caught.value)
    assert message.startswith(f"--model {folder}: cannot be loaded: ") and "\n" not in message
    for part in ("model_type", "vocab_size", "tokenizer_config.json holds a list", "no safetensors file"):
        assert part in message


def test_a_tokenizer_reads_no_file_that_its_configuration_names(folder: Path, tmp_path: Path) -> None:
    plain = load_tokenizer(str(folder)).get_vocab()
    other = tmp_path / "other.json"
    other.write_text("{}")
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        change(
            folder / name,
            tokenizer_file=str(other),
            vocab_file="/etc/passwd",
            init_inputs=["/etc/passwd"],
            auto_map={"AutoTokenizer": ["evil.Evil", "evil.Evil"]},
            fast_tokenizer_files=["../../tokenizer.0.json"],
            _evil=1,
        )
    (folder / "evil.py").write_text("raise SystemExit('was run')\n")
    tokenizer = load_tokenizer(str(folder))
    assert tokenizer.get_vocab() == plain
    assert tokenizer.name_or_path == str(folder)


@pytest.mark.parametrize("name", ["Trainer", "EvilTokenizer", "pipeline", "MistralCommonBackend", 5, "AutoTokenizer"])
def test_an_unknown_tokenizer_class_reads_the_plain_file_only(folder: Path, name: object) -> None:
    plain = load_tokenizer(str(folder)).get_vocab()
    change(folder / "tokenizer_config.json", tokenizer_class=name)
    change(folder / "config.json", tokenizer_class=name)
    assert load_tokenizer(str(folder)).get_vocab() == plain
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").unlink(missing_ok=True)
    with pytest.raises(ModelError, match=f"--model {folder}: cannot be loaded"):
        load_tokenizer(str(folder))


def test_nothing_temporary_is_left_or_remembered(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    network, tokenizer = load_network(str(folder), CLASSIFICATION, 0).network, load_tokenizer(str(folder))
    assert list((tmp_path / "temporary").iterdir()) == []
    network.save_pretrained(tmp_path / "saved")
    tokenizer.save_pretrained(tmp_path / "saved")
    for file in (tmp_path / "saved").glob("*.json"):
        assert "unfreeze-model-" not in file.read_text()


@pytest.fixture
def adapter(folder: Path, tmp_path: Path) -> Path:
    """A LoRA adapter with a configuration of its network, as `unfreeze` leaves it."""
    network = load_network(str(folder), CLASSIFICATION, 0).network
    saved = tmp_path / "adapter"
    network.config.architectures = [type(network).__name__]
    network.config.save_pretrained(saved)
    load_tokenizer(str(folder)).save_pretrained(saved)
    config = LoraConfig(r=2, target_modules=["query"], task_type="SEQ_CLS", base_model_name_or_path=str(folder))
    with quiet_loading():
        get_peft_model(network, config).save_pretrained(saved)
    change(saved / "adapter_config.json", base_model_name_or_path=str(folder))
    return saved


def test_an_adapter_loads_without_what_peft_would_import(adapter: Path) -> None:
    change(
        adapter / "adapter_config.json",
        megatron_config={"x": 1},
        megatron_core="evil_module",
        auto_mapping={"base_model_class": "Evil", "parent_library": "evil_module"},
        runtime_config={"x": 1},
    )
    with safe_view(adapter) as view:
        values = json.loads((view / "adapter_config.json").read_text())
    assert "evil" not in json.dumps(values).lower()
    assert len(load_predictor(adapter, device="cpu").labels) == 2


def test_pickled_adapters_are_refused(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").unlink()
    torch.save({}, adapter / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"adapter_model.safetensors is missing, and adapter_model.bin is not read"):
        load_predictor(adapter, device="cpu")


def test_an_adapter_is_no_model_to_train(adapter: Path) -> None:
    with pytest.raises(ModelError, match=r"this is an adapter\. Give the merged model, or the one it was trained on"):
        load_network(str(adapter), CLASSIFICATION, 0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"base_model_name_or_path": None}, "base_model_name_or_path is None; expected a name"),
        ({"peft_type": ["LORA"]}, r"peft_type is \['LORA'\]; expected a name"),
        ({"target_modules": "(a+)+b"}, r"target_modules is '\(a\+\)\+b'; expected names, or a pattern of"),
        ({"rank_pattern": {"(a|a)*b": 4}}, "rank_pattern is "),
        ({"target_modules": r"(?x)(\w+\.?) +X"}, "target_modules is "),
        ({"target_modules": ".*.*.*.*.*X"}, "target_modules is "),
        ({"alpha_pattern": {"a" * 20_000: 1}}, "alpha_pattern is "),
    ],
)
def test_adapters_that_name_nothing_are_refused(adapter: Path, values: dict[str, Any], message: str) -> None:
    change(adapter / "adapter_config.json", **values)
    with pytest.raises(UnsafeFilesError, match=message):
        check(adapter, ADAPTER_WEIGHTS)


def test_only_what_is_read_is_fetched() -> None:
    patterns = download_patterns(())
    assert not [one for one in patterns if "safetensors" in one]
    patterns = download_patterns(MODEL_WEIGHTS)
    assert {"model.safetensors", "model.safetensors.index.json", "model-*-of-*.safetensors"} <= set(patterns)
    assert not [one for one in patterns if one.endswith((".bin", ".py", ".pt", ".pkl"))]


@pytest.mark.parametrize(
    "name",
    ["..%2f..%2fetc", "%2e%2e/x", "..\\..\\x", "a\0b", "x" * 5000, "~nobody-of-that-name/x", "․․/x", "a/..", "", " "],
)
def test_names_that_are_neither_folder_nor_hub_id_are_refused(name: str) -> None:
    for load in (load_config, load_tokenizer, load_predictor):
        with pytest.raises(ModelError):
            load(name)


def test_a_model_folder_that_is_a_link_out_of_its_run_is_refused(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "model").symlink_to(folder)
    with pytest.raises(ModelError, match=r"is a link out of the folder .* Give that folder itself"):
        load_predictor(run)
