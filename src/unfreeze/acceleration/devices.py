"""Where networks run, unless somebody says otherwise."""

from __future__ import annotations

import os


def default_device() -> str:
    """ "cuda" where there is a GPU, unless `accelerate launch --cpu` (ACCELERATE_USE_CPU) asked for the CPU."""
    import torch

    asked = os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true", "t", "yes", "y", "on")
    return "cuda" if torch.cuda.is_available() and not asked else "cpu"
