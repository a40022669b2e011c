"""The processes that train one network together (`torchrun`, `accelerate launch`): what they share and agree on.

Every process holds the whole network and computes the gradients of its share of each batch; summed over all of them and
divided by the units of the whole batch they are those of one process. Nothing wraps the network: what has a gradient is
exchanged, whatever trains in this epoch.

Every exchange begins with a meeting at which each says whether it is still at work. One that fails goes to a meeting
too, and says so: the others hear it wherever they are, and leave as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

from unfreeze.acceleration.out_of_memory import is_out_of_memory

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

AT_ONCE = 2**25  # bytes of gradients that are sent together
NUMBERS = 3  # that can be said at a meeting, at most


class OtherFailed(Exception):
    """Another process has left the work that all do together; the text says which one and why."""


class Apart(BaseException):
    """The processes do not find each other any more: nothing can be exchanged. Not an error of the work itself: nothing
    that handles errors may take it for one."""


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; `ALONE` is a process by itself, and exchanges nothing.

    Whatever exchanges something raises `OtherFailed` where another process has failed, and `Apart` where one is gone.
    """

    rank: int = 0
    world: int = 1
    device: str = "cpu"
    control: Any = None  # the group that agrees, on the CPU
    tensors: Any = None  # the group that weights and gradients travel by

    @property
    def leads(self) -> bool:
        """Is this the process that writes?"""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        return self.world == 1

    @contextmanager
    def one_fate(self) -> Iterator[None]:
        """Inside is work that all do together: if one leaves it by an error, all do; none goes on before all are
        through."""
        if self.alone:
            yield
            return
        try:
            yield
            self._meet("through")
        except (OtherFailed, Apart):
            raise
        except BaseException as error:
            self._meet("left", left=f"{type(error).__name__}: {error}")
            raise

    @contextmanager
    def all_or_none(self) -> Iterator[None]:
        """Inside memory may run out in one process: then it has run out in all.

        Raises:
            MemoryError: in some process.
        """
        reason = ""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if self.alone or not is_out_of_memory(error):
                raise
            reason = str(error) or type(error).__name__
        [failures] = self.sums(bool(reason))
        if failures:
            raise MemoryError(reason or "out of memory in another process")

    def share(self, items: Sequence[T]) -> list[T]:
        """What this process computes of a batch: every `world`-th, so that long and short ones are spread evenly."""
        return list(items[self.rank :: self.world])

    def largest(self, number: float) -> float:
        """The largest of all processes."""
        return number if self.alone else max(said[0] for said in self._meet("largest", number))

    def sums(self, *numbers: float) -> tuple[float, ...]:
        """Each number summed over all processes; three at most."""
        if self.alone:
            return numbers
        rows = self._meet("sums", *numbers)
        return tuple(sum(row[i] for row in rows) for i in range(len(numbers)))

    def in_some(self, flags: Sequence[bool]) -> list[bool]:
        """Which of the flags are true in some process."""
        if self.alone:
            return list(flags)
        import torch
        from torch import distributed

        both = torch.tensor(flags, dtype=torch.uint8)
        self._meet("flags")
        with _reaching_all():
            distributed.all_reduce(both, distributed.ReduceOp.MAX, group=self.control)
        return [bool(one) for one in both.tolist()]

    def room_for(self, gradients: Sequence[torch.Tensor]) -> torch.Tensor | None:
        """The memory that `sum_gradients` needs, which may run out here and not there."""
        import torch

        sizes = [sum(one.nbytes for one in some) for some in _portions(gradients) if not _in_place(some)]
        if self.alone or not sizes:
            return None
        whole = -(-max(sizes) // 8) * 8  # a view as numbers of any type
        return torch.empty(whole, dtype=torch.uint8, device=gradients[0].device)

    def sum_gradients(self, gradients: Sequence[torch.Tensor], room: torch.Tensor | None) -> None:
        """Put the sums over all processes in place of each gradient, of which all have the same."""
        if self.alone:
            return
        import torch
        from torch import distributed

        self._meet("gradients")
        for some in _portions(gradients):
            if _in_place(some):
                with _reaching_all():
                    distributed.all_reduce(some[0], group=self.tensors)
                continue
            assert room is not None
            sizes = [one.numel() for one in some]
            flat = room.view(some[0].dtype)[: sum(sizes)]
            parts = torch.split(flat, sizes)
            for gradient, part in zip(some, parts, strict=True):
                part.view_as(gradient).copy_(gradient)
            with _reaching_all():
                distributed.all_reduce(flat, group=self.tensors)
            for gradient, part in zip(some, parts, strict=True):
                gradient.copy_(part.view_as(gradient))

    def gathered(self, mine: Sequence[T]) -> list[T]:
        """What all processes have, those of the first ones first."""
        if self.alone:
            return list(mine)
        from torch import distributed

        parts: list[Any] = [None] * self.world
        self._meet("gathered")
        with _reaching_all():
            distributed.all_gather_object(parts, list(mine), group=self.control)
        return [item for part in parts for item in part]

    def from_leader(self, thing: T | None) -> T:
        """What the first process has."""
        if self.alone:
            return thing  # type: ignore[return-value]  # the first process gave one
        from torch import distributed

        sent = [thing]
        self._meet("from the first")
        with _reaching_all():
            distributed.broadcast_object_list(sent, src=0, group=self.control)
        return sent[0]  # type: ignore[return-value]

    def take_over(self, tensors: Sequence[torch.Tensor]) -> None:
        """Put the values of the first process into these tensors."""
        if self.alone:
            return
        import torch
        from torch import distributed

        self._meet("take over")
        for tensor in tensors:
            with _reaching_all():
                distributed.broadcast(tensor.data, src=0, group=self.tensors)
            torch.autograd.graph.increment_version(tensor)  # copies of weights must see it

    def _meet(self, place: str, *numbers: float, left: str = "") -> list[list[float]]:
        """Wait for all others; the numbers that each process says.

        Args:
            place: where this process is in its work; all must be at the same.
            left: why this process has left the work.
        """
        import torch
        from torch import distributed

        row = [bool(left), crc32(place.encode()), *numbers, *[0] * (NUMBERS - len(numbers))]
        mine = torch.tensor(row, dtype=torch.float64)
        rows = [torch.empty_like(mine) for _ in range(self.world)]
        with _reaching_all():
            distributed.all_gather(rows, mine, group=self.control)
        said = [row.tolist() for row in rows]
        if any(row[0] for row in said):
            reasons: list[Any] = [None] * self.world
            with _reaching_all():
                distributed.all_gather_object(reasons, left, group=self.control)
            if not left:
                raise OtherFailed("; ".join(f"in process {i}: {one}" for i, one in enumerate(reasons) if one))
        elif len({row[1] for row in said}) > 1:
            raise Apart(f"the processes are at different places; {self.rank} is at '{place}'")
        return [row[2:] for row in said]


ALONE = Ranks()


@contextmanager
def _reaching_all() -> Iterator[None]:
    """What torch raises inside means that a process is gone."""
    try:
        yield
    except RuntimeError as error:
        raise Apart(f"another process is gone ({str(error).strip().splitlines()[0]})") from error


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


def _in_place(some: Sequence[torch.Tensor]) -> bool:
    """Can they be exchanged without being copied?"""
    return len(some) == 1 and some[0].is_contiguous()
