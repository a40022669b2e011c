"""A linear probe of every depth of a pretrained encoder: what its layers know of the task before any training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from unfreeze.acceleration.precision import Precision
from unfreeze.batching.features import IGNORE, Batch, Features
from unfreeze.batching.order import evaluation_batches, stable_seed
from unfreeze.batching.window_file import token_counts
from unfreeze.evaluation.evaluate import Evaluator, Split
from unfreeze.models.anatomy import Anatomy, AnatomyError
from unfreeze.models.modes import evaluating
from unfreeze.tasks.cross_entropy import summed_cross_entropy
from unfreeze.tasks.task import TaskError

if TYPE_CHECKING:
    from torch import Tensor, nn

MAX_POSITIONS = 30_000  # training vectors that are read at each depth, and never more than fit into these bytes
MAX_FEATURE_BYTES = 2**30
# Half of it times the sum of the squared weights is added to the summed loss (scikit-learn's C is 1 / L2); the bias is
# free. Of 1 to 100 it was within 0.02 of the best at every depth, from 200 texts or 1,300 words to 16,000 and 30,000.
L2 = 20.0
MAX_ITERATIONS = 200
GRADIENT_TOLERANCE = 1e-4  # a fit is done when no entry of its gradient is larger


@dataclass(frozen=True)
class LayerScore:
    """`depth` 0 is the embeddings, k what the k-th layer applied makes of them."""

    depth: int
    score: float


@dataclass(frozen=True)
class LayerProbe:
    """The score of every depth on validation, and what it was fitted on. `what` says in words what was read and how."""

    layers: tuple[LayerScore, ...]
    metric: str
    train_examples: int
    positions: int
    seconds: float
    what: str


@dataclass(frozen=True)
class LinearClassifier:
    """A linear map of standardised features. Shapes: mean and scale (hidden,); weight (labels, hidden); bias (labels,).

    A feature of infinite scale is left out.
    """

    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor

    def __call__(self, vectors: Tensor) -> Tensor:
        """(..., hidden) to logits (..., labels)."""
        return ((vectors - self.mean) / self.scale) @ self.weight.T + self.bias


def probe_layers(
    network: nn.Module,
    anatomy: Anatomy,
    evaluator: Evaluator,
    train: Split,
    validation: Split,
    metric: str,
    *,
    seed: int,
    label_weights: Tensor | None = None,
    max_positions: int = MAX_POSITIONS,
) -> LayerProbe:
    """Fit a linear classifier to the frozen outputs of every depth and score each on the whole validation split.

    Linear classifier probes as in Alain and Bengio (2016, "Understanding intermediate layers using linear classifier
    probes"), layer by layer through a pretrained encoder as in Tenney et al. (2019, "BERT rediscovers the classical
    NLP pipeline"), who mix layers where we keep them apart. Each split passes the encoder once, in eval mode and in the
    evaluator's precision. Depth k is what layer k + 1 reads, and the last depth the encoder's last hidden state: a
    final norm counts into the last layer and a pooler does not. A layer that is applied several times (ALBERT) has a
    depth for each time.

    A head that reads one vector for the whole text is given the mean over its real tokens, special ones included; one
    that reads tokens is given every labelled piece. The classifier is a multinomial logistic regression on features of
    mean 0 and standard deviation 1, with an L2 penalty (`L2`), fitted in fp32 by full-batch L-BFGS from weights of
    zero. It minimises the loss that training does, label weights included. Decoding and metrics are the task's own.

    The training vectors of all depths are held at once, in fp32: at most `max_positions`, and 1 GiB. Where there are
    more, whole windows are drawn with the seed. Of validation only what decoding needs is kept.

    Args:
        network: on the device of the evaluator's collator. Weights, modes and hooks are left as they were found.
        metric: a name in the scores of the task.
        label_weights: of the labels in the loss, (labels,); None weighs them alike.

    Raises:
        AnatomyError: the layers are not applied as often as the anatomy says, or not to (batch, tokens, hidden).
        TaskError: no training window has a label, the labels fit neither texts nor tokens, or there is no such metric.
    """
    begin = time.perf_counter()
    width = int(network.config.hidden_size)  # type: ignore[union-attr,arg-type]
    limit = min(max_positions, MAX_FEATURE_BYTES // (4 * width * (anatomy.layers_applied + 1)))
    windows = _chosen(train.encoded.features, limit, seed)
    with reading_depths(network, anatomy, evaluator.speedups.precision) as read:
        features, labels = training_vectors(read, evaluator, windows, (anatomy.layers_applied + 1, width))
        classifiers = [fit(of_depth, labels, len(evaluator.labels), label_weights) for of_depth in features]
        scores = _scores(read, classifiers, evaluator, validation)
    if metric not in scores[0]:
        raise TaskError(f"metric {metric!r}: the task {evaluator.task.name} has {', '.join(scores[0])}")
    examples = len({window.example for window in windows})
    return LayerProbe(
        tuple(LayerScore(depth, of_depth[metric]) for depth, of_depth in enumerate(scores)),
        metric,
        examples,
        len(labels),
        time.perf_counter() - begin,
        _in_words(anatomy, examples, len(train.examples), len(labels), seed, label_weights is not None),
    )


@contextmanager
def reading_depths(
    network: nn.Module, anatomy: Anatomy, precision: Precision
) -> Iterator[Callable[[Batch], list[Tensor]]]:
    """A function from a batch to what a head of this kind would read at each depth, in fp32, from one forward pass.

    Shapes: (batch, hidden) for a head that reads one vector, (batch, tokens, hidden) for one that reads tokens.
    """
    import torch

    encoder = network.get_submodule(anatomy.prefix)
    inputs: list[Tensor] = []

    def keep(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        inputs.append(args[0] if args else kwargs["hidden_states"])

    def read(batch: Batch) -> list[Tensor]:
        inputs.clear()
        with torch.no_grad(), precision.active(str(batch.labels.device)):
            last = encoder(**batch.inputs)[0]
        if len(inputs) != anatomy.layers_applied:
            applied = f"applies its layers {len(inputs)} times, expected {anatomy.layers_applied}"
            raise AnatomyError(f"{type(network).__name__} {applied}: its depths cannot be probed")
        return [_as_head_reads(hidden, batch, anatomy) for hidden in (*inputs, last)]

    layers = [network.get_submodule(name) for name in anatomy.layer_prefixes]
    hooks = [layer.register_forward_pre_hook(keep, with_kwargs=True) for layer in layers]
    try:
        with evaluating(network):
            yield read
    finally:
        for hook in hooks:
            hook.remove()


def _as_head_reads(hidden: Tensor, batch: Batch, anatomy: Anatomy) -> Tensor:
    mask = batch.inputs["attention_mask"]  # (batch, tokens)
    # Longformer pads further inside, on the right.
    if hidden.dim() != 3 or hidden.shape[0] != mask.shape[0] or hidden.shape[1] < mask.shape[1]:
        raise AnatomyError(f"a layer gives {tuple(hidden.shape)}, expected {tuple(mask.shape)} and the hidden size")
    vectors = hidden[:, : mask.shape[1]].float()
    if not anatomy.reads_one_vector:
        return vectors
    weights = mask.unsqueeze(-1).float()
    return (vectors * weights).sum(1) / weights.sum(1)


def training_vectors(
    read: Callable[[Batch], list[Tensor]], evaluator: Evaluator, windows: Sequence[Features], shape: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """What is read at every label, and the labels, for a `shape` of (depths, hidden).

    Shapes: (depths, positions, hidden) and (positions,).
    """
    import torch

    positions, device = sum(map(_labelled, windows)), evaluator.collator.device
    if not positions:
        raise TaskError("no training window has a label, so there is nothing to fit a probe to")
    features = torch.empty(shape[0], positions, shape[1], device=device)
    labels = torch.empty(positions, dtype=torch.long, device=device)
    start = 0
    for indices in evaluation_batches(token_counts(windows), evaluator.tokens_per_batch):
        batch = evaluator.collator([windows[i] for i in indices])
        here = batch.labels != IGNORE  # (batch,) or (batch, tokens)
        stop = start + int(here.sum())
        labels[start:stop] = batch.labels[here]
        for depth, vectors in enumerate(read(batch)):
            if vectors.shape[:-1] != here.shape:
                raise TaskError(f"{evaluator.task.name}: a probe needs one label for each text or for each token")
            features[depth, start:stop] = vectors[here]
        start = stop
    return features, labels


def fit(features: Tensor, labels: Tensor, num_labels: int, label_weights: Tensor | None = None) -> LinearClassifier:
    """Multinomial logistic regression; the features, (positions, hidden), are standardised in place."""
    import torch

    scale, mean = torch.std_mean(features, dim=0, correction=0)
    # What is constant in training, up to rounding, says nothing there and might say anything elsewhere.
    scale[scale <= 1e-6 * mean.abs()] = torch.inf
    features.sub_(mean).div_(scale)
    weight = torch.zeros(num_labels, features.shape[1], device=features.device, requires_grad=True)
    bias = torch.zeros(num_labels, device=features.device, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=MAX_ITERATIONS,
        tolerance_grad=GRADIENT_TOLERANCE,
        line_search_fn="strong_wolfe",
    )

    def objective() -> Tensor:
        optimizer.zero_grad()
        total, units = summed_cross_entropy(features @ weight.T + bias, labels, label_weights)
        loss = total / units + L2 / 2 * weight.square().sum() / len(labels)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch.enable_grad():
        optimizer.step(objective)  # type: ignore[no-untyped-call]
    return LinearClassifier(mean, scale, weight.detach(), bias.detach())


def _scores(
    read: Callable[[Batch], list[Tensor]],
    classifiers: Sequence[LinearClassifier],
    evaluator: Evaluator,
    split: Split,
) -> list[dict[str, float]]:
    """The task's scores of each depth; the classifier's answers take the place of a network's logits."""
    task, windows = evaluator.task, split.encoded.features
    reduced: list[list[Any]] = [[None] * len(windows) for _ in classifiers]
    for indices in evaluation_batches(token_counts(windows), evaluator.tokens_per_batch):
        batch = evaluator.collator([windows[i] for i in indices])
        for classifier, vectors, kept in zip(classifiers, read(batch), reduced, strict=True):
            outputs = SimpleNamespace(logits=classifier(vectors))
            for i, window in zip(indices, task.reduce(outputs, batch), strict=True):
                kept[i] = window
    decoded = [task.decode(windows, kept, evaluator.labels, split.examples) for kept in reduced]
    return [task.score(split.examples, predictions) for predictions in decoded]


def _chosen(windows: Sequence[Features], limit: int, seed: int) -> list[Features]:
    """Whole windows with at most `limit` labels between them, at least one window, in the order of the split."""
    order = list(range(len(windows)))
    Random(stable_seed("probe", seed)).shuffle(order)
    chosen: list[int] = []
    positions = 0
    for i in order:
        labelled = _labelled(windows[i])
        if chosen and positions + labelled > limit:
            break
        if labelled:
            chosen.append(i)
            positions += labelled
    return [windows[i] for i in sorted(chosen)]


def _labelled(window: Features) -> int:
    return sum(label != IGNORE for label in window.labels)


def _in_words(anatomy: Anatomy, examples: int, available: int, positions: int, seed: int, weighted: bool) -> str:
    read = "the mean over the tokens of a text" if anatomy.reads_one_vector else "each labelled word piece"
    part = f", drawn with seed {seed} from {available:,}" if examples < available else ""
    weights = ", label weights as in training" if weighted else ""
    return (
        f"A multinomial logistic regression on standardised features (L2 {L2:g}{weights}, at most {MAX_ITERATIONS} "
        f"iterations of L-BFGS) was fitted at each depth of the pretrained encoder, nothing of which was trained, to "
        f"{read}: {positions:,} vectors of {examples:,} training examples{part}."
    )
