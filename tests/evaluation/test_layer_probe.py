"""Every depth of a frozen encoder is read as the network itself computes it, and scored as a comparison scores."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from unfreeze.acceleration.precision import Precision
from unfreeze.acceleration.speedups import Speedups
from unfreeze.batching.features import IGNORE
from unfreeze.batching.order import evaluation_batches
from unfreeze.data.examples import TaggedExample
from unfreeze.evaluation import layer_probe
from unfreeze.evaluation.evaluate import Split
from unfreeze.evaluation.layer_probe import (
    L2,
    LayerProbe,
    LinearClassifier,
    fit,
    probe_layers,
    reading_depths,
    training_vectors,
)
from unfreeze.models.anatomy import AnatomyError
from unfreeze.tasks import Tagging, TaskError

HIDDEN = 16


def probe(bench: Any, **changes: Any) -> LayerProbe:
    values = {"train": bench.train, "validation": bench.validation, "metric": bench.task.selection_metric, "seed": 0}
    return probe_layers(bench.network, bench.anatomy, bench.evaluator, **(values | changes))


def vectors_of(bench: Any) -> tuple[Tensor, Tensor]:
    shape = (bench.anatomy.layers_applied + 1, HIDDEN)
    with reading_depths(bench.network, bench.anatomy, bench.evaluator.speedups.precision) as read:
        return training_vectors(read, bench.evaluator, bench.train.encoded.features, shape)


def classifiers_of(bench: Any) -> list[LinearClassifier]:
    features, labels = vectors_of(bench)
    return [fit(of_depth, labels, len(bench.labels)) for of_depth in features]


def encode(bench: Any, split: Split, max_length: int) -> Split:
    return Split(split.examples, bench.task.encode(split.examples, bench.tokenizer, bench.labels, max_length))


def scores(found: LayerProbe) -> list[float]:
    return [layer.score for layer in found.layers]


class Probed(nn.Module):
    """The stock network's own hidden states of one depth, with a fitted classifier for a head."""

    def __init__(self, bench: Any, depth: int, classifier: LinearClassifier) -> None:
        super().__init__()
        self.network = deepcopy(bench.network)
        self.one_vector = bench.anatomy.reads_one_vector
        self.depth, self.classifier = depth, classifier

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        states = self.network.base_model(input_ids, attention_mask, output_hidden_states=True).hidden_states
        hidden = states[self.depth]
        if self.one_vector:
            lengths = attention_mask.sum(1).tolist()
            hidden = torch.stack([row[:length].mean(0) for row, length in zip(hidden, lengths, strict=True)])
        return SimpleNamespace(logits=self.classifier(hidden))


def test_every_depth_is_scored(workbench: Callable[..., Any], family: str, label_task: str) -> None:
    bench = workbench(family, label_task, layers=3)
    found = probe(bench)
    assert [layer.depth for layer in found.layers] == [0, 1, 2, 3]
    assert all(0 <= score <= 1 for score in scores(found))
    assert found.metric == bench.task.selection_metric
    assert found.train_examples == len(bench.train.examples)
    labels = [label for window in bench.train.encoded.features for label in window.labels]
    assert found.positions == len(labels) - labels.count(IGNORE)
    assert f"{found.positions:,} vectors of {found.train_examples:,} training examples." in found.what


