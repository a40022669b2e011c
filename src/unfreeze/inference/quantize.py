"""Weights of matrix products in 8 bits, and what they are multiplied with rounded to 8 bits when they run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unfreeze.storage import disk

BLOCK = 32  # weights, and numbers they are multiplied with, that share a scale
IN_EIGHT_BITS = 4  # onnxruntime's number for products of whole numbers; 0 would round the weights alone


def quantize(file: Path) -> None:
    """Replace an ONNX file by its quantised form.

    Each 32 numbers have a scale of their own. With one for a whole column of weights, and one for all that it is
    multiplied with, the large numbers that an encoder has in few places cost all others their digits: seven times as
    many answers change (docs/inference.md). Embeddings, norms, softmax, attention scores and the head stay in fp32.
    """
    import onnx

    with _quiet():
        from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

        work = MatMulNBitsQuantizer(
            onnx.load(file), bits=8, block_size=BLOCK, is_symmetric=True, accuracy_level=IN_EIGHT_BITS
        )
        work.process()
    whole = file.with_name(f"int8-{file.name}")
    disk.produce(whole, lambda path: onnx.save_model(work.model.model, path))
    disk.rename(whole, file)


@contextmanager
def _quiet() -> Iterator[None]:
    """The package tells what it does with each product, and when imported sets up logging for the whole program."""
    root = logging.getLogger()
    handlers, level, disabled = [*root.handlers], root.level, root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(disabled)
        root.handlers[:] = handlers
        root.setLevel(level)
