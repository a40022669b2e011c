"""Objects on their way through the pipe between two of our own processes. Nothing of this is ever written to a file."""

from __future__ import annotations

import copyreg
import io
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
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
        raise unsendable(what, thing, error, pack, WAY_OUT) from error


def unsendable(
    what: str, thing: Any, error: BaseException, send: Callable[[Any], object], way_out: str
) -> LauncherError:
    """The error for an object that `send` did not take: names it, and the part that it fails at."""
    name = getattr(thing, "__qualname__", type(thing).__qualname__)
    path = ".".join(_path_to_culprit(thing, send))
    return LauncherError(f"{what} {name} cannot be sent to another process{path and f' ({path})'}: {error}. {way_out}")


def _path_to_culprit(thing: Any, send: Callable[[Any], object]) -> Iterator[str]:
    """The fields, each of the one before, down to what is no dataclass."""
    for one in fields(thing) if is_dataclass(thing) and not isinstance(thing, type) else ():
        part = getattr(thing, one.name)
        try:
            send(part)
        except Exception:
            yield one.name
            yield from _path_to_culprit(part, send)
            return
