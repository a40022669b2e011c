"""Does the fast path follow the stock Trainer? Both train from the same weights on the same batches, in fp32 and
without dropout, which the two draw differently; then losses, weights and outputs are compared."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from unfreeze.acceleration.fast_layers import fast_layers
from unfreeze.acceleration.precision import PLAIN
from unfreeze.acceleration.speedups import OFF
from unfreeze.acceleration.trial_batch import kept, outputs_of
from unfreeze.batching.features import Batch
from unfreeze.experiments.ask import ask
from unfreeze.experiments.build import build_trainer
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.prepare import Prepared
from unfreeze.experiments.stock_trainer import stock_batches, stock_training
from unfreeze.settings import Settings, SettingsError
from unfreeze.storage.feature_files import FeatureFiles
from unfreeze.strategies import Strategy

if TYPE_CHECKING:
    from torch import Tensor

STEPS = 30
WINDOWS = 64  # of validation, whose outputs are compared
# Relative: of the loss, of the way that the weights went, of the largest output. Two orders of the same sums differ by
# rounding, which AdamW enlarges where a gradient is nearly zero; a mistake in the mathematics is far larger.
LOSS_TOLERANCE, WEIGHT_TOLERANCE, OUTPUT_TOLERANCE = 1e-4, 1e-2, 1e-3


# Weights without a gradient in truth: a softmax does not see what is added to all keys, or to the scores of all places.
# AdamW makes whole steps of the rounding noise that is left, and the outputs do not change with them.
WITHOUT_GRADIENT = ("key.bias", "k_lin.bias", "qa_outputs.bias")


@dataclass(frozen=True)
class Verified:
    """How far the two trainings of one strategy are apart, relative."""

    model_name: str
    strategy: str
    way: str  # how the layers ran: fused, hooked or plain; and whether frozen ones came from the cache
    steps: int
    losses: float
    weights: float
    outputs: float

    @property
    def follows(self) -> bool:
        """Is everything within the tolerances?"""
        pairs = (
            (self.losses, LOSS_TOLERANCE),
            (self.weights, WEIGHT_TOLERANCE),
            (self.outputs, OUTPUT_TOLERANCE),
        )
        return all(found <= allowed for found, allowed in pairs)


def verify(settings: Settings, listener: Listener, device: str | None = None) -> list[Verified]:
    """Train every strategy twice for some steps.

    Raises:
        SettingsError: the stock Trainer has no such training to follow.
        DataError, ModelError, StrategyError: as `compare`.
    """
    _refuse_what_stock_has_not(settings)
    steps = settings.max_steps or STEPS
    changes = {"max_steps": steps, "epochs": steps, "precision": "fp32", "class_weights": "none"}
    whole = {"early_stopping_patience": None, "eval_strategy": "epoch", "eval_steps": None, "budget": None}
    settings = settings.model_copy(update={**changes, **whole, "gradient_accumulation_steps": 1})
    _, everything, fitting = ask(settings, listener, device=device)
    name, static = everything[0].task.name, everything[0].task.static_inputs
    if not static:
        raise SettingsError([f"--task {name}: hides other tokens in every step. Choose another task."])
    found = []
    for prepared in everything:
        for strategy in fitting[prepared.model_name]:
            found.append(_verify(prepared, strategy, settings))
            listener.said(f"{prepared.model_name}, {strategy}: done")
    return found


def _refuse_what_stock_has_not(settings: Settings) -> None:
    mistakes = []
    if settings.max_steps == 1:
        mistakes.append("--max-steps 1: the first step of a schedule has a rate of 0. Give more.")
    if (settings.budget or "").startswith("seconds"):
        mistakes.append(f"--budget {settings.budget}: the stock Trainer has no such schedule. Give --max-steps.")
    if settings.long_text.startswith("window"):
        mistakes.append(f"--long-text {settings.long_text}: the stock Trainer weighs all windows alike. Leave it out.")
    taught = [one for one in settings.strategies() if one.teaching is not None]
    mistakes += [f"--strategy {one}: the stock Trainer has no teacher. Leave it out." for one in taught]
    if mistakes:
        raise SettingsError(mistakes)


def _verify(prepared: Prepared, strategy: Strategy, settings: Settings) -> Verified:
    """In two epochs at least, so that outputs of frozen layers are cached; in a folder that is gone afterwards."""
    with TemporaryDirectory(prefix="unfreeze-verify-") as folder:
        speedups = prepared.speedups.kept_in(FeatureFiles(Path(folder) / "cache"))
        return _verify_in(Path(folder), replace(prepared, speedups=speedups), strategy, settings)


def _verify_in(folder: Path, prepared: Prepared, strategy: Strategy, settings: Settings) -> Verified:
    import torch

    if prepared.task.scores_places:
        # The stock head takes padding for places where an answer may begin; one window at a time there is none.
        settings = settings.model_copy(update={"per_device_train_batch_size": 1})
    speedups = replace(prepared.speedups, precision=PLAIN)
    prepared = replace(prepared, speedups=speedups, label_weights=None)
    assert settings.max_steps is not None
    half = ceil(settings.max_steps / 2) * settings.per_device_train_batch_size  # windows of one of two epochs
    cut = replace(prepared.train.encoded, features=prepared.train.encoded.features[:half])
    prepared = replace(prepared, train=replace(prepared.train, encoded=cut))
    losses: list[float] = []
    trainer = build_trainer(
        strategy,
        settings.seed,
        prepared,
        settings,
        None,
        on_progress=lambda progress: losses.append(progress.loss) if progress.metrics is None else None,
    )
    trainables = trainer.trainables
    if len({trainables.strategy.lr_scale(place, 0) for place in trainables.anatomy.places.values()}) > 1 or any(
        trainables.trains(name, 0) != trainables.ever_trains(name) for name, _ in trainer.network.named_parameters()
    ):
        raise SettingsError([f"--strategy {strategy}: the stock Trainer has no rates or stages of its own to follow."])
    without_dropout(trainer.network)
    trainables.apply(trainer.network, 0)
    start = _weights(trainer.network)
    theirs = deepcopy(trainer.network)
    way = fast_layers(trainer.network).way if speedups.unpad else "plain"
    features = prepared.train.encoded.features
    trainer.train(features)
    their_losses = stock_training(theirs, stock_batches(trainer, features), trainer, folder / "stock")
    windows = prepared.validation.encoded.features[:WINDOWS]
    with torch.no_grad():
        batch = prepared.collator(windows)
        ours, stock = (
            _read(path.forward(network.eval(), batch), batch, prepared)
            for path, network in ((speedups, trainer.network), (OFF, theirs))
        )
    return Verified(
        prepared.model_name,
        str(strategy),
        way + (", cache" if trainer.prefix is not None else ""),
        len(losses),
        max(abs(a - b) / abs(b) for a, b in zip(losses, their_losses, strict=True)),
        _way_apart(start, _weights(trainer.network), _weights(theirs)),
        max(float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, stock, strict=True)),
    )


def without_dropout(network: Any) -> None:
    """Set every rate of dropout to zero: of modules, and where attention reads it from an attribute."""
    for module in network.modules():
        for name, value in vars(module).items():
            if isinstance(value, float) and (name == "p" or "drop" in name):
                setattr(module, name, 0.0)
    for name, value in network.config.to_dict().items():
        if isinstance(value, float) and "drop" in name:
            setattr(network.config, name, 0.0)


def _weights(network: Any) -> dict[str, Tensor]:
    learning = ((name, one) for name, one in network.named_parameters() if one.requires_grad)
    return {name: one.detach().clone() for name, one in learning if not name.endswith(WITHOUT_GRADIENT)}


def _way_apart(start: dict[str, Tensor], ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    """How far the two ends are from each other, by how far they are from the start."""
    apart = sum(float((ours[name] - theirs[name]).square().sum()) for name in start)
    moved = sum(float((theirs[name] - start[name]).square().sum()) for name in start)
    return float((apart / moved) ** 0.5) if moved else 0.0


def _read(outputs: Any, batch: Batch, prepared: Prepared) -> list[Tensor]:
    """What the network says of the tokens; of places for answers only the differences between them say something."""
    found = outputs_of(outputs)
    if prepared.task.scores_places:
        found = [one - one[:, :1] for one in found]
    return [kept(one, batch.inputs["attention_mask"]) for one in found]
