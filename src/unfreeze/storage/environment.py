"""What a run ran on: versions and machine, for the record."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("unfreeze", "torch", "transformers", "peft", "tokenizers", "accelerate", "numpy", "datasets")


def describe_environment() -> dict[str, Any]:
    """Versions of what decides results, the machine, and the command; that is None in a notebook or shell of Python."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "gpus": _gpus(),
        "packages": {name: _version(name) for name in PACKAGES},
        "command": _command(sys.argv),
    }


def _command(words: Sequence[str]) -> list[str] | None:
    """
    >>> _command(["/x/bin/unfreeze", "compare"]), _command(["/x/unfreeze/__main__.py", "plan"])
    (['unfreeze', 'compare'], ['unfreeze', 'plan'])
    >>> _command(["my/script.py", "1"]), _command([""]), _command(["/x/ipykernel_launcher.py", "-f", "kernel.json"])
    (['python', 'my/script.py', '1'], None, None)
    """
    path = Path(words[0] if words else "")
    if path.name == "unfreeze" or (path.name, path.parent.name) == ("__main__.py", "unfreeze"):
        return ["unfreeze", *words[1:]]
    if path.suffix != ".py" or path.name.startswith("ipykernel"):
        return None
    return ["python", *words]


def _gpus() -> list[str] | None:
    """The devices of a process that computes on them, and their CUDA; a process that does not is not made to."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    count = torch.cuda.device_count()
    version = f", CUDA {torch.version.cuda}" if torch.version.cuda else ""
    return [torch.cuda.get_device_name(i) + version for i in range(count)]


def arithmetic() -> dict[str, Any]:
    """What the last digits of a training depend on, beside the data and the settings."""
    import torch

    return {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "processor": _processor(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), None)
