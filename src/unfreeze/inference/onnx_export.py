"""A network as an ONNX file: any number of texts of any length, outputs by name, labels in the configuration."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from unfreeze.inference.onnx_network import ONNX_FILE, OUTPUTS, SEGMENTS, TOKENS
from unfreeze.models.explained import ModelError
from unfreeze.models.safe_files import ONNX_LIMIT

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

OPSET = 18  # the oldest that torch writes: runtimes from 2023 on know it
TRACED = (3, 7)  # texts and tokens of the made-up batch; neither 1, which would be taken for a constant
NEEDED = ("onnx", "onnxscript", "onnxruntime")


class _ByPosition(nn.Module):
    """The network as the exporter calls it: inputs in their order, outputs as a tuple."""

    def __init__(self, network: PreTrainedModel, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.network = network
        self.names = inputs
        self.outputs = outputs

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        said = self.network(**dict(zip(self.names, values, strict=True)))
        return tuple(said[name] for name in self.outputs)


def write_onnx(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path, *, int8: bool) -> int:
    """Write `model.onnx` into a folder that is being filled; returns the version of the operators.

    Args:
        int8: with the weights of matrix products in 8 bits.

    Raises:
        ModelError: a package is missing, or this network cannot be written as ONNX.
    """
    refuse_without_packages()
    size = sum(one.numel() * one.element_size() for one in network.parameters())
    if size >= ONNX_LIMIT:
        raise ModelError(f"{size / 1e9:.1f} GB of weights: one ONNX file holds at most {ONNX_LIMIT / 1e9:.1f} GB.")
    inputs = _inputs(network, tokenizer)
    with torch.no_grad():
        said = network.eval()(**inputs)
    outputs = next(names for names in OUTPUTS if names[0] in said)
    _export(_ByPosition(network, tuple(inputs), outputs), inputs, outputs, folder / ONNX_FILE)
    if int8:
        from unfreeze.inference.quantize import quantize

        quantize(folder / ONNX_FILE)
    return OPSET


def refuse_without_packages() -> None:
    """ModelError where what an export needs is not installed."""
    from importlib.util import find_spec

    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ModelError(
            f"--format onnx: needs {', '.join(missing)}. In the clone of unfreeze run `pip install -e '.[onnx]'`."
        )


def _inputs(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, Tensor]:
    """What the tokenizer gives and the network reads, for a made-up batch; one of its texts is padded."""
    texts, tokens = TRACED
    ids = torch.arange(texts * tokens).view(texts, tokens) % len(tokenizer)
    mask = torch.ones_like(ids)
    mask[-1, tokens // 2 :] = 0
    inputs = dict(zip(TOKENS, (ids, mask), strict=True))
    if SEGMENTS in tokenizer.model_input_names and SEGMENTS in signature(network.forward).parameters:
        inputs[SEGMENTS] = torch.zeros_like(ids)
    return {name: values.to(network.device) for name, values in inputs.items()}


def _export(network: _ByPosition, inputs: dict[str, Tensor], outputs: tuple[str, ...], file: Path) -> None:
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    try:
        with _quiet():
            torch.onnx.export(
                network,
                tuple(inputs.values()),
                file,
                input_names=list(inputs),
                output_names=list(outputs),
                opset_version=OPSET,
                dynamo=True,
                dynamic_shapes=(tuple(free for _ in inputs),),
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # whatever the exporter raises for a network that it cannot follow
        family = network.network.config.model_type
        raise ModelError(
            f"{family}: torch {torch.__version__} cannot write this network as ONNX ({type(error).__name__}: "
            f"{_first_line(error)}). --format merged writes it for transformers."
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else "no message"


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter speaks of packages that it misses and of its own deprecations; what matters it raises."""
    logger: Any = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
