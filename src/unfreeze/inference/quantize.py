"""Weights of matrix products in 8 bits, and what they are multiplied with rounded to 8 bits when they run."""

from __future__ import annotations

import logging
from pathlib import Path

from unfreeze.storage import disk


def quantize(file: Path) -> None:
    """Replace an ONNX file by its quantised form.

    Each output of a product has a scale of its own. The weights use 7 of the 8 bits: without VNNI instructions sums of
    two products of 8 bits each overflow, and the file must answer alike on every machine. Embeddings, norms, softmax,
    attention scores and the head stay in fp32.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = file.with_name(f"fp32-{file.name}")
    disk.rename(file, whole)
    logging.getLogger().addFilter(_no_advice)
    try:
        quantize_dynamic(
            whole,
            file,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
    finally:
        logging.getLogger().removeFilter(_no_advice)
        disk.remove(whole)


def _no_advice(record: logging.LogRecord) -> bool:
    """It advises to rearrange the graph first, which this one needs not."""
    return "pre-processing" not in record.getMessage()
