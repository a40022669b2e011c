"""What a graph names is looked at before a runtime sees it: it must hold all its numbers itself."""

from __future__ import annotations

from typing import Any

from unfreeze.models.explained import ModelError


def refuse_foreign_tensors(content: bytes, name: str) -> None:
    """A graph may keep a tensor in another file, wherever that lies: no such graph is run.

    Args:
        content: of the ONNX file.
        name: of that file, for the message.

    Raises:
        ModelError: a tensor lies elsewhere, in the graph, in one within it, or in a function of it; or `onnx` is not
            installed.
        Exception: of the parser, where this is no ONNX.
    """
    try:
        import onnx
    except ImportError:
        raise ModelError(
            f"{name}: needs onnx to be looked at. In the clone of unfreeze run `pip install -e '.[onnx]'`."
        ) from None
    if foreign := _foreign_tensor(onnx.load_model_from_string(content), onnx.TensorProto):
        raise ModelError(
            f"{name}: the numbers of {foreign[:80]!r} lie in another file, and none but this one is read. Export the "
            "model again: `unfreeze export` writes one file."
        )


def _foreign_tensor(message: Any, tensor_type: Any) -> str | None:
    """The name of the first tensor that lies elsewhere, wherever in the message it is named."""
    if isinstance(message, tensor_type):
        is_foreign = message.data_location == tensor_type.EXTERNAL or len(message.external_data) > 0
        return (message.name or "a constant") if is_foreign else None
    # Every field, not those that hold tensors today: what the format will add is looked through as well.
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if hasattr(value, "__len__") else [value]:
                if found := _foreign_tensor(inner, tensor_type):
                    return found
    return None
