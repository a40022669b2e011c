"""The generators that a step draws from."""

from __future__ import annotations


def seed_generators(seed: int, device: str) -> None:
    """Seed those of the CPU and of the device in use.

    `torch.manual_seed` would also move the generators of devices not in use, and note a stack trace for each kind that
    was not started: half a millisecond.
    """
    import torch

    torch.default_generator.manual_seed(seed)
    if torch.device(device).type == "cuda":
        torch.cuda.manual_seed_all(seed)
    elif torch.device(device).type != "cpu":
        torch.manual_seed(seed)
