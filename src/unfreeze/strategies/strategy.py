"""What every strategy answers, and how strategies add up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_type_hints

from unfreeze.strategies.teaching import Teaching

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from unfreeze.models.anatomy import Anatomy, Place

Kind = Literal["opener", "closer", "rates"]


class StrategyError(ValueError):
    """A strategy that cannot be read, or that this network cannot follow; the message says the way out."""


class Strategy:
    """How the weights change: what is added to the network, what trains when, and how fast.

    A strategy of your own is a frozen dataclass that derives from this class; its fields are its settings.
    `kind` says how it composes with `+`: an *opener* makes something train, a *closer* keeps something from training,
    and *rates* only scale learning rates.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind] = "opener"
    epochs: ClassVar[int] = 3  # default number of epochs where the user sets none
    learning_rate: float = 2e-4

    @property
    def teaching(self) -> Teaching | None:
        """The teacher that a run begins with layers of, and whose answers it learns beside the labels; None: there is
        no teacher."""
        return None

    def refuse(self, anatomy: Anatomy) -> None:
        """Raise StrategyError if this network cannot follow the strategy. By default: it can."""

    def adapt(self, network: PreTrainedModel, anatomy: Anatomy) -> None:
        """Change the network in place before training. By default: leave it alone."""

    def trains(self, place: Place, epoch: int) -> bool:
        """Does this parameter train in this epoch (counted from 0)? By default: yes."""
        return True

    def lr_scale(self, place: Place, epoch: int) -> float:
        """Multiplier on the learning rate. By default: one."""
        return 1.0

    def must_train(self, place: Place) -> bool:
        """Would this parameter be worthless if it never trained (it starts at random)? By default: no."""
        return False

    @classmethod
    def setting_types(cls, typed: Sequence[str]) -> dict[str, Any]:
        """The type of each setting that can be typed after the name. By default: the fields.

        `typed` are the settings as typed, for a strategy whose settings depend on them.
        """
        hints = get_type_hints(cls)
        return {field.name: hints[field.name] for field in fields(cls)}  # type: ignore[arg-type]  # a dataclass

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The strategy with these settings, of the types that `setting_types` names."""
        return cls(**settings)

    def __add__(self, other: Strategy) -> Strategy:
        return Combined((*parts(self), *parts(other)))

    def __str__(self) -> str:
        """As typed after `--strategy`: only the settings that differ from the defaults."""
        changed = [
            as_typed(field.name, getattr(self, field.name))
            for field in fields(self)  # type: ignore[arg-type]  # strategies are dataclasses
            if getattr(self, field.name) != field.default
        ]
        return self.name + (":" + ",".join(changed) if changed else "")


def as_typed(key: str, value: object) -> str:
    """One setting as typed: `key=value`, a switch alone, several values joined with `+`."""
    if value is True:
        return key
    if isinstance(value, tuple):
        return f"{key}={'+'.join(str(item) for item in value)}"
    return f"{key}={str(value).lower() if isinstance(value, bool) else value}"


@dataclass(frozen=True)
class Combined(Strategy):
    """Several strategies at once, written `a+b`.

    What trains is the union of what the openers train (everything if none is named) minus what the closers freeze;
    rate multipliers multiply; learning rate and epochs are the first opener's.
    """

    members: tuple[Strategy, ...]
    name: ClassVar[str] = "combined"

    def __post_init__(self) -> None:
        openers = [member.name for member in self.members if member.kind == "opener"]
        repeated = sorted({name for name in openers if openers.count(name) > 1})
        if repeated:
            raise StrategyError(f"{self}: {', '.join(repeated)} is named more than once; name it once.")

    def first_opener(self) -> Strategy:
        """The member whose learning rate and epochs count; the first one if nothing opens."""
        return next((member for member in self.members if member.kind == "opener"), self.members[0])

    @property
    def learning_rate(self) -> float:  # type: ignore[override]
        return self.first_opener().learning_rate

    @property
    def epochs(self) -> int:  # type: ignore[override]
        return self.first_opener().epochs

    @property
    def teaching(self) -> Teaching | None:
        return next((one.teaching for one in self.members if one.teaching is not None), None)

    def refuse(self, anatomy: Anatomy) -> None:
        for member in self.members:
            member.refuse(anatomy)
        check_what_must_train(self, anatomy, EPOCHS_AHEAD)

    def adapt(self, network: PreTrainedModel, anatomy: Anatomy) -> None:
        for member in self.members:
            member.adapt(network, anatomy)

    def trains(self, place: Place, epoch: int) -> bool:
        openers = [member for member in self.members if member.kind == "opener"]
        opened = any(member.trains(place, epoch) for member in openers) if openers else True
        closers = [member for member in self.members if member.kind == "closer"]
        return opened and all(member.trains(place, epoch) for member in closers)

    def must_train(self, place: Place) -> bool:
        return any(member.must_train(place) for member in self.members)

    def lr_scale(self, place: Place, epoch: int) -> float:
        scale = 1.0
        for member in self.members:
            scale *= member.lr_scale(place, epoch)
        return scale

    def __str__(self) -> str:
        return "+".join(str(member) for member in self.members)


def parts(strategy: Strategy) -> tuple[Strategy, ...]:
    """The strategies that a composition is made of; one for a plain strategy."""
    return strategy.members if isinstance(strategy, Combined) else (strategy,)


# Epochs looked at before the number is known: more than a schedule needs that thaws layer by layer.
EPOCHS_AHEAD = 100


def check_what_must_train(strategy: Strategy, anatomy: Anatomy, epochs: int) -> None:
    """Raise StrategyError if something that starts at random trains in none of these epochs."""
    stuck = [
        place.name
        for place in anatomy.places.values()
        if strategy.must_train(place) and not any(strategy.trains(place, epoch) for epoch in range(epochs))
    ]
    if stuck:
        members = [str(member) for member in parts(strategy) if any(map(member.must_train, anatomy.places.values()))]
        when = "" if epochs == EPOCHS_AHEAD else f" in {epochs} epochs"
        raise StrategyError(
            f"{strategy}: {', '.join(members)} starts {len(stuck)} parameters anew ({stuck[0]} first) that the rest "
            f"never trains{when}, so they would stay random. Freeze less, start less anew, or train for more epochs."
        )
