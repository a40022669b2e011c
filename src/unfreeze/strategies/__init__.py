"""How the weights change: one frozen dataclass a strategy. To add one, write its file and its line here."""

from unfreeze.strategies.adapter import Adapter
from unfreeze.strategies.bitfit import BitFit
from unfreeze.strategies.discriminative import Discriminative
from unfreeze.strategies.distill import Distill
from unfreeze.strategies.freeze import Freeze
from unfreeze.strategies.full import Full
from unfreeze.strategies.gradual import Gradual
from unfreeze.strategies.head import Head
from unfreeze.strategies.layernorm import NormTuning
from unfreeze.strategies.llrd import LLRD
from unfreeze.strategies.lora import LoRA
from unfreeze.strategies.peft import PeftMethod
from unfreeze.strategies.reinit import Reinit
from unfreeze.strategies.strategy import Combined, Strategy, StrategyError
from unfreeze.strategies.two_stage import TwoStage

STRATEGIES: dict[str, type[Strategy]] = {
    "full": Full,
    "head": Head,
    "freeze": Freeze,
    "gradual": Gradual,
    "two_stage": TwoStage,
    "llrd": LLRD,
    "discriminative": Discriminative,
    "reinit": Reinit,
    "bitfit": BitFit,
    "layernorm": NormTuning,
    "lora": LoRA,
    "adapter": Adapter,
    "peft": PeftMethod,
    "distill": Distill,
}

__all__ = [
    "LLRD",
    "STRATEGIES",
    "Adapter",
    "BitFit",
    "Combined",
    "Discriminative",
    "Distill",
    "Freeze",
    "Full",
    "Gradual",
    "Head",
    "LoRA",
    "NormTuning",
    "PeftMethod",
    "Reinit",
    "Strategy",
    "StrategyError",
    "TwoStage",
]
