"""The processes that train one network together (`torchrun`, `accelerate launch`): what they share and agree on.

Every process holds the whole network and computes the gradients of its share of each batch; summed over all of them and
divided by the units of the whole batch they are those of one process. Nothing wraps the network: what has a gradient is
exchanged, whatever trains in this epoch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import torch
    from torch import nn

T = TypeVar("T")

PATIENCE = timedelta(days=7)  # the others wait while the first reads data, plans and writes reports
AT_ONCE = 2**25  # bytes of gradients that are sent together


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; `ALONE` is a process by itself, and exchanges nothing."""

    rank: int = 0
    world: int = 1
    device: str = "cpu"
    control: Any = None  # the group that agrees, on the CPU; gradients travel by the default one

    @property
    def leads(self) -> bool:
        """Is this the process that writes?"""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        return self.world == 1

    def share(self, items: Sequence[T]) -> list[T]:
        """What this process computes of a batch: every `world`-th, so that long and short ones are spread evenly."""
        return list(items[self.rank :: self.world])

    def largest(self, number: float) -> float:
        """The largest of all processes."""
        if self.alone:
            return number
        from torch import distributed

        return self._reduced((number,), distributed.ReduceOp.MAX)[0]

    def sums(self, *numbers: float) -> tuple[float, ...]:
        """Each number summed over all processes."""
        if self.alone:
            return numbers
        from torch import distributed

        return self._reduced(numbers, distributed.ReduceOp.SUM)

    def _reduced(self, numbers: Sequence[float], how: Any) -> tuple[float, ...]:
        import torch
        from torch import distributed

        both = torch.tensor(numbers, dtype=torch.float64)
        distributed.all_reduce(both, how, group=self.control)
        return tuple(both.tolist())

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Put the sums over all processes in place of each gradient.

        A parameter that has a gradient in some process gets one in all; one that has none anywhere stays without, so
        that weight decay does not touch it.
        """
        if self.alone:
            return
        import torch
        from torch import distributed

        has = torch.tensor([parameter.grad is not None for parameter in parameters], dtype=torch.uint8)
        distributed.all_reduce(has, distributed.ReduceOp.MAX, group=self.control)
        gradients = []
        for parameter, one in zip(parameters, has.tolist(), strict=True):
            if one:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                gradients.append(parameter.grad)
        for some in _portions(gradients):
            flat = torch.cat([gradient.reshape(-1) for gradient in some])
            distributed.all_reduce(flat)
            for gradient, part in zip(some, torch.split(flat, [one.numel() for one in some]), strict=True):
                gradient.copy_(part.view_as(gradient))

    def gathered(self, mine: Sequence[T]) -> list[T]:
        """What all processes have, those of the first ones first."""
        if self.alone:
            return list(mine)
        from torch import distributed

        parts: list[Any] = [None] * self.world
        distributed.all_gather_object(parts, list(mine), group=self.control)
        return [item for part in parts for item in part]

    def from_leader(self, thing: T | None) -> T:
        """What the first process has."""
        from torch import distributed

        sent = [thing]
        if not self.alone:
            distributed.broadcast_object_list(sent, src=0, group=self.control)
        return sent[0]  # type: ignore[return-value]  # the first process gave one

    def take_over(self, tensors: Sequence[torch.Tensor]) -> None:
        """Put the values of the first process into these tensors."""
        if self.alone:
            return
        from torch import distributed

        for tensor in tensors:
            distributed.broadcast(tensor.data, src=0)

    def meet(self, seconds: float) -> None:
        """Wait until all are here.

        Raises:
            RuntimeError: somebody did not come in time.
        """
        if not self.alone:
            from torch import distributed

            distributed.monitored_barrier(self.control, timedelta(seconds=seconds))


ALONE = Ranks()


def started_together() -> int:
    """How many processes `torchrun` or `accelerate launch` started; 1 for a program started by itself."""
    return int(os.environ.get("WORLD_SIZE") or 1) if "RANK" in os.environ and "MASTER_ADDR" in os.environ else 1


def follows() -> bool:
    """Is this one of several processes, and not the first, which reads, decides, writes and speaks?"""
    return started_together() > 1 and os.environ["RANK"] != "0"


def join() -> Ranks:
    """Find the others that were started together with this process, if any."""
    world = started_together()
    if world == 1:
        return ALONE
    import torch
    from torch import distributed

    on_gpu = torch.cuda.is_available()
    device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if on_gpu else "cpu"
    if on_gpu:
        torch.cuda.set_device(device)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if on_gpu else "gloo", timeout=PATIENCE)
    control = distributed.new_group(backend="gloo", timeout=PATIENCE)
    return Ranks(distributed.get_rank(), world, device, control)


def _portions(gradients: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Neighbours of one type, so many that they are worth sending and small enough to be copied."""
    some: list[torch.Tensor] = []
    size = 0
    for gradient in gradients:
        if some and (gradient.dtype != some[0].dtype or size + gradient.nbytes > AT_ONCE):
            yield some
            some, size = [], 0
        some.append(gradient)
        size += gradient.nbytes
    if some:
        yield some
