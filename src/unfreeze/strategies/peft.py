"""All other methods of peft that put layers into the network: IA3, LoHa, LoKr, OFT, BOFT, VeRA, HRA, FourierFT ..."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import reduce
from operator import or_
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, Union, get_args, get_origin, get_type_hints

from unfreeze.models.peft_layers import feed_forward_projections, inject, modules_named, target_names
from unfreeze.strategies.strategy import Strategy, StrategyError, as_typed

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from unfreeze.models.anatomy import Anatomy, Place

# Methods of peft that put layers into a network and yet have no place here.
NOT_OFFERED = {
    "ADALORA": "moves ranks between layers after each step, which the loop does not do",
    "ADAMSS": "chooses its subspaces anew while training, which the loop does not do",
    "LILY": "cannot be merged, and every run leaves a merged model",
    "LN_TUNING": "trains the norms themselves, which needs no adapter: use layernorm",
    "LORA": "has a strategy of its own: use lora",
    "POLY": "mixes the skills of several tasks; a run has one",
    "SHADOW": "runs a second network beside the first",
    "TRAINABLE_TOKENS": "trains the embeddings of single tokens and no layers",
    "XLORA": "mixes adapters that were trained before",
}
# Settings that describe the file, the loading or other weights than the adapter's; these are ours to set.
MANAGED = {
    *("task_type", "peft_type", "auto_mapping", "peft_version", "base_model_name_or_path", "revision"),
    *("inference_mode", "modules_to_save", "exclude_modules", "layers_pattern", "bias", "fan_in_fan_out"),
    *("progressbar",),
}


@dataclass(frozen=True)
class PeftMethod(Strategy):
    """Layers of another method of peft train, and the head: `peft:IA3`, `peft:LOHA,r=4`, `peft:OFT,oft_block_size=32`.

    The name comes first, in any case; keys are the fields of peft's configuration of that method. target_modules and
    feedforward_modules are names joined with +, by default the attention projections (IA3: keys, values and the input
    of the second feed-forward matrix); layers_to_transform counts layers from 0, as in peft.

    Use it to try a method against lora on the same data; IA3 and VeRA leave the smallest files.
    Not prompt, prefix or p-tuning: they need peft's wrapper around the network, which here stays the stock class.
    Cost: that of lora, with more work in each step for some (BOFT, OFT) and fewer weights to keep.
    Source: Liu et al. 2022, section 3.3, for IA3; the documentation of peft names the source of every method.
    """

    name: ClassVar[str] = "peft"
    epochs: ClassVar[int] = 5
    method: Annotated[str, "peft's name of the method, typed first and alone"]
    settings: Annotated[tuple[tuple[str, Any], ...], "peft's settings of the method"] = ()
    learning_rate: Annotated[float, "peak learning rate"] = 1e-2

    def __post_init__(self) -> None:
        object.__setattr__(self, "method", self.method.upper())
        pairs = self.settings.items() if isinstance(self.settings, Mapping) else self.settings
        plain = tuple((key, tuple(value) if isinstance(value, list) else value) for key, value in pairs)
        object.__setattr__(self, "settings", plain)
        known = _types_of(_config_class(self.method))
        unknown = [key for key, _ in plain if key not in known]
        if unknown:
            raise StrategyError(f"peft:{self.method}: no setting {', '.join(unknown)}. Known: {', '.join(known)}.")

    @classmethod
    def setting_types(cls, typed: Sequence[str]) -> dict[str, Any]:
        method, equals, _ = typed[0].partition("=")
        if not method or equals:
            raise StrategyError(f"name the method first, as in peft:IA3. Known: {', '.join(offered_methods())}.")
        types = _types_of(_config_class(method))
        # The name of the method is typed like a switch.
        return {method: bool, "learning_rate": float} | types

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        (method, _), *others = settings.items()
        values = {key: value for key, value in others if key != "learning_rate"}
        rate = {"learning_rate": settings["learning_rate"]} if "learning_rate" in settings else {}
        return cls(method, tuple(values.items()), **rate)

    def refuse(self, anatomy: Anatomy) -> None:
        self._modules(anatomy)

    def adapt(self, network: PreTrainedModel, anatomy: Anatomy) -> None:
        config_class = _config_class(self.method)
        names = {field.name for field in fields(config_class)}
        targets, feed_forward = self._modules(anatomy)
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in self.settings}
        # Whole names of modules, so that a namesake in the pooler or head is left alone. The layers are chosen by them.
        values |= {"target_modules": targets, "layers_to_transform": None, "progressbar": False}
        values["feedforward_modules"] = feed_forward
        try:
            with warnings.catch_warnings():
                # peft warns where it changes a setting that does not fit; here nothing is changed in silence.
                warnings.simplefilter("error", UserWarning)
                # BOFT does without, and says that it sets the factor even where it is 1 already.
                warnings.filterwarnings("ignore", message="Failed to load the CUDA extension")
                if dict(self.settings).get("boft_n_butterfly_factor", 1) == 1:
                    warnings.filterwarnings("ignore", message="Setting boft_n_butterfly_factor to 1")
                config = config_class(**{key: value for key, value in values.items() if key in names})
                inject(network, config)
        except (ValueError, TypeError, NotImplementedError, ImportError, RuntimeError, UserWarning) as error:
            raise StrategyError(f"{self}: {error}") from error
        # peft shortens a long list to common endings, which IA3 does not find again when loading.
        config.target_modules = set(targets)

    def trains(self, place: Place, epoch: int) -> bool:
        return place.part in ("adapter", "head")

    def __str__(self) -> str:
        typed = [as_typed(key, value) for key, value in self.settings]
        if self.learning_rate != type(self).learning_rate:
            typed.append(as_typed("learning_rate", self.learning_rate))
        return ",".join([f"{self.name}:{self.method}", *typed])

    def _modules(self, anatomy: Anatomy) -> tuple[list[str], list[str]]:
        """Whole names of the modules that get an adapter, and of those among them that IA3 rescales at the input."""
        settings = dict(self.settings)
        try:
            layers = _layers(settings.get("layers_to_transform"), anatomy)
            wanted = target_names(anatomy, settings.get("target_modules"))
            inner = settings.get("feedforward_modules")
            if self.method != "IA3":
                return modules_named(wanted, anatomy, layers), []
            if "target_modules" not in settings and len(wanted) > 1:
                wanted = wanted[1:]  # keys and values; not the queries
            targets = modules_named(wanted, anatomy, layers)
            if inner is not None:
                feed_forward = modules_named(target_names(anatomy, inner), anatomy, layers)
            else:
                feed_forward = feed_forward_projections(anatomy, layers)
        except ValueError as error:
            raise StrategyError(f"{self}: {error}") from None
        if "target_modules" not in settings:
            targets += [name for name in feed_forward if name not in targets]
        return targets, [name for name in feed_forward if name in targets]


def _layers(wanted: Any, anatomy: Anatomy) -> list[int]:
    """The layers that get adapters, counted from 0."""
    if wanted is None:
        return list(range(anatomy.num_layers))
    chosen = [wanted] if isinstance(wanted, int) else list(wanted)
    if anatomy.shared:
        raise ValueError(f"layers_to_transform: the layers of {anatomy.model_type} share one set of weights")
    if any(layer not in range(anatomy.num_layers) for layer in chosen):
        raise ValueError(f"layers_to_transform: this encoder has the layers 0 to {anatomy.num_layers - 1}")
    return chosen


def offered_methods() -> list[str]:
    """The methods that can be named: those whose layers go into a network."""
    from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING
    from peft.tuners.tuners_utils import BaseTuner

    return sorted(
        method.value
        for method, tuner in PEFT_TYPE_TO_TUNER_MAPPING.items()
        if isinstance(tuner, type) and issubclass(tuner, BaseTuner) and method.value not in NOT_OFFERED
    )


def _config_class(method: str) -> Any:
    """peft's configuration of a method.

    Raises:
        StrategyError: there is no such method, or it cannot be offered here.
    """
    from peft import PeftType
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    name, offered = method.upper(), offered_methods()
    if name in offered:
        return PEFT_TYPE_TO_CONFIG_MAPPING[PeftType(name)]
    if name in NOT_OFFERED:
        raise StrategyError(f"peft:{method}: it {NOT_OFFERED[name]}.")
    if name in PeftType.__members__:
        raise StrategyError(
            f"peft:{method}: it needs peft's wrapper around the network (learnt inputs beside the text), and the "
            f"network here stays the stock class. Known: {', '.join(offered)}."
        )
    near = difflib.get_close_matches(name, offered, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise StrategyError(f"peft:{method}: peft has no such method.{hint} Known: {', '.join(offered)}.")


def _types_of(config_class: Any) -> dict[str, Any]:
    """The settings of a method that can be typed, with their types; lists are tuples here."""
    hints = get_type_hints(config_class)
    types = {
        field.name: _typed(hints[field.name])
        for field in fields(config_class)
        if field.init and field.name not in MANAGED
    }
    return {name: hint for name, hint in types.items() if hint is not None}


def _typed(hint: Any) -> Any:
    """What of a type can be typed: numbers, words, switches and lists of them; None if nothing."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    lists = [tuple[get_args(option)[0], ...] for option in options if get_origin(option) is list]  # type: ignore[misc]
    if lists:
        item = get_args(lists[0])[0]
        return lists[0] if item in (int, float, str) else None
    kept = [option for option in options if option in (bool, int, float, str) or get_origin(option) is Literal]
    return reduce(or_, kept) if kept else None
