"""A trained model saved, and seen to give the same when it is loaded again: before that no run counts as done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.experiments.prepare import Prepared
from unfreeze.inference.predictor import load_predictor
from unfreeze.models.save import merged_folder, save_model
from unfreeze.training.loop import Trainer

if TYPE_CHECKING:
    import torch

# Outputs of a reloaded model may differ by this share of the largest one: a merged adapter rounds once more.
RELOAD_TOLERANCE = 1e-3


class ReloadError(RuntimeError):
    """A saved model does not give the outputs of the trained one."""


def save_verified(trainer: Trainer, prepared: Prepared, folder: Path, card: str) -> None:
    """Save the trained model where nothing lies yet, and see that it gives the same when reloaded.

    Raises:
        ReloadError: it does not.
    """
    network, trainables = trainer.network.cpu(), trainer.trainables
    prepared.task.detach(network)
    save_model(
        network,
        prepared.tokenizer,
        folder,
        base=prepared.path,
        auto_class=prepared.task.auto_class,
        peft_type=prepared.task.peft_type,
        trained=[name for name, _ in network.named_parameters() if trainables.ever_trains(name)],
        card=card,
        whole_encoder=prepared.task.learns_encoder,
    )
    verify_saved(network, folder, prepared)


def verify_saved(network: Any, folder: Path, prepared: Prepared) -> None:
    """Reload what was saved and compare its outputs with the trained network's on real inputs.

    Raises:
        ReloadError: an output differs by more than rounding.
    """
    import torch

    batch = replace(prepared.collator, device="cpu")(prepared.validation.encoded.features[:8])
    with torch.inference_mode():
        expected = _flat(network(**batch.inputs))
        allowed = RELOAD_TOLERANCE * max(1.0, float(expected.abs().max()))
        for saved in (folder, merged_folder(folder)):
            if saved.is_dir():
                reloaded = load_predictor(saved, task=prepared.task, device="cpu").network
                difference = float((_flat(reloaded(**batch.inputs)) - expected).abs().max())
                if not difference <= allowed:
                    raise ReloadError(f"{saved}: reloaded, its outputs differ by {difference:g}")


def _flat(outputs: Any) -> torch.Tensor:
    """All numbers that a network gives: a head may have several."""
    import torch

    return torch.cat([one.flatten() for one in outputs.values() if isinstance(one, torch.Tensor)])
