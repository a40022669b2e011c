"""A tracker that keeps what it is told in memory, and a comparison that is reported to trackers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.trackers import TRACKERS
from unfreeze.experiments.trackers.reporting import reporting
from unfreeze.reports.leaderboard import write_leaderboard
from unfreeze.settings import read_settings


@dataclass
class Page:
    """A run in memory, as a tracker keeps it."""

    id: str
    name: str
    parent: str | None
    chosen: dict[str, Any] = field(default_factory=dict)
    points: list[tuple[str, int, float]] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    ends: list[str] = field(default_factory=list)
    breaks: str = ""  # the call that fails from now on

    @property
    def known(self) -> dict[str, int]:
        return {name: max(step for other, step, _ in self.points if other == name) for name, _, _ in self.points}

    def parameters(self, values: Mapping[str, Any]) -> None:
        self._call("parameters")
        assert all(self.chosen.get(name, value) == value for name, value in values.items())
        self.chosen |= values

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self._call("metrics")
        self.points += [(name, step, value) for name, value in values.items()]

    def facts(self, values: Mapping[str, str]) -> None:
        self._call("facts")
        self.words |= values

    def file(self, path: Path) -> None:
        self.files[path.name] = path.read_bytes()

    def end(self, status: str) -> None:
        self._call("end")
        self.ends.append(status)

    def curve(self, name: str) -> list[tuple[int, float]]:
        return [(step, value) for other, step, value in self.points if other == name]

    def _call(self, name: str) -> None:
        if name == self.breaks:
            raise ConnectionResetError(f"{name}\nrefused")


class Notebook:
    """A tracker whose pages outlive a command; `breaks` names the call that fails."""

    name: ClassVar[str] = "notebook"
    pages: ClassVar[dict[str, Page]] = {}
    breaks: ClassVar[str] = ""

    def where(self, output: Path) -> str:
        return "in memory"

    def comparison(self, output: Path, id: str | None) -> Page:
        return self._page(id, output.name, None)

    def run(self, parent: Any, name: str, id: str | None) -> Page:
        if self.breaks == "run":
            raise OSError(28, "No space left on device")
        page = self._page(id, name, parent.id)
        page.breaks = self.breaks
        return page

    def _page(self, id: str | None, name: str, parent: str | None) -> Page:
        if id not in self.pages:
            id = uuid4().hex
            self.pages[id] = Page(id, name, parent)
        return self.pages[str(id)]

    @classmethod
    def parent(cls) -> Page:
        [one] = [page for page in cls.pages.values() if page.parent is None]
        return one

    @classmethod
    def children(cls) -> dict[str, Page]:
        """By folder of the run."""
        return {f"runs/{page.name}": page for page in cls.pages.values() if page.parent is not None}


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> type[Notebook]:
    """The tracker, empty, and known as `--report-to notebook`."""
    monkeypatch.setattr(Notebook, "pages", {})
    monkeypatch.setattr(Notebook, "breaks", "")
    monkeypatch.setitem(TRACKERS, "notebook", Notebook)
    return Notebook


class Said(Listener):
    """Takes down what is said; interrupts the comparison as Ctrl-C does, in one run at one step."""

    def __init__(self, interrupt: tuple[int, int] | None = None) -> None:
        self.lines: list[str] = []
        self.interrupt = interrupt
        self.number = 0

    def said(self, text: str) -> None:
        self.lines.append(text)

    def run_started(self, cell: Any, number: int) -> None:
        self.number = number

    def progressed(self, cell: Any, progress: Any) -> None:
        if self.interrupt == (self.number, progress.step):
            raise KeyboardInterrupt


@pytest.fixture(scope="session")
def reported(run_comparison: Callable[..., Comparison]) -> Callable[..., Any]:
    """`reported(output, "notebook", ...)`: a comparison, or None if it was interrupted; and what was said."""

    def make(
        output: Path, report_to: str, *, interrupt: tuple[int, int] | None = None, **changes: Any
    ) -> tuple[Comparison | None, list[str]]:
        settings, _ = read_settings({"report_to": report_to})
        said, done = Said(interrupt), None
        with suppress(KeyboardInterrupt), reporting(settings, said) as told:
            done = run_comparison(output, listener=told, save_steps=4, **changes)
            write_leaderboard(output)
        return done, said.lines

    return make
