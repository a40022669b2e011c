"""The top layers start anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from unfreeze.models.redraw import redraw
from unfreeze.strategies.strategy import Kind, Strategy, StrategyError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from unfreeze.models.anatomy import Anatomy, Place


@dataclass(frozen=True)
class Reinit(Strategy):
    """The top layers lose their pretrained weights and start anew, as the family initialises them.

    It opens and freezes nothing: `reinit:top=2` alone trains everything, `reinit:top=2+llrd` with the rates of llrd.

    Use it with few examples, where full fine-tuning gives other results with every seed: the top layers are the most
    specialised in the pretraining task, and can be a bad start for another one.
    Not with much data, or for most of the layers: what they learnt in pretraining is gone. Start with top=1 or 2.
    Cost: that of the strategies it is composed with.
    Source: Zhang et al. 2021, Revisiting Few-sample BERT Fine-tuning, section 5.
    """

    name: ClassVar[str] = "reinit"
    kind: ClassVar[Kind] = "rates"  # neither opener nor closer
    learning_rate: Annotated[float, "peak learning rate"] = 2e-4
    top: Annotated[int, "the top k layers start anew"] = 0
    pooler: Annotated[bool, "and the pooler under the head (BERT, ALBERT)"] = False

    def __post_init__(self) -> None:
        if self.top < 0:
            raise StrategyError(f"reinit:top={self.top}: expected 0 or more layers.")
        if not self.top and not self.pooler:
            raise StrategyError("reinit: nothing to start anew. Give top=k, pooler, or both.")

    def refuse(self, anatomy: Anatomy) -> None:
        if self.top and anatomy.shared:
            raise StrategyError(
                f"{self}: the {anatomy.layers_applied} layers of {anatomy.model_type} share one set of weights, so all "
                "of them would start anew. Use reinit:pooler, or another strategy."
            )
        if self.top > anatomy.num_layers:
            raise StrategyError(
                f"reinit:top={self.top}: this encoder has {anatomy.num_layers} layers. Use top=1 to "
                f"top={anatomy.num_layers}."
            )
        if self.pooler and anatomy.pooler is None:
            raise StrategyError(f"{self}: this network of {anatomy.model_type} has no pooler. Leave pooler out.")

    def adapt(self, network: PreTrainedModel, anatomy: Anatomy) -> None:
        names = list(anatomy.layer_prefixes[len(anatomy.layer_prefixes) - self.top :])
        if self.pooler and anatomy.pooler is not None:
            names.append(anatomy.pooler)
        for name in names:
            try:
                module = network.get_submodule(name)
            except AttributeError:
                raise StrategyError(f"{self}: mean pooling reads no pooler. Leave reinit's pooler out.") from None
            redraw(network, module)

    def must_train(self, place: Place) -> bool:
        return 1 <= place.from_top <= self.top or (place.part == "top" and self.pooler)