def test_the_vectors_are_the_networks_own(workbench: Callable[..., Any], family: str, label_task: str) -> None:
    """Of every depth and up to the last hidden state, which the head reads; each window alone and without padding."""
    bench = workbench(family, label_task)
    features, labels = vectors_of(bench)
    network = deepcopy(bench.network)
    expected: list[list[Tensor]] = [[] for _ in features]
    expected_labels: list[int] = []
    windows = bench.train.encoded.features
    for [i] in evaluation_batches([len(window) for window in windows], tokens_per_batch=1):
        with torch.no_grad():
            encoded = network.base_model(**bench.collator([windows[i]]).inputs, output_hidden_states=True)
        assert torch.equal(encoded.hidden_states[-1], encoded.last_hidden_state)
        labelled = [t for t, label in enumerate(windows[i].labels) if label != IGNORE]
        expected_labels += [windows[i].labels[t] for t in labelled]
        for rows, hidden in zip(expected, encoded.hidden_states, strict=True):
            rows += [hidden[0].mean(0)] if label_task == "classification" else [hidden[0, t] for t in labelled]
    assert labels.tolist() == expected_labels
    for of_depth, rows in zip(features, expected, strict=True):
        torch.testing.assert_close(of_depth, torch.stack(rows), rtol=1e-4, atol=1e-5)


def test_scores_are_those_of_a_network_with_this_head(
    workbench: Callable[..., Any], family: str, label_task: str
) -> None:
    """As the comparison evaluates it; long examples are cut or fall into several windows."""
    bench = workbench(family, label_task)
    bench.train, bench.validation = (encode(bench, split, 10) for split in (bench.train, bench.validation))
    encoded = bench.validation.encoded
    assert encoded.truncated_examples if label_task == "classification" else len(encoded.features) > 15
    expected = [
        bench.evaluate(Probed(bench, depth, classifier)).metrics[bench.task.selection_metric]
        for depth, classifier in enumerate(classifiers_of(bench))
    ]
    assert scores(probe(bench)) == expected


def test_the_score_counts_words_and_texts_by_hand(workbench: Callable[..., Any], label_task: str) -> None:
    bench = workbench("bert", label_task)
    found = probe(bench, metric="accuracy")
    for depth, classifier in enumerate(classifiers_of(bench)):
        right = total = 0
        network = Probed(bench, depth, classifier).eval()
        for window in bench.validation.encoded.features:
            with torch.no_grad():
                logits = network(**bench.collator([window]).inputs).logits[0]
            # Only the first piece of a word has a label here, so labels and answers are compared one for one.
            for row, label in zip(logits.reshape(-1, len(bench.labels)), window.labels, strict=True):
                right += label != IGNORE and int(row.argmax()) == label
                total += label != IGNORE
        assert total == sum(len(getattr(example, "words", "1")) for example in bench.validation.examples)
        assert found.layers[depth].score == pytest.approx(right / total)


def tagged(bench: Any, tag_of: Callable[[list[str], int], str], number: int, seed: int) -> Split:
    """Sentences of words that are one piece each, tagged by a rule."""
    rng = random.Random(seed)
    examples = []
    for _ in range(number):
        words = rng.choices(["a", "we", "in", "with", "day", "house"], k=rng.randint(2, 8))
        examples.append(TaggedExample(tuple(words), tuple(tag_of(words, i) for i in range(len(words)))))
    encoded = bench.task.encode(examples, bench.tokenizer, bench.labels, 48)
    return Split(examples, encoded)


def with_rule(bench: Any, tag_of: Callable[[list[str], int], str]) -> Any:
    """The workbench with plain tags by the rule, and without positions, so that embeddings tell the token only."""
    bench.task = Tagging(scheme="plain")
    bench.labels = bench.task.labels([TaggedExample(("a",) * 3, ("x", "y", "z"))])
    bench.evaluator = replace(bench.evaluator, task=bench.task, labels=bench.labels)
    bench.train, bench.validation = tagged(bench, tag_of, 60, seed=0), tagged(bench, tag_of, 30, seed=1)
    with torch.no_grad():
        for name, parameter in bench.network.named_parameters():
            if "position_embeddings" in name:
                parameter.zero_()
    return bench


@pytest.mark.parametrize("name", ["bert", "distilbert", "electra"])
def test_what_the_token_tells_is_found_in_the_embeddings(workbench: Callable[..., Any], name: str) -> None:
    tags = {"a": "x", "we": "y", "in": "z", "with": "x", "day": "y", "house": "z"}
    bench = with_rule(workbench(name, "tagging"), lambda words, i: tags[words[i]])
    found = probe(bench)
    assert found.layers[0].score == 1.0
    assert "each labelled word piece" in found.what


