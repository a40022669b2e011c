"""Objects on their way through the pipe between two of our own processes. Nothing of this is ever written to a file."""

from __future__ import annotations

import copyreg
import io
from multiprocessing.reduction import ForkingPickler
from typing import Any

from unfreeze.batching.window_file import WindowFile
from unfreeze.experiments.launchers.launcher import LauncherError

# Within a machine windows are shared by the place of their file.
_WHOLE: dict[type, Any] = {WindowFile: lambda windows: (WindowFile.of_content, (windows.content(),))}

WAY_OUT = (
    "What is defined in a notebook, at the prompt or inside a function exists only there: "
    "put it in a module, or give jobs=None to run in this process."
)


def pack(thing: Any, *, far: bool = False) -> bytes:
    """The object as bytes: all of it, so that they stay valid when the sender has ended.

    Args:
        far: perhaps to another machine, where files of this one cannot be read.

    torch teaches `multiprocessing` to send a tensor as a handle of shared memory, which is lost when its owner ends
    first and which would share what the parent still changes; with the plain table a tensor's values are sent.
    """
    buffer = io.BytesIO()
    pickler = ForkingPickler(buffer)
    pickler.dispatch_table = {**copyreg.dispatch_table, **(_WHOLE if far else {})}
    pickler.dump(thing)
    return buffer.getvalue()


def unpack(packed: bytes) -> Any:
    """The object that `pack` was given."""
    return ForkingPickler.loads(packed)


def check_sendable(what: str, thing: Any) -> None:
    """Find out before anything runs.

    Raises:
        LauncherError: the object cannot be packed; names it.
    """
    try:
        pack(thing)
    except Exception as error:  # PicklingError, AttributeError, TypeError, or whatever a user's __reduce__ raises
        name = getattr(thing, "__qualname__", type(thing).__qualname__)
        raise LauncherError(f"{what} {name} cannot be sent to another process: {error}. {WAY_OUT}") from error
