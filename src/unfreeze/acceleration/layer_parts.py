"""The parts of an encoder layer whose norms come after the sums, whatever the family calls them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import nn

from unfreeze.acceleration.fused_layer import LayerPlan, Norm
from unfreeze.acceleration.fused_linear import Adapter, Linear

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Names:
    """Query, key, value, after attention, its norm, the two of the feed-forward part, their norm; and the rates of
    dropout before the two sums, as the configuration calls them (None: there is none)."""

    parts: tuple[str, ...]
    mixed_dropout: str | None
    narrowed_dropout: str


KNOWN = (
    Names(  # BERT, RoBERTa, XLM-RoBERTa, CamemBERT, ELECTRA
        (
            *("attention.self.query", "attention.self.key", "attention.self.value"),
            *("attention.output.dense", "attention.output.LayerNorm", "intermediate.dense", "output.dense"),
            "output.LayerNorm",
        ),
        "hidden_dropout_prob",
        "hidden_dropout_prob",
    ),
    Names(  # DistilBERT
        (
            *("attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm"),
            *("ffn.lin1", "ffn.lin2", "output_layer_norm"),
        ),
        None,
        "dropout",
    ),
    Names(  # ALBERT
        (
            *("attention.query", "attention.key", "attention.value", "attention.dense", "attention.LayerNorm"),
            *("ffn", "ffn_output", "full_layer_layer_norm"),
        ),
        "hidden_dropout_prob",
        "hidden_dropout_prob",
    ),
)
ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout")
ACTIVATIONS = {"gelu": "none", "gelu_new": "tanh", "gelu_pytorch_tanh": "tanh"}


class Unsupported(ValueError):
    """This layer is computed in the plain way; the message says why."""


@dataclass
class Places:
    """The parameters of a node in their order."""

    parameters: list[Tensor] = field(default_factory=list)

    def add(self, parameter: Tensor) -> int:
        self.parameters.append(parameter)
        return len(self.parameters) - 1


def layer_plan(layer: nn.Module, config: Any) -> tuple[LayerPlan, tuple[Tensor, ...]]:
    """How to compute a layer as one node, and the parameters of that.

    Raises:
        Unsupported: its parts are others, or something was put into them that the node does not know.
    """
    known = next((known for known in KNOWN if all(_has(layer, name) for name in known.parts)), None)
    if known is None:
        raise Unsupported("its layers are built in another way")
    names = known.parts
    for name, module in layer.named_modules():
        if module._forward_hooks or module._forward_pre_hooks:
            raise Unsupported("something hooks into its layers")
        if isinstance(module, nn.Linear | nn.LayerNorm) and not any(f"{name}.".startswith(f"{n}.") for n in names):
            raise Unsupported(f"there is {name} in its layers")
    activation = ACTIVATIONS.get(str(getattr(config, "hidden_act", getattr(config, "activation", None))))
    if activation is None:
        raise Unsupported("its activation is not GELU")
    places = Places()
    linears = [_linear(layer.get_submodule(name), places) for name in (*names[:4], *names[5:7])]
    norms = [_norm(layer.get_submodule(name), places) for name in (names[4], names[7])]
    query, key, value, mixed, widened, narrowed = linears
    plan = LayerPlan(
        query, key, value, mixed, norms[0], widened, narrowed, norms[1],
        heads=int(config.num_attention_heads),
        activation=activation,
        attention_dropout=_rate(config, ATTENTION_DROPOUT),
        mixed_dropout=0.0 if known.mixed_dropout is None else float(getattr(config, known.mixed_dropout)),
        narrowed_dropout=float(getattr(config, known.narrowed_dropout)),
    )  # fmt: skip
    return plan, tuple(places.parameters)


def _has(layer: nn.Module, name: str) -> bool:
    try:
        layer.get_submodule(name)
    except AttributeError:
        return False
    return True


def _rate(config: Any, names: tuple[str, ...]) -> float:
    return float(next(getattr(config, name) for name in names if hasattr(config, name)))


def _norm(module: nn.Module, places: Places) -> Norm:
    if type(module) is not nn.LayerNorm or module.bias is None:
        raise Unsupported("its norms are others")
    return Norm(places.add(module.weight), places.add(module.bias), module.eps)


def _linear(module: nn.Module, places: Places) -> Linear:
    plain, adapter = module, None
    if type(module) is not nn.Linear:
        plain, adapter = _adapted(module, places)
    if type(plain) is not nn.Linear or plain.bias is None:
        raise Unsupported(f"there is a {type(plain).__name__} in its layers")
    return Linear(places.add(plain.weight), places.add(plain.bias), plain.out_features, adapter)


def _adapted(module: Any, places: Places) -> tuple[nn.Module, Adapter]:
    from peft.tuners.lora import Linear as LoraLinear

    if type(module) is not LoraLinear or module.active_adapters != ["default"] or module.merged:
        raise Unsupported(f"there is a {type(module).__name__} in its layers")
    if any(module.use_dora.values()) or module.lora_bias.get("default"):
        raise Unsupported("its LoRA is one with more than two matrices")
    dropout = module.lora_dropout["default"]
    rate = dropout.p if isinstance(dropout, nn.Dropout) else 0.0
    down, up = places.add(module.lora_A["default"].weight), places.add(module.lora_B["default"].weight)
    return module.base_layer, Adapter(down, up, float(module.scaling["default"]), rate)