def test_what_other_words_tell_is_not_found_in_the_embeddings(workbench: Callable[..., Any]) -> None:
    """The tag depends on whether a word occurs in the sentence: attention can know, a token alone cannot."""
    bench = with_rule(workbench("bert", "tagging"), lambda words, i: "y" if "house" in words else "x")
    below, *above = scores(probe(bench))
    assert below < 0.8
    assert min(above) > below + 0.1


def test_equal_calls_give_equal_scores(workbench: Callable[..., Any], label_task: str) -> None:
    first, second = (replace(probe(workbench("bert", label_task), max_positions=15), seconds=0.0) for _ in range(2))
    assert first == second


def test_padding_and_batches_do_not_matter(workbench: Callable[..., Any], label_task: str) -> None:
    alone, together = (vectors_of(workbench("bert", label_task, tokens_per_batch=n))[0] for n in (1, 10**6))
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


def state(network: nn.Module) -> list[Any]:
    """What a probe might leave behind, beside the weights."""
    hooks = [(len(one._forward_hooks), len(one._forward_pre_hooks)) for one in network.modules()]
    modes = [one.training for one in network.modules()]
    return [hooks, modes, [parameter.requires_grad for parameter in network.parameters()]]


def test_the_network_is_left_as_found(workbench: Callable[..., Any], family: str) -> None:
    bench = workbench(family, "tagging")
    bench.network.train()
    bench.network.get_submodule(bench.anatomy.layer_prefixes[0]).eval()
    next(bench.network.parameters()).requires_grad_(False)
    before, weights, generator = state(bench.network), bench.state(), torch.get_rng_state()
    found = probe(bench)
    assert state(bench.network) == before
    assert all(torch.equal(weights[name], now) for name, now in bench.state().items())
    assert all(parameter.grad is None for parameter in bench.network.parameters())
    assert torch.equal(torch.get_rng_state(), generator)
    bench.network.eval()
    assert scores(probe(bench)) == scores(found), "dropout was active"


def test_layers_that_are_not_applied_as_expected_are_refused(workbench: Callable[..., Any]) -> None:
    bench = workbench("albert")
    before = state(bench.network)
    bench.anatomy = replace(bench.anatomy, layers_applied=3)
    with pytest.raises(AnatomyError, match="applies its layers 2 times, expected 3"):
        probe(bench)
    assert state(bench.network) == before


def test_no_more_positions_than_the_bound(workbench: Callable[..., Any], label_task: str) -> None:
    bench = workbench("bert", label_task)
    found = probe(bench, max_positions=20)
    assert 10 < found.positions <= 20
    assert found.train_examples < len(bench.train.examples)
    assert f"training examples, drawn with seed 0 from {len(bench.train.examples)}." in found.what
    used = layer_probe._chosen(bench.train.encoded.features, 20, 0)
    other = layer_probe._chosen(bench.train.encoded.features, 20, 1)
    assert len({window.example for window in used}) == found.train_examples
    assert used != other, "the seed draws nothing"
    whole = probe(bench, train=Split(bench.train.examples, replace(bench.train.encoded, features=tuple(used))))
    assert whole.layers == found.layers


