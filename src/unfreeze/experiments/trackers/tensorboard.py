"""TensorBoard: event files in `tensorboard/` of the comparison, one folder below it for each run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from unfreeze.experiments.trackers.tracker import End, Parameter, TrackedRun, need_package
from unfreeze.storage.folders import inside

FOLDER = "tensorboard"
LONGEST_FILE = 2**20  # bytes of a file that is shown as text


class TensorBoard:
    """Writes for `tensorboard --logdir OUTPUT/tensorboard`."""

    name: ClassVar[str] = "tensorboard"

    def __init__(self) -> None:
        need_package(self.name, "tensorboard")
        if not isinstance(threading.excepthook, _WithoutTracebacks):
            threading.excepthook = _WithoutTracebacks(threading.excepthook)

    def where(self, output: Path) -> str:
        return f"tensorboard --logdir {output / FOLDER}"

    def comparison(self, output: Path, id: str | None) -> TensorBoardRun:
        folder = inside(output, FOLDER, output)
        return TensorBoardRun(folder, id if folder.is_dir() else None, is_comparison=True)

    def run(self, parent: TrackedRun, name: str, id: str | None) -> TensorBoardRun:
        assert isinstance(parent, TensorBoardRun)
        return TensorBoardRun(inside(parent.folder, name, parent.folder), id, is_comparison=False)


class TensorBoardRun:
    """One folder of event files."""

    def __init__(self, folder: Path, id: str | None, *, is_comparison: bool) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.id = id or uuid4().hex  # tells only whether the folder is still that of before
        self.folder = folder
        self.known = {} if is_comparison else _last_steps(folder)
        # What an earlier command said of the comparison is said again: its texts have no steps to tell them apart.
        self.writer: Any = SummaryWriter(str(folder), purge_step=0 if is_comparison else None)
        self.is_comparison = is_comparison
        self.chosen: dict[str, Parameter] = {}
        self.measured = set(self.known)

    def parameters(self, values: Mapping[str, Parameter]) -> None:
        self.chosen |= values
        if self.is_comparison:
            self._text("parameters", "\n".join(f"| {name} | {value} |" for name, value in values.items()), table=True)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self.measured |= values.keys()
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def facts(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self._text(name, value)

    def file(self, path: Path) -> None:
        content = path.read_bytes()
        if len(content) <= LONGEST_FILE:
            text = content.decode("utf-8", "replace")
            self._text(
                path.name, text if path.suffix == ".md" else "\n".join(f"    {one}" for one in text.splitlines())
            )

    def end(self, status: End) -> None:
        if not self.is_comparison and status != "killed":  # what is killed is gone on with, and has its table then
            self._hyperparameters()
        self.writer.close()

    def _text(self, name: str, text: str, *, table: bool = False) -> None:
        head = "| | |\n|---|---|\n" if table else ""
        self.writer.add_text(name, head + text, 0)
        self.writer.flush()

    def _hyperparameters(self) -> None:
        """The run's line in the table of hyperparameters; of its metrics, which are curves, it has the names."""
        from torch.utils.tensorboard.summary import hparams

        names = dict.fromkeys(self.measured, 0.0)
        for part in hparams(self.chosen, names):  # type: ignore[no-untyped-call]
            self.writer.file_writer.add_summary(part)


def _last_steps(folder: Path) -> dict[str, int]:
    """Of each curve in a folder that an earlier command left; what a crash tore is not read."""
    if not folder.is_dir():
        return {}
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    written = EventAccumulator(str(folder), size_guidance={SCALARS: 0}).Reload()
    return {name: max(one.step for one in written.Scalars(name)) for name in written.Tags()[SCALARS]}


@dataclass(frozen=True)
class _WithoutTracebacks:
    """What is called when a thread ends by an error."""

    before: Callable[[Any], object]

    def __call__(self, failed: Any) -> None:
        # The thread that writes ends on a full disk, and the writer raises that once more where it is called.
        if not type(failed.thread).__module__.startswith("tensorboard."):
            self.before(failed)
