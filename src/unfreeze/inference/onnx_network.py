"""An ONNX file that answers like the network it was exported from: called with the same inputs, it gives outputs of the
same names, so that tasks, scores and answers work on top of it without knowing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from unfreeze.inference.onnx_graph import refuse_foreign_tensors
from unfreeze.models.explained import ModelError
from unfreeze.models.load import safe_folder
from unfreeze.models.safe_files import ONNX_WEIGHTS

[ONNX_FILE] = ONNX_WEIGHTS
TOKENS = ("input_ids", "attention_mask")
SEGMENTS = "token_type_ids"
EIGHT_BITS = "onnx-int8"
OUTPUTS = (("logits",), ("start_logits", "end_logits"))

Numbers = npt.NDArray[Any]


class OnnxNetwork(nn.Module):
    """A session of onnxruntime on the CPU. It has no parameters that torch knows.

    In 8 bits texts run one by one: in another batch sums have another order, and a number on the edge between two
    roundings may fall to the other side, so that an answer would depend on what else is asked.
    """

    device = torch.device("cpu")

    def __init__(self, session: Any, config: Any) -> None:
        super().__init__()
        self.session = session
        self.config = config  # of the network it was exported from
        self.inputs = tuple(one.name for one in session.get_inputs())
        self.outputs = tuple(one.name for one in session.get_outputs())
        self.alone = (getattr(config, "unfreeze", None) or {}).get("format") == EIGHT_BITS

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None) -> Any:
        """(batch, tokens) whole numbers to what the stock network of this task returns."""
        from transformers.modeling_outputs import QuestionAnsweringModelOutput, SequenceClassifierOutput

        segments = torch.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        every = {"input_ids": input_ids, "attention_mask": attention_mask, SEGMENTS: segments}
        given = {name: every[name].numpy() for name in self.inputs}
        found = self._one_by_one(given) if self.alone else self.session.run(self.outputs, given)
        kind = SequenceClassifierOutput if "logits" in self.outputs else QuestionAnsweringModelOutput
        return kind(**{name: torch.from_numpy(one) for name, one in zip(self.outputs, found, strict=True)})

    def _one_by_one(self, given: dict[str, Numbers]) -> list[Numbers]:
        """The outputs of each text without its padding, with zeros in its place."""
        tokens = given["attention_mask"].shape[1]
        rows = []
        for i, length in enumerate(given["attention_mask"].sum(1)):
            alone = {name: values[i : i + 1, :length] for name, values in given.items()}
            rows.append([one[0] for one in self.session.run(self.outputs, alone)])
        return [np.stack([self._padded(one, tokens) for one in output]) for output in zip(*rows, strict=True)]

    def _padded(self, output: Numbers, tokens: int) -> Numbers:
        for_each_token = output.ndim == 2 or "logits" not in self.outputs
        if not for_each_token:
            return output
        return np.pad(output, [(0, tokens - len(output)), *[(0, 0)] * (output.ndim - 1)])


def load_onnx(folder: Path, config: Any) -> OnnxNetwork:
    """The network of an exported folder, with as many threads as torch has.

    Args:
        config: that of the folder.

    Raises:
        ModelError: onnxruntime is not installed, or the file may not be read or is none that `unfreeze export` writes.
    """
    runtime = onnxruntime(f"{folder} holds an ONNX model")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors alone, which are raised as well
    options.add_session_config_entry("session.load_model_format", "ONNX")  # not another that is not looked at
    with safe_folder(folder, ONNX_WEIGHTS) as view:
        content = (view / ONNX_FILE).read_bytes()  # once: what is run is what was looked at
        refuse_foreign_tensors(content, str(folder / ONNX_FILE))
        network = OnnxNetwork(runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"]), config)
    given = {*network.inputs}
    if network.outputs not in OUTPUTS or not {*TOKENS} <= given <= {*TOKENS, SEGMENTS}:
        raise ModelError(
            f"{folder / ONNX_FILE}: takes {', '.join(network.inputs)} and gives {', '.join(network.outputs)}; expected "
            "tokens in and logits out, as `unfreeze export` writes it. Export the model again."
        )
    return network.eval()


def onnxruntime(what_for: str) -> Any:
    """The package.

    Raises:
        ModelError: it is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise ModelError(
            f"{what_for}: needs onnxruntime. In the clone of unfreeze run `pip install -e '.[onnx]'`."
        ) from None
    return onnxruntime
