"""What every strategy answers, and how strategies add up."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar, Literal

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
    learning_rate: float = 1e-4

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

    def __add__(self, other: Strategy) -> Strategy:
        return Combined((*parts(self), *parts(other)))

    def __str__(self) -> str:
        """As typed after `--strategy`: only the settings that differ from the defaults."""
        changed = [
            _as_typed(field.name, getattr(self, field.name))
            for field in fields(self)  # type: ignore[arg-type]  # strategies are dataclasses
            if getattr(self, field.name) != field.default
        ]
        return self.name + (":" + ",".join(changed) if changed else "")


def _as_typed(key: str, value: object) -> str:
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

    def refuse(self, anatomy: Anatomy) -> None:
        for member in self.members:
            member.refuse(anatomy)

    def adapt(self, network: PreTrainedModel, anatomy: Anatomy) -> None:
        for member in self.members:
            member.adapt(network, anatomy)

    def trains(self, place: Place, epoch: int) -> bool:
        openers = [member for member in self.members if member.kind == "opener"]
        opened = any(member.trains(place, epoch) for member in openers) if openers else True
        closers = [member for member in self.members if member.kind == "closer"]
        return opened and all(member.trains(place, epoch) for member in closers)

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
