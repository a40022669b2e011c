"""The generator of replaced-token detection, hung on the network that it trains against."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unfreeze.batching.order import stable_seed
from unfreeze.tasks.task import TaskError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

GENERATOR = "generator"
# Clark et al. 2020 (section 3.2) found generators of a quarter to half of the discriminator to work best.
LAYERS_SHARE = 3


@dataclass
class Outputs:
    """What the network says of the corrupted text, and what the generator did to it."""

    logits: Tensor  # (batch, tokens, 2)
    generator_logits: Tensor  # (filled tokens, vocabulary)
    filled: Tensor  # (batch, tokens) where the generator wrote
    corrupted_ids: Tensor  # (batch, tokens)

    def __iter__(self) -> Iterator[Tensor]:
        """What losses are computed from."""
        return iter((self.logits, self.generator_logits))


def attach_generator(network: PreTrainedModel, mask_token_id: int, seed: int) -> None:
    """Give a network with a head for each token a generator, run before it in every forward pass.

    The generator is a masked language model of the same family with a third of the layers, as wide as the network, so
    that it can share its embeddings. It begins with copies of the lowest layers.

    Raises:
        TaskError: the family has no masked language model.
    """
    import torch
    import transformers

    config = deepcopy(network.config)
    config.num_hidden_layers = max(1, int(config.num_hidden_layers) // LAYERS_SHARE)
    torch.manual_seed(seed)
    try:
        model = transformers.AutoModelForMaskedLM.from_config(config, dtype=torch.float32)
    except ValueError as error:
        raise TaskError(
            f"{config.model_type}: has no masked language model to replace tokens with ({error})."
        ) from None
    encoder, own = getattr(network, network.base_model_prefix), getattr(model, model.base_model_prefix)
    known = own.state_dict()
    lowest = {name: value for name, value in encoder.state_dict().items() if name in known}
    fitting = {name: value for name, value in lowest.items() if value.shape == known[name].shape}
    own.load_state_dict(fitting, strict=False)
    model.set_input_embeddings(network.get_input_embeddings())
    model.tie_weights()
    network.add_module(GENERATOR, _make(model, network, mask_token_id))


def _make(model: Any, network: PreTrainedModel, mask_token_id: int) -> Any:
    import torch

    class Generator(torch.nn.Module):
        """Fills what is hidden. The network sees what it wrote; both losses are read from its output."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.logits: Tensor | None = None
            self.filled: Tensor | None = None
            self.corrupted: Tensor | None = None
            self.handles = [
                network.register_forward_pre_hook(self.before, with_kwargs=True),
                network.register_forward_hook(self.after, with_kwargs=True),
            ]

        def before(self, _: Any, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            ids = kwargs["input_ids"]
            hidden = ids == mask_token_id
            outputs = self.model(**kwargs).logits[:, : ids.shape[1]]
            self.filled, self.logits = hidden, outputs[hidden]
            drawn = draw(self.logits, ids, hidden, fresh=network.training)
            self.corrupted = ids.masked_scatter(hidden, drawn)
            return args, {**kwargs, "input_ids": self.corrupted}

        def after(self, _: Any, args: Any, kwargs: dict[str, Any], outputs: Any) -> Outputs:
            assert self.logits is not None and self.filled is not None and self.corrupted is not None
            return Outputs(outputs.logits, self.logits, self.filled, self.corrupted)

        def remove(self, network: Any) -> None:
            """Leave the network as it was before."""
            for handle in self.handles:
                handle.remove()
            delattr(network, GENERATOR)

    return Generator()


def draw(logits: Tensor, ids: Tensor, hidden: Tensor, *, fresh: bool) -> Tensor:
    """One token for each hidden place by its probability, shape (hidden tokens,).

    Drawn with torch's numbers, or always the same ones for a text, however it is batched.
    """
    import torch

    if not len(logits):
        return ids[hidden]
    probabilities = logits.detach().float().softmax(-1)
    if fresh:
        return torch.multinomial(probabilities, 1).squeeze(1)
    numbers = []
    for row, places in zip(ids.tolist(), hidden.tolist(), strict=True):
        last = max((i for i, place in enumerate(places) if place), default=-1)
        if last >= 0:
            # Up to the last hidden token, so that padding behind the text does not matter.
            generator = torch.Generator().manual_seed(stable_seed("draw", tuple(row[: last + 1])))
            numbers.append(torch.rand(sum(places), generator=generator))
    uniform = torch.cat(numbers) if numbers else torch.empty(0)
    cumulative = probabilities.cumsum(-1)
    uniform = uniform.to(cumulative.device).unsqueeze(1) * cumulative[:, -1:]
    return torch.searchsorted(cumulative, uniform).squeeze(1).clamp(max=logits.shape[1] - 1)
