"""The README of an exported model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.storage.foreign_text import code_span, markdown_text, visible

if TYPE_CHECKING:
    from unfreeze.inference.predictor import Predictor

HOW_TO_RUN = """\
```python
import onnxruntime
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(folder)
session = onnxruntime.InferenceSession(f"{folder}/model.onnx")
taken = {one.name for one in session.get_inputs()}
inputs = tokenizer(texts, padding=True, return_tensors="np")
outputs = session.run(None, {name: value for name, value in inputs.items() if name in taken})
```

`config.json` names the labels. `unfreeze predict` and `unfreeze.load` read the folder too.
"""


def export_card(written: Mapping[str, Any], original: Predictor, name: str) -> str:
    """Markdown with the front matter that the hub reads; nothing in names becomes markup.

    Args:
        written: as in `export.json`.
        name: of the original.
    """
    short = visible(Path(name).name or name)
    is_merged = written["format"] == "merged"
    front = {
        "library_name": "transformers" if is_merged else "onnx",
        "pipeline_tag": original.task.pipeline,
        "tags": ["unfreeze", visible(str(written["format"]))],
    }
    lines = ["---", *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()), "---", ""]
    lines += [f"# {markdown_text(short)} as {code_span(str(written['format']))}", "", _said(written), ""]
    if original.labels.names:
        lines += [f"Labels: {', '.join(map(markdown_text, original.labels.names))}", ""]
    if not is_merged:
        lines += [f"ONNX operators of version {written['opset']}; texts of any number and length:", "", HOW_TO_RUN]
    return "\n".join(lines)


def _said(written: Mapping[str, Any]) -> str:
    """How it compares with the original."""
    checked = written["checked"]
    if checked is None:
        return "It was not compared with the original."
    return (
        f"On {checked['examples']:,} examples {markdown_text(checked['metric'])} is {checked['exported']:.4f}, "
        f"that of the original {checked['original']:.4f}; outputs differ by at most "
        f"{checked['largest_output_difference']:.2g}."
    )
