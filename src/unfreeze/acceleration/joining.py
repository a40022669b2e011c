"""How the processes that `torchrun` or `accelerate launch` started find each other."""

from __future__ import annotations

import os
from datetime import timedelta

from unfreeze.acceleration.devices import default_device
from unfreeze.acceleration.ranks import ALONE, Ranks

PATIENCE = timedelta(days=7)  # the others wait while the first reads data, plans and writes reports


class RanksError(RuntimeError):
    """The processes cannot train together here; the text says what to do instead."""


def started_together() -> int:
    """How many processes `torchrun` or `accelerate launch` started; 1 for a program started by itself."""
    return int(os.environ.get("WORLD_SIZE") or 1) if "RANK" in os.environ and "MASTER_ADDR" in os.environ else 1


def follows() -> bool:
    """Is this one of several processes, and not the first, which reads, decides, writes and speaks?"""
    return started_together() > 1 and os.environ["RANK"] != "0"


def local_rank() -> int:
    """The number of this process on its machine."""
    return int(os.environ.get("LOCAL_RANK") or 0)


def launching_note() -> str | None:
    """What somebody should know who started one process and may have wanted more."""
    one = os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true" and "MASTER_ADDR" in os.environ
    if not one or "RANK" in os.environ:
        return None
    return (
        "`accelerate launch --cpu` starts one process without MPI, whatever --num_processes says: it trains alone. "
        "`torchrun --nproc-per-node 2 -m unfreeze ...` starts two"
    )


def join(device: str | None = None) -> Ranks:
    """Find the others that were started together with this process, if any.

    Args:
        device: "cpu", "cuda" or None: the GPU of this process's number, where there are any.

    Raises:
        RanksError: not every process can have a GPU of its own.
    """
    world = started_together()
    if world == 1:
        return ALONE
    import torch
    from torch import distributed

    device = device or default_device()
    if device != "cpu":
        device = _own_gpu(device)
        torch.cuda.set_device(device)
    if not distributed.is_initialized():
        distributed.init_process_group("gloo", timeout=PATIENCE)
    control = distributed.new_group(backend="gloo", timeout=PATIENCE)
    tensors = control if device == "cpu" else distributed.new_group(backend="nccl", timeout=PATIENCE)
    return Ranks(distributed.get_rank(), world, device, control, tensors)


def _own_gpu(device: str) -> str:
    import torch

    if device != "cuda":
        raise RanksError(f"device {device}: of several processes each takes the GPU of its number. Leave it out.")
    here, gpus = int(os.environ.get("LOCAL_WORLD_SIZE") or local_rank() + 1), torch.cuda.device_count()
    if here > gpus:
        raise RanksError(
            f"{here} processes were started here, and there {'is 1 GPU' if gpus == 1 else f'are {gpus} GPUs'}: each "
            f"needs one of its own. Start {gpus} (--nproc-per-node), or set ACCELERATE_USE_CPU=true for the CPU."
        )
    return f"cuda:{local_rank()}"
