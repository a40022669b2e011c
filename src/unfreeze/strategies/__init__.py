"""How the weights change: one frozen dataclass a strategy. To add one, write its file and its line here."""

from unfreeze.strategies.adapter import Adapter
from unfreeze.strategies.freeze import Freeze
from unfreeze.strategies.full import Full
from unfreeze.strategies.head import Head
from unfreeze.strategies.lora import LoRA
from unfreeze.strategies.peft import PeftMethod
from unfreeze.strategies.reinit import Reinit
from unfreeze.strategies.strategy import Combined, Strategy, StrategyError

STRATEGIES: dict[str, type[Strategy]] = {
    "full": Full,
    "head": Head,
    "freeze": Freeze,
    "lora": LoRA,
    "peft": PeftMethod,
    "adapter": Adapter,
    "reinit": Reinit,
}

__all__ = [
    "STRATEGIES",
    "Adapter",
    "Combined",
    "Freeze",
    "Full",
    "Head",
    "LoRA",
    "PeftMethod",
    "Reinit",
    "Strategy",
    "StrategyError",
]
