"""Every parameter of every family has one place, and the right one."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn

from unfreeze.models.anatomy import Anatomy, AnatomyError, take_anatomy
from unfreeze.tasks import TASKS

AUTO_CLASSES = {name: task.auto_class for name, task in TASKS.items()}


def build(model_type: str, auto_class: str, **sizes: object) -> nn.Module:
    """A network on the meta device: names and shapes, no memory."""
    import transformers

    with torch.device("meta"):
        config = transformers.AutoConfig.for_model(model_type, **sizes)
        return getattr(transformers, auto_class).from_config(config)


def tiny(model_type: str, auto_class: str, layers: int = 3) -> nn.Module:
    sizes: dict[str, object] = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": layers}
    sizes |= {"num_attention_heads": 2, "intermediate_size": 32, "hidden_dim": 32, "embedding_size": 8}
    return build(model_type, auto_class, **sizes, pad_token_id=0, **dict.fromkeys(SPECIALS, 1))


SPECIALS = ("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id")


def depths(anatomy: Anatomy) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for place in anatomy.places.values():
        found.setdefault(place.part, set()).add(place.depth)
    return found


def test_every_parameter_has_one_place(family: str, task_name: str) -> None:
    network = tiny(family, AUTO_CLASSES[task_name])
    anatomy = take_anatomy(network)
    assert list(anatomy.places) == [name for name, _ in network.named_parameters()]
    assert all(place.name == name for name, place in anatomy.places.items())
    assert all(anatomy.locate(name) is place for name, place in anatomy.places.items())


def test_the_parts_lie_in_their_order(family: str, task_name: str) -> None:
    anatomy = take_anatomy(tiny(family, AUTO_CLASSES[task_name]))
    layers = 1 if family == "albert" else 3
    found = depths(anatomy)
    assert found["embeddings"] == {0}
    assert found["layer"] == set(range(1, layers + 1))
    assert found["head"] == {layers + 1}
    assert found.get("top", {layers + 1}) == {layers + 1}
    assert (anatomy.num_layers, anatomy.layers_applied, anatomy.shared) == (layers, 3, family == "albert")


def test_all_layers_hold_the_same_parameters(family: str, task_name: str) -> None:
    """A parameter that slipped out of the layers, or into them, would show here."""
    anatomy = take_anatomy(tiny(family, AUTO_CLASSES[task_name]))
    sizes = Counter(place.depth for place in anatomy.places.values() if place.part == "layer")
    # ModernBERT's first layer has no norm before attention: the one after the embeddings serves.
    expected = {sizes[2] - 1, sizes[2]} if family == "modernbert" else {sizes[1]}
    assert set(sizes.values()) == expected


EMBEDDINGS = {
    "bert": {"embeddings"},
    "roberta": {"embeddings"},
    "albert": {"embeddings", "encoder"},  # encoder.embedding_hidden_mapping_in
    "electra": {"embeddings", "embeddings_project"},
    "distilbert": {"embeddings"},
    "xlm-roberta": {"embeddings"},
    "camembert": {"embeddings"},
    "modernbert": {"embeddings"},
    "deberta-v2": {"embeddings"},  # and encoder.rel_embeddings, where attention is relative
    "mpnet": {"embeddings", "encoder"},  # encoder.relative_attention_bias
}
TOP = {"bert": {"pooler"}, "albert": {"pooler"}, "modernbert": {"final_norm"}}
HEADS = {
    "AutoModelForSequenceClassification": {
        "modernbert": {"head", "classifier"},
        "distilbert": {"pre_classifier", "classifier"},
        "deberta-v2": {"pooler", "classifier"},
    },
    "AutoModelForTokenClassification": {"modernbert": {"head", "classifier"}},
    "AutoModelForQuestionAnswering": {"modernbert": {"head", "classifier"}},
    "AutoModelForMaskedLM": {
        "bert": {"cls"},
        "albert": {"predictions"},
        "electra": {"generator_predictions", "generator_lm_head"},
        "distilbert": {"vocab_transform", "vocab_projector", "vocab_layer_norm"},
        "modernbert": {"head", "decoder"},
        "deberta-v2": {"cls"},
    },
}
PLAIN_HEAD = {"AutoModelForQuestionAnswering": {"qa_outputs"}, "AutoModelForMaskedLM": {"lm_head"}}


def test_the_parts_are_the_right_modules(family: str, task_name: str) -> None:
    anatomy = take_anatomy(tiny(family, AUTO_CLASSES[task_name]))
    prefix = anatomy.prefix + "."
    modules: dict[str, set[str]] = {"embeddings": set(), "top": set(), "head": set()}
    for name, place in anatomy.places.items():
        if place.part in modules:
            modules[place.part].add(name.removeprefix(prefix).split(".")[0])
            assert name.startswith(prefix) == (place.part != "head")
    assert modules["embeddings"] == EMBEDDINGS[family]
    # Token classification networks of BERT and ALBERT are built without a pooler.
    auto_class = AUTO_CLASSES[task_name]
    has_top = auto_class == "AutoModelForSequenceClassification" or family == "modernbert"
    assert modules["top"] == (TOP.get(family, set()) if has_top else set())
    assert modules["head"] == HEADS[auto_class].get(family, PLAIN_HEAD.get(auto_class, {"classifier"}))


def test_norms_are_found_whatever_they_are_called(family: str, task_name: str) -> None:
    places = take_anatomy(tiny(family, AUTO_CLASSES[task_name])).places
    norms = {name for name, place in places.items() if place.is_norm}
    assert norms == {name for name in places if "norm" in name.lower()}
    assert norms


@pytest.mark.parametrize("model_type", ["deberta", "eurobert"])  # norms of a class of their own
def test_norms_of_families_beyond_the_tested_ones(model_type: str) -> None:
    places = take_anatomy(tiny(model_type, AUTO_CLASSES["classification"])).places
    assert {name for name, place in places.items() if place.is_norm} == {n for n in places if "norm" in n.lower()}


def test_biases_are_told_by_their_names() -> None:
    places = take_anatomy(tiny("deberta", AUTO_CLASSES["classification"])).places
    layer = "deberta.encoder.layer.0"
    assert places[f"{layer}.attention.self.q_bias"].is_bias
    assert places[f"{layer}.output.dense.bias"].is_bias and not places[f"{layer}.output.dense.bias"].is_norm
    assert places[f"{layer}.output.LayerNorm.bias"].is_bias and places[f"{layer}.output.LayerNorm.bias"].is_norm
    assert not places[f"{layer}.output.LayerNorm.weight"].is_bias
    places = take_anatomy(tiny("modernbert", AUTO_CLASSES["classification"])).places
    assert [name for name, place in places.items() if place.is_bias] == ["classifier.bias"]


def test_from_top_counts_down_to_the_embeddings() -> None:
    places = take_anatomy(tiny("bert", AUTO_CLASSES["classification"])).places
    assert places["classifier.weight"].from_top == 0
    assert places["bert.pooler.dense.weight"].from_top == 0
    assert places["bert.encoder.layer.2.output.dense.weight"].from_top == 1
    assert places["bert.encoder.layer.0.output.dense.weight"].from_top == 3
    assert places["bert.embeddings.word_embeddings.weight"].from_top == 4


def test_ten_layers_and_more_are_not_confused() -> None:
    anatomy = take_anatomy(tiny("bert", AUTO_CLASSES["tagging"], layers=12))
    assert anatomy.locate("bert.encoder.layer.1.output.dense.weight").depth == 2
    assert anatomy.locate("bert.encoder.layer.11.output.dense.weight").depth == 12


def test_what_comes_later_is_an_adapter_at_the_depth_of_its_module() -> None:
    anatomy = take_anatomy(tiny("bert", AUTO_CLASSES["classification"]))
    adapter = anatomy.locate("bert.encoder.layer.1.attention.self.query.lora_A.default.weight")
    assert (adapter.part, adapter.depth) == ("adapter", 2)
    assert anatomy.locate("bert.embeddings.word_embeddings.lora_embedding_A").depth == 0
    assert anatomy.locate("bert.pooler.dense.lora_A.default.weight").depth == 4
    wrapped = anatomy.locate("bert.encoder.layer.1.attention.self.query.base_layer.weight")
    assert (wrapped.part, wrapped.depth) == ("layer", 2)


@pytest.mark.parametrize(("model_type", "auto_class"), [("mpnet", "tagging"), ("deberta-v2", "classification")])
def test_a_family_without_an_entry_is_understood(model_type: str, auto_class: str) -> None:
    found = depths(take_anatomy(tiny(model_type, AUTO_CLASSES[auto_class])))
    assert found["embeddings"] == {0}
    assert found["layer"] == {1, 2, 3}
    assert found["head"] == {4}


def test_no_layer_list_names_what_was_found() -> None:
    network = tiny("bert", AUTO_CLASSES["classification"])
    network.config.num_hidden_layers = 7
    with pytest.raises(
        AnatomyError, match=r"no list of 7 layers in BertModel; module lists found: encoder\.layer \(3\)"
    ):
        take_anatomy(network)


def test_no_encoder_is_said() -> None:
    class Odd(nn.Module):
        base_model_prefix = "encoder"
        config = None

    with pytest.raises(AnatomyError, match="Odd has no encoder under 'encoder'"):
        take_anatomy(Odd())
