"""The states of a run on disk: those to resume from, and the weights that were best."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.storage import disk
from unfreeze.storage.atomic import remove_leftovers
from unfreeze.storage.committed import committed_folder, damage
from unfreeze.storage.folders import OutputError
from unfreeze.storage.lines import parse_object
from unfreeze.storage.own_files import read_own
from unfreeze.training.parameters import Trainables, trained_state
from unfreeze.training.run_state import RunState

if TYPE_CHECKING:
    import torch
    from torch import nn

WEIGHTS_FILE, OPTIMIZER_FILE, STATE_FILE = "model.safetensors", "optimizer.safetensors", "state.json"
KEPT = 2  # states; the older one for the case that the newer is damaged
SHARE = 0.02  # of the time may go into saving states
SHORTEST = 30.0  # seconds between two
BYTES_A_SECOND = 2e8  # guessed, until one has been saved


@dataclass(frozen=True)
class Saved:
    """A state on disk, checked to be whole."""

    path: Path
    state: RunState

    def restore(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Put weights and moments back."""
        _read_weights(self.path / WEIGHTS_FILE, network)
        _read_moments(self.path / OPTIMIZER_FILE, network, optimizer)


@dataclass
class Checkpoints:
    """The states in one folder; each is a folder of its own that is there whole or not at all."""

    folder: Path
    every: int | None = None  # steps; None: as often as takes a small share of the time
    _last: float = field(default_factory=lambda: time.monotonic(), init=False)
    _cost: float | None = field(default=None, init=False)  # seconds, of one

    def due(self, step: int, size: int) -> bool:
        """Is it time to save a state?

        Args:
            size: bytes of one, which says how long it will take before one was saved.
        """
        if step == 0:
            return False
        if self.every is not None:
            return step % self.every == 0 and not self._state(step).exists()
        cost = size / BYTES_A_SECOND if self._cost is None else self._cost
        return time.monotonic() - self._last >= max(SHORTEST, cost / SHARE)

    def save(
        self, state: RunState, network: nn.Module, trainables: Trainables, optimizer: torch.optim.Optimizer
    ) -> None:
        """Write where the run is; then older states go, and weights that no state calls the best.

        Raises:
            OSError: the disk is full or fails; the states before are still there.
        """
        begin = self._last = time.monotonic()  # also of an attempt that fails: the next one waits
        if state.best_step is not None and (newest := self._newest_best(state.best_step)).is_file():
            with committed_folder(self._best(state.best_step)) as folder:
                disk.link(newest, folder / WEIGHTS_FILE)  # the run needs them also where this fails
            disk.remove(newest)
        target = self._state(state.step)
        with committed_folder(target) as folder:
            _write_tensors(folder / WEIGHTS_FILE, trained_state(network, trainables))
            _write_tensors(folder / OPTIMIZER_FILE, _moments(network, optimizer))
            disk.write(folder / STATE_FILE, json.dumps(state.as_json(), allow_nan=False).encode())
        self._last = time.monotonic()
        self._cost = self._last - begin
        self._rotate(state.best_step)

    def newest(self) -> tuple[Saved | None, list[str]]:
        """The newest state that is whole, and what is to be said of others; they get another name and count no more."""
        remove_leftovers(self.folder)
        for left in self.folder.glob("newest-best-*"):  # no state knows them
            disk.remove(left)
        told: list[str] = []
        for path in reversed(self._states()):
            wrong = damage(path)
            if wrong is None:
                try:
                    state = _read_state(path)
                except OutputError as error:
                    wrong = str(error)
            if wrong is None and state.best_step is not None:
                wrong = damage(self._best(state.best_step))
                wrong = wrong and f"its best weights: {wrong}"
            if wrong is None:
                return Saved(path, state), told
            told.append(f"the state of step {int(path.name.removeprefix('step-'))} was not used: {wrong}")
            disk.remove(aside := path.with_name(f"not-used-{path.name}"))
            disk.rename(path, aside)
        return None, told

    def files_of_newest(self) -> list[Path]:
        """All files of the newest state, then those of the best weights that it needs; none without a state. For the
        process that saves the states: they change under others."""
        states = self._states()
        if not states:
            return []
        best = _read_state(states[-1]).best_step
        folders = [states[-1]] if best is None else [states[-1], self._best(best)]
        return [file for folder in folders for file in sorted(folder.iterdir())]

    def has(self, step: int) -> bool:
        """Is there a state of this step?"""
        return self._state(step).exists()

    def save_best(self, step: int, network: nn.Module, trainables: Trainables) -> None:
        """Keep the weights of now as the best ones so far. They are made safe with the next state: without one a run
        that dies begins anew.

        Raises:
            OSError: the disk is full or fails.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        before = [*self.folder.glob("newest-best-*")]
        _write_tensors(half := self.folder / "newest-best-half", trained_state(network, trainables))
        disk.rename(half, self._newest_best(step))
        for old in before:
            if old != self._newest_best(step):
                disk.remove(old)

    def load_best(self, step: int, network: nn.Module) -> None:
        """Put the best weights back into the network.

        Raises:
            OSError: they are damaged.
        """
        if self._newest_best(step).is_file():
            _read_weights(self._newest_best(step), network)
            return
        wrong = damage(self._best(step))
        if wrong is not None:
            raise OSError(f"{self._best(step)}: the best weights are damaged ({wrong})")
        _read_weights(self._best(step) / WEIGHTS_FILE, network)

    def forget_what_is_not_whole(self) -> None:
        """A run broke: its states stay, to be gone on with or looked at."""
        for left in self.folder.glob("newest-best-*"):
            disk.remove(left)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            disk.remove(self.folder)

    def forget(self) -> None:
        """Remove everything: `model/` holds the weights, verified, or the run is over without them."""
        disk.remove(self.folder)

    def _rotate(self, best_step: int | None) -> None:
        states = self._states()
        for old in states[:-KEPT]:
            disk.remove(old)
        needed = {best_step}
        for path in states[-KEPT:]:
            with suppress(OSError, OutputError):  # damaged since: it will not be used
                needed.add(_read_state(path).best_step)
        for path in self.folder.glob("best-*"):
            if int(path.name.removeprefix("best-")) not in needed:
                disk.remove(path)

    def _states(self) -> list[Path]:
        """Oldest first."""
        return sorted(self.folder.glob("step-*"))

    def _state(self, step: int) -> Path:
        return self.folder / f"step-{step:09d}"

    def _newest_best(self, step: int) -> Path:
        return self.folder / f"newest-best-{step:09d}.safetensors"

    def _best(self, step: int) -> Path:
        return self.folder / f"best-{step:09d}"


def _read_state(folder: Path) -> RunState:
    """Raises OutputError for what no run wrote."""
    return RunState.from_json(parse_object(read_own(folder / STATE_FILE), STATE_FILE))


def _moments(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """What the optimizer remembers of each parameter: exp_avg, exp_avg_sq, step."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    return {
        f"{names[id(parameter)]}/{kind}": tensor
        for parameter, kinds in optimizer.state.items()
        for kind, tensor in kinds.items()
    }


def _read_moments(file: Path, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    from safetensors.torch import load_file

    parameters = dict(network.named_parameters())
    for key, tensor in load_file(file).items():
        name, _, kind = key.rpartition("/")
        parameter = parameters[name]
        optimizer.state[parameter][kind] = tensor.to(parameter.device)


def _read_weights(file: Path, network: nn.Module) -> None:
    import torch
    from safetensors.torch import load_file

    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for name, tensor in load_file(file).items():
            parameters[name].copy_(tensor)
            torch.autograd.graph.increment_version(parameters[name])


def _write_tensors(file: Path, tensors: Mapping[str, Any]) -> None:
    from safetensors.torch import save_file

    whole = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    disk.produce(file, partial(save_file, whole))
