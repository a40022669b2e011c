"""How a new process comes to be, so that it is clean, safe and quick to start."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import current_process, get_context
from multiprocessing.context import ForkServerContext, SpawnContext

from unfreeze.experiments.launchers.launcher import LauncherError

PRELOAD = "unfreeze.experiments.launchers.preload"

# Libraries read these when they load, and in the fork server they are loaded: a later change would go unnoticed.
READ_AT_IMPORT = (
    *("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "UNFREEZE_", "XDG_", "HOME"),
    *("TORCH_", "PYTORCH_", "ATEN_", "CUDA_", "CUBLAS_", "NVIDIA_", "DNNL_", "ONEDNN_"),
    *("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "LD_", "PYTHON"),
)

UNGUARDED = (
    "A new process imports the script it was started from, and a script that starts its work on import would go on "
    'without end. Put what it does below `if __name__ == "__main__":`, or give jobs=None to run in this process.'
)


def refuse_where_nothing_can_start() -> None:
    """Call before anything else is done: a child that runs an unguarded script again must not get far.

    Raises:
        LauncherError: a child is importing this script, could not import it, or may not be started.
    """
    here = current_process()
    if getattr(here, "_inheriting", False):  # set by multiprocessing while a child imports the parent's script
        raise LauncherError(UNGUARDED)
    if getattr(sys.modules["__main__"], "__file__", None) == "<stdin>":
        raise LauncherError(
            "This program came through standard input, where no other process can read it: save it as a file, "
            "or give jobs=None to run in this process."
        )
    if here.daemon:
        raise LauncherError(
            "This process is a daemon of multiprocessing and may start no others: give jobs=None to run in it."
        )


def context() -> ForkServerContext | SpawnContext:
    """The fork server on Linux, fresh interpreters elsewhere.

    Never a plain fork of this process. OpenMP's and the tokenizers' threads do not survive a fork: a child of a process
    that has multiplied matrices waits for them forever; CUDA refuses such a child; and it would start with the
    parent's memory, which would count as its own. The fork server imports torch and transformers and then only waits:
    it never runs a parallel region, so forking it is safe, and a child needs no imports of its own.
    """
    if sys.platform != "linux":
        return get_context("spawn")
    return _FORK_SERVER.context()


class _ForkServer:
    """The one fork server of this process, with the settings it was started under."""

    def __init__(self) -> None:
        self.settings: dict[str, str] | None = None

    def context(self) -> ForkServerContext | SpawnContext:
        settings = {name: value for name, value in os.environ.items() if name.startswith(READ_AT_IMPORT)}
        if self.settings is None:
            self.settings = settings
            self._start()
        # Slower by the seconds of the imports, but a library must see what it was told.
        return get_context("forkserver") if settings == self.settings else get_context("spawn")

    @staticmethod
    def _start() -> None:
        from multiprocessing import forkserver

        forkserver.set_forkserver_preload([PRELOAD])
        with _signals_ignored():
            forkserver.ensure_running()


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """What is started inside ignores Ctrl-C and SIGTERM: a signal to the whole group must not end the fork server, for
    with it this program would lose its children, who may be saving. A child takes SIGTERM again (`child.serve`)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_FORK_SERVER = _ForkServer()
