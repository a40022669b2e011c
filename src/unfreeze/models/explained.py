"""What libraries raise for the files of a model, in one line for the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unfreeze.models.quiet import quiet_loading
from unfreeze.models.safe_files import UnsafeFilesError


class ModelError(ValueError):
    """The model cannot be loaded or used; the message names it and the next step."""


@contextmanager
def explained(model: str | Path, part: str = "") -> Iterator[None]:
    """Turn what libraries raise for the files of a model, for a `part` of it, into one line for the user.

    Raises:
        ModelError: instead of it; errors of our own pass.
    """
    try:
        with quiet_loading():
            yield
    except UnsafeFilesError as error:
        raise ModelError(f"--model {model}: cannot be loaded: {error}") from error
    except OSError as error:
        raise ModelError(
            f"--model {model}: cannot be loaded ({_first_line(error)}). Without a network, download the model "
            "elsewhere (config.json, model.safetensors, tokenizer.json) and pass its folder, or use `--model minilm`."
        ) from error
    except Exception as error:  # whatever the libraries raise for files that are not what they expect
        if type(error).__module__.startswith("unfreeze."):
            raise
        said = _first_line(error)
        if part and not any(name in said for name in part.split(" and ")):  # a library seldom says what it read
            said = f"{part}: {said}"
        raise ModelError(f"--model {model}: cannot be loaded: {said}") from error


def _first_line(error: Exception) -> str:
    """What the error says, in one line; of a missing key also that it is one."""
    lines = [line.strip() for line in str(error).strip().splitlines()]
    said = " ".join(lines[: 2 if lines[0].endswith(":") else 1]) if lines else ""
    return f"{type(error).__name__} {said}".strip() if not said or isinstance(error, KeyError) else said
