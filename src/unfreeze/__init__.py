"""unfreeze: find out how much of a pretrained encoder you need to fine-tune."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unfreeze import strategies, tasks
    from unfreeze.api import compare, load, predict, train
    from unfreeze.data.examples import TaggedExample, TextExample
    from unfreeze.data.findings import DataError
    from unfreeze.experiments.conclude import Comparison
    from unfreeze.experiments.listener import Listener
    from unfreeze.inference.predictor import Predictor
    from unfreeze.models.explained import ModelError
    from unfreeze.settings import Settings, SettingsError
    from unfreeze.storage.records import RunRecord
    from unfreeze.strategies import Strategy, StrategyError
    from unfreeze.tasks import Task

__version__ = "0.1.0"

# Name to module. Loaded on first use, so that `import unfreeze` costs neither torch nor transformers.
_HOMES = {
    "Comparison": "unfreeze.experiments.conclude",
    "DataError": "unfreeze.data.findings",
    "Listener": "unfreeze.experiments.listener",
    "ModelError": "unfreeze.models.explained",
    "Predictor": "unfreeze.inference.predictor",
    "RunRecord": "unfreeze.storage.records",
    "Settings": "unfreeze.settings",
    "SettingsError": "unfreeze.settings",
    "Strategy": "unfreeze.strategies",
    "StrategyError": "unfreeze.strategies",
    "TaggedExample": "unfreeze.data.examples",
    "Task": "unfreeze.tasks",
    "TextExample": "unfreeze.data.examples",
    "compare": "unfreeze.api",
    "load": "unfreeze.api",
    "predict": "unfreeze.api",
    "train": "unfreeze.api",
}
_PACKAGES = ("strategies", "tasks")

__all__ = [
    "Comparison",
    "DataError",
    "Listener",
    "ModelError",
    "Predictor",
    "RunRecord",
    "Settings",
    "SettingsError",
    "Strategy",
    "StrategyError",
    "TaggedExample",
    "Task",
    "TextExample",
    "__version__",
    "compare",
    "load",
    "predict",
    "strategies",
    "tasks",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"unfreeze.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'unfreeze' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
