"""Training on the rows of the word embeddings that the data uses: gradients, moments and steps of the others are zero.

What the optimizer does to the others all the same, weight decay, is done to them at the end, step by step in the same
arithmetic, so that every row is what it would have been (docs/decisions/0014-speed-levers.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from transformers import PreTrainedModel

WORTH_IT = 0.7  # a table of which more than this share is used stays as it is
BLOCK = 2**18  # numbers that fit into the cache while all steps are made on them


class CompactVocabulary:
    """The word embeddings of one network, cut down while it trains."""

    def __init__(self, module: nn.Embedding, used: Tensor) -> None:
        """`used`: the ids that occur, sorted."""
        import torch

        self.module, self.used, self.whole = module, used, module.weight
        self.decays: list[float] = []  # learning rate times weight decay of each step
        self.kept = 0  # how many of these the weights have seen that the training ends with
        places = torch.full((module.num_embeddings,), -1, dtype=torch.long, device=used.device)
        places[used] = torch.arange(len(used), device=used.device)
        self.places = places
        self.padding = module.padding_idx
        rows = torch.nn.Parameter(self.whole.detach().index_select(0, used).clone())
        rows.requires_grad_(self.whole.requires_grad)
        module.weight, module.num_embeddings = rows, len(used)
        if self.padding is not None:
            module.padding_idx = int(places[self.padding])
        self.handle = module.register_forward_pre_hook(self._renumbered)

    def _renumbered(self, module: nn.Embedding, args: tuple[Any, ...]) -> tuple[Any, ...]:
        ids = self.places[args[0]]
        return (ids, *args[1:])

    def stepped(self, optimizer: torch.optim.Optimizer) -> None:
        """A step was made; it is remembered what it would have done to the other rows."""
        if self.module.weight.grad is None:
            return
        for group in optimizer.param_groups:
            if any(one is self.module.weight for one in group["params"]):
                self.decays.append(group["lr"] * group["weight_decay"])

    def keep(self) -> None:
        """The weights as they are now are the ones to end with."""
        self.kept = len(self.decays)

    def expand(self) -> None:
        """The whole table again, as if all of it had trained."""
        import torch

        self.handle.remove()
        rows, module = self.module.weight, self.module
        with torch.no_grad():
            decays = [one for one in self.decays[: self.kept] if one]
            if decays:
                unused = torch.ones(len(self.whole), dtype=torch.bool, device=self.whole.device)
                unused[self.used] = False
                others = self.whole[unused]
                for block in torch.split(others.view(-1), BLOCK):
                    for decay in decays:
                        block.mul_(1 - decay)
                self.whole[unused] = others
            self.whole[self.used] = rows
        self.whole.requires_grad_(rows.requires_grad)
        module.weight, module.num_embeddings, module.padding_idx = self.whole, len(self.whole), self.padding


def worth_it(network: PreTrainedModel, ids: Iterable[int]) -> bool:
    """Can the table be cut down to these rows, and is that less than most of it?"""
    from torch import nn

    module = network.get_input_embeddings()
    output = network.get_output_embeddings()
    if type(module) is not nn.Embedding or (output is not None and output.weight is module.weight):
        return False
    return len(_with_padding(module, ids)) <= WORTH_IT * module.num_embeddings


def _with_padding(module: nn.Embedding, ids: Iterable[int]) -> set[int]:
    return set(ids) | ({module.padding_idx} if module.padding_idx is not None else set())


@contextmanager
def compact_vocabulary(network: PreTrainedModel, ids: Iterable[int]) -> Iterator[CompactVocabulary | None]:
    """Inside, the word embeddings are those of `ids`, and of what frames a text; None: that is not worth it."""
    import torch

    if not worth_it(network, ids):
        yield None
        return
    module = network.get_input_embeddings()
    known = _with_padding(module, ids)
    compact = CompactVocabulary(module, torch.tensor(sorted(known), device=module.weight.device))
    try:
        yield compact
    finally:
        compact.expand()