def test_memory_is_bounded(workbench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    bench = workbench("bert", "tagging")
    bytes_of_one = 4 * HIDDEN * 3  # three depths in fp32
    monkeypatch.setattr(layer_probe, "MAX_FEATURE_BYTES", 30 * bytes_of_one)
    assert 15 < probe(bench).positions <= 30


def test_one_window_is_read_even_above_the_bound(workbench: Callable[..., Any], label_task: str) -> None:
    """A single text has no spread to standardise by."""
    found = probe(workbench("bert", label_task), max_positions=1)
    assert found.train_examples == 1
    assert all(0 <= score <= 1 for score in scores(found))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_fit_equals_scikit_learns(weighted: bool) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    generator = torch.Generator().manual_seed(0)
    features = torch.randn(300, 5, generator=generator) * torch.tensor([1.0, 10.0, 0.1, 3.0, 1.0]) + 7
    labels = (features[:, 0] + 5 * torch.randn(300, generator=generator)).div(4).long().clamp(0, 2)
    weights = torch.tensor([1.0, 4.0, 0.5])
    classifier = fit(features.clone(), labels, 3, weights if weighted else None)

    per_item = weights[labels].numpy() if weighted else np.ones(300)
    scaler = StandardScaler().fit(features.numpy())
    reference = LogisticRegression(C=1 / L2, tol=1e-8, max_iter=1000)
    reference.fit(scaler.transform(features.numpy()), labels.numpy(), per_item / per_item.mean())
    expected = reference.predict_log_proba(scaler.transform(features.numpy()))
    found = classifier(features).log_softmax(-1)
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=0, atol=2e-3, check_dtype=False)


def test_label_weights_count(workbench: Callable[..., Any]) -> None:
    """A label of weight 0 is never learnt."""
    bench = workbench("bert")
    weights = torch.tensor([0.0, 1.0, 1.0])
    found = probe(bench, label_weights=weights)
    assert "label weights as in training" in found.what
    features, labels = vectors_of(bench)
    answers = fit(features[-1].clone(), labels, 3, weights)(features[-1]).argmax(-1)
    assert 0 not in answers.tolist()
    assert 0 in fit(features[-1].clone(), labels, 3)(features[-1]).argmax(-1).tolist()


def test_a_feature_that_is_constant_in_training_is_left_out() -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(40, 3, generator=generator)
    labels = (features[:, 0] > 0).long()
    features[:, 1], features[:, 2] = 0.0, 1234.567
    classifier = fit(features.clone(), labels, 2)
    elsewhere = features + torch.tensor([0.0, 5.0, -300.0])
    assert torch.equal(classifier(elsewhere), classifier(features))
    torch.testing.assert_close(classifier(features), fit(features[:, :1].clone(), labels, 2)(features[:, :1]))


def test_bf16_is_read_as_the_network_computes_it(workbench: Callable[..., Any]) -> None:
    """Vectors are fp32 whatever the encoder ran in; the embeddings, no matrix product, do not differ."""
    bench = workbench("bert", "tagging")
    exact, _ = vectors_of(bench)
    bench.evaluator = replace(bench.evaluator, speedups=Speedups(Precision("bf16", False, "asked for")))
    rounded, _ = vectors_of(bench)
    with reading_depths(bench.network, bench.anatomy, bench.evaluator.speedups.precision) as read:
        read_now = read(bench.collator(bench.train.encoded.features[:2]))
    assert {vectors.dtype for vectors in read_now} == {rounded.dtype} == {torch.float32}
    torch.testing.assert_close(rounded[0], exact[0])
    assert not torch.allclose(rounded[-1], exact[-1])
    torch.testing.assert_close(rounded[-1], exact[-1], rtol=0.1, atol=0.1)


def test_what_cannot_be_probed_is_said(workbench: Callable[..., Any]) -> None:
    bench = workbench("bert", "classification")
    with pytest.raises(TaskError, match="metric 'entity_f1': the task classification has accuracy"):
        probe(bench, metric="entity_f1")
    unlabelled = tuple(replace(window, labels=[IGNORE]) for window in bench.train.encoded.features)
    with pytest.raises(TaskError, match="no training window has a label"):
        probe(bench, train=Split(bench.train.examples, replace(bench.train.encoded, features=unlabelled)))
    for_tokens = replace(bench.anatomy, reads_one_vector=False)
    with pytest.raises(TaskError, match="one label for each text or for each token"):
        probe_layers(bench.network, for_tokens, bench.evaluator, bench.train, bench.validation, "accuracy", seed=0)
