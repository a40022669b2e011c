"""`unfreeze serve`: trained models over HTTP, and a page to try them by hand."""

from __future__ import annotations

import argparse
import os
from dataclasses import fields
from importlib.util import find_spec
from typing import Any

from unfreeze.cli.terminal import say
from unfreeze.serving.options import ServingOptions
from unfreeze.settings import SettingsError, flag

NEEDED = ("fastapi", "uvicorn")

EXAMPLES = (
    "unfreeze serve unfreeze-sample-emotion",
    "unfreeze serve emotion=unfreeze-sample-emotion ner=unfreeze-sample-ner --port 8080",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "models",
        metavar="[NAME=]MODEL",
        nargs="+",
        help="a comparison (its best run), a run, a model folder, or a hub id; NAME is what requests call it",
    )
    for one in fields(ServingOptions):
        default: Any = one.default
        options: dict[str, Any]
        if default == ():
            options = {"action": "append", "default": [], "metavar": "NAME"}
            told = f"{ServingOptions.help_of(one.name)}; may be repeated"
        else:
            options = {
                "type": type(default),
                "default": default,
                "metavar": one.name.upper() if isinstance(default, str) else "N",
            }
            told = f"{ServingOptions.help_of(one.name)} (default: {default})"
        parser.add_argument(flag(one.name), help=told, **options)
    parser.add_argument("--device", metavar="DEVICE", help="such as cpu or cuda:1 (default: the GPU, if there is one)")


def call(options: argparse.Namespace) -> int:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise SettingsError(
            [f"serve needs {' and '.join(missing)}: pip install -e '.[serve]' in the clone of unfreeze."]
        )
    from unfreeze.serving.served_model import named_models
    from unfreeze.serving.server import serve

    chosen = {one.name: getattr(options, one.name) for one in fields(ServingOptions)}
    serving = ServingOptions(**chosen | {"allowed_host": tuple(options.allowed_host)})
    mistakes = [f"{flag(name)} {getattr(serving, name)}: {expected}." for name, expected in serving.mistakes()]
    if mistakes:
        raise SettingsError(mistakes)
    models = named_models(options.models)
    _refuse_device(options.device)
    _leave_a_core()
    serve(models, serving, options.device, say)
    return 0


def _leave_a_core() -> None:
    """Requests are read while models compute. Where every core computes, a product waits for the thread that was pushed
    aside; OMP_NUM_THREADS says otherwise."""
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() - 1))


def _refuse_device(device: str | None) -> None:
    import torch

    try:
        torch.empty(0, device=device or "cpu")
    except (RuntimeError, AssertionError):  # an unknown name, or a device that is not there
        raise SettingsError([f"--device {device}: is not there. Use cpu, or cuda where there is a GPU."]) from None
