"""States of a run under faults of the disk: trials 2, 3, 8, 9 and 18."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from soak.faults import Died, after_power_loss, dying_at, failing_at, recorded
from soak.stock import StockRun
from soak.tiny_run import TinyRun
from soak.trial import Figure, Ground, Tally, Trial

STEPS = 4  # states that were saved before the one that is disturbed: more than are kept


def _before(folder: Path) -> Path:
    """A run with some states, to be copied for each attempt."""
    run = TinyRun(folder / "before")
    for step in range(1, STEPS + 1):
        run.save(step)
    return folder / "before"


def _operations(before: Path, folder: Path) -> int:
    """How many operations saving one more state takes."""
    shutil.copytree(before, folder / "count")
    with recorded() as record:
        TinyRun(folder / "count").save(STEPS + 1)
        TinyRun(folder / "count").save(STEPS + 2)
    return len(record.operations)


def kill_at_every_operation(ground: Ground) -> Figure:
    """The process dies at each operation of saving two states, with best weights and rotation: one is found again."""
    before, tally = _before(ground.folder), Tally()
    count = _operations(before, ground.folder)
    for number in range(count):
        folder = ground.folder / f"{number}"
        shutil.copytree(before, folder)
        try:
            with dying_at(number):
                run = TinyRun(folder)
                run.save(STEPS + 1)
                run.save(STEPS + 2)
        except Died:
            pass
        found = TinyRun(folder).found()
        tally.add(found is not None and found >= STEPS, f"operation {number}: step {found}")
        again = TinyRun(folder)  # and the folder can be gone on with
        again.save(STEPS + 2)
        tally.add(again.found() == STEPS + 2, f"operation {number}: not usable afterwards")
        shutil.rmtree(folder)
    stock = "" if ground.short else StockRun(ground.folder).torn()
    return tally.figure(f"{count} operations, and the folder can be gone on with after each", stock)


def power_loss(ground: Ground) -> Figure:
    """The power goes after each operation; what was not synced is lost, changed names arrive or not."""
    before, tally = _before(ground.folder), Tally()
    folder = ground.folder / "run"
    shutil.copytree(before, folder)
    with recorded() as record:
        run = TinyRun(folder)
        run.save(STEPS + 1)
        run.save(STEPS + 2)
    for number in range(len(record.operations) + 1):
        for names_arrive in (True, False):
            into = ground.folder / f"{number}-{names_arrive}"
            after_power_loss(before, folder, record.operations[:number], into, names_arrive=names_arrive)
            found = TinyRun(into).found()
            tally.add(found is not None and found >= STEPS, f"operation {number}, names {names_arrive}: step {found}")
            shutil.rmtree(into)
    return tally.figure(f"{len(record.operations)} operations, two outcomes of each")


def disk_full(ground: Ground) -> Figure:
    """Each operation fails for lack of room, or with an error of the device: the states of before are all there, and
    the run that goes on has its best weights."""
    before, tally = _before(ground.folder), Tally()
    for number in range(_operations(before, ground.folder)):
        for code in (errno.ENOSPC, errno.EIO):
            folder = ground.folder / f"{number}-{code}"
            shutil.copytree(before, folder)
            run, said = TinyRun(folder), None
            try:
                with failing_at(number, code):
                    run.save(STEPS + 1)
                    run.save(STEPS + 2)
            except OSError as error:
                said = error.errno
            ends = run.can_end()
            found = TinyRun(folder).found()
            # Removing may fail in silence: then nothing is lost but room.
            kept = said in (code, None) and found is not None and found >= STEPS
            tally.add(kept and ends, f"operation {number}: {found}, the run itself {'goes on' if ends else 'is lost'}")
            shutil.rmtree(folder)
    return tally.figure("both errors at each operation")


def flipped_bits(ground: Ground) -> Figure:
    """A bit of the newest state, or of its best weights, is flipped: it is seen, and the state before is used."""
    before, tally, draw = _before(ground.folder), Tally(), ground.random("bits")
    for attempt in range(ground.times(40, 200)):
        folder = ground.folder / f"{attempt}"
        shutil.copytree(before, folder)
        newest = sorted(folder.glob("step-*"))[-1]
        file = draw.choice(sorted([*newest.iterdir(), *(folder / f"best-{STEPS:09d}").iterdir()]))
        content = bytearray(file.read_bytes())
        place = draw.randrange(len(content))
        content[place] ^= 1 << draw.randrange(8)
        file.write_bytes(bytes(content))
        found = (run := TinyRun(folder)).found()
        tally.add(found == STEPS - 1, f"{file.name}, byte {place}: step {found}")
        run.save(STEPS)  # gone on with: what is saved from now on counts, whatever was damaged
        tally.add((now := TinyRun(folder).found()) == STEPS, f"{file.name}, byte {place}, gone on with: step {now}")
        shutil.rmtree(folder)
    return tally.figure("the state before is used, and the one that is saved next")


def rotation(ground: Ground) -> Figure:
    """The process dies at each removal while states are rotated, the best in the middle: best and newest stay."""
    tally = Tally()
    for number in _removals(ground.folder):
        folder = ground.folder / f"{number}"
        run = TinyRun(folder)
        done = 0
        try:
            with dying_at(number):
                for step in range(1, STEPS + 3):
                    run.save(step)
                    done = step
        except Died:
            pass
        found = TinyRun(folder).found()
        tally.add((found or 0) >= done, f"operation {number}: step {found} after {done}")
        shutil.rmtree(folder)
    return tally.figure("newest and best are whole")


def _removals(folder: Path) -> Iterator[int]:
    with recorded() as record:
        run = TinyRun(folder / "count")
        for step in range(1, STEPS + 3):
            run.save(step)
    return (i for i, one in enumerate(record.operations) if one.kind == "remove")


TRIALS = (
    Trial(2, "P1", "killed at every operation of a commit", kill_at_every_operation),
    Trial(3, "P1", "loss of power after every operation, unsynced data gone", power_loss),
    Trial(8, "P1", "disk full or failing at every operation", disk_full),
    Trial(9, "P1", "one bit flipped in the newest state", flipped_bits),
    Trial(18, "P4", "killed at every removal of old states", rotation),
)
