"""Whole comparisons that are killed, stopped by signals, started together: trials 1, 7, 12, 15 and 16."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from safetensors.torch import load_file

from soak.stock import StockRun
from soak.trial import Figure, Ground, Tally, Trial
from soak.workload import STRATEGIES, TASKS, Workload, fingerprint

EVERY_STEP = ("--save-steps", "1")


def kill_at_random(ground: Ground) -> Figure:
    """kill -9 of the whole group at a random instant, then gone on with: everything is as if nothing had happened.

    The short tier kills once a state is there, and spares two starts of the program, which take most of the time.
    """
    tally, draw, midway = Tally(), ground.random("kill"), 0
    to_the_end = Workload.run_here if ground.short else Workload.run
    references: dict[str, tuple[float, dict[str, str]]] = {}
    for attempt in range(ground.times(1, 50)):
        strategy = STRATEGIES[attempt % len(STRATEGIES)]
        task = TASKS[(attempt + attempt // len(STRATEGIES)) % len(TASKS)]
        work = Workload.of(ground.folder, task, (strategy,), *EVERY_STEP)
        kind = f"{task} {strategy}"
        if kind not in references:
            whole = ground.folder / f"whole-{len(references)}"
            seconds, code, said = to_the_end(work, whole)
            assert code == 0, said
            references[kind] = seconds, fingerprint(whole)
        seconds, expected = references[kind]
        output = ground.folder / f"{attempt}"
        process = work.start(output)
        # Half of them while it trains, for most of the time goes by before.
        instant = draw.uniform(0.0, seconds) if attempt % 2 else draw.uniform(0.6, 1.0) * seconds
        if ground.short:
            instant = _wait_for_a_state(output, process)
        else:
            time.sleep(instant)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        midway += bool(list(output.glob("runs/*/*/*/checkpoints/step-*")))
        _, code, said = to_the_end(work, output)
        same = code == 0 and fingerprint(output) == expected
        tally.add(same, f"{kind} at {instant:.2f} s: {said.strip()[-200:] if code else _difference(output, expected)}")
    stock = "" if ground.short else StockRun(ground.folder).killed(ground, 10)
    return tally.figure(
        f"weights, scores, predictions, tables the same, bit for bit; {midway} of them had a state to go on from",
        stock,
    )


def signals(ground: Ground) -> Figure:
    """SIGTERM and SIGINT: the exit code says which, a state is there at once, and the rest goes on from it.

    Every third time a second one follows, which ends the program at once; half of all go to the whole group.
    """
    tally, draw, slowest, at_once = Tally(), ground.random("signals"), 0.0, 0.0
    work = Workload.of(ground.folder, "classification", ("full",), "--save-steps", "1000000", epochs=60)
    whole = ground.folder / "whole"
    _, code, said = work.run(whole)
    assert code == 0, said
    expected = fingerprint(whole)
    for attempt in range(ground.times(2, 30)):
        number, code = ((signal.SIGTERM, 143), (signal.SIGINT, 130))[attempt % 2]
        output = ground.folder / f"{attempt}"
        process = work.start(output)
        _wait_for(output / "runs", process)
        time.sleep(draw.uniform(1.0, 4.0))
        begin = time.monotonic()
        twice, send = attempt % 3 == 2, os.killpg if attempt % 4 > 1 else os.kill
        send(process.pid, number)
        if twice:
            time.sleep(0.05)  # two of a kind without a pause arrive as one
            send(process.pid, number)
        process.wait(60)
        seconds = time.monotonic() - begin
        said, _ = process.communicate(timeout=60)
        done = list(output.glob("runs/*/*/*/record.json"))
        states = list(output.glob("runs/*/*/*/checkpoints/step-*/state.json"))
        if twice:
            at_once, good = max(at_once, seconds), process.returncode == code and seconds < 1
        else:
            slowest, good = max(slowest, seconds), bool(states or done) and "--resume" in said
        _, end, told = work.run(output)
        same = end == 0 and fingerprint(output) == expected
        tally.add(
            good and same and process.returncode == code,
            f"{number.name}{' twice' if twice else ''}: exit {process.returncode} after {seconds:.2f} s, {len(states)} "
            f"states: {said.strip()[-150:]}; then {'the same' if same else told.strip()[-150:] or 'another end'}",
        )
    return tally.figure(f"exit within {slowest:.1f} s, {at_once:.1f} s if sent twice; then the same end")


def starts_together(ground: Ground) -> Figure:
    """Processes start on one folder at the same time: one runs, the others name it; a killed owner blocks nobody."""
    tally = Tally()
    long = Workload.of(ground.folder, "classification", ("full",), epochs=ground.times(60, 300))
    for round_ in range(ground.times(1, 2)):
        output, number = ground.folder / f"{round_}", ground.times(4, 20)
        processes = [long.start(output) for _ in range(number)]
        ends = [(process.communicate(timeout=300)[0], process.returncode) for process in processes]
        ran = [said for said, code in ends if code == 0]
        refused = [
            said
            for said, code in ends
            if code == 2 and re.search(r"(process \d+ \(since .*\)|another process) is writing there", said)
        ]
        tally.add((len(ran), len(refused)) == (1, number - 1), f"{len(ran)} ran, {len(refused)} refused")
    work = Workload.of(ground.folder, "classification", ("head",))
    for round_ in range(ground.times(1, 20)):
        output = ground.folder / f"killed-{round_}"
        owner = work.start(output)
        _wait_for(output / ".owner.json", owner)
        os.killpg(owner.pid, signal.SIGKILL)
        owner.communicate()
        _, code, said = work.run(output)
        tally.add(code == 0, said.strip()[-200:])
    return tally.figure("and the next start works after the owner was killed")


CRASHING = """
import multiprocessing
import sys
from dataclasses import dataclass
from typing import ClassVar
import unfreeze
from unfreeze.strategies import Full, Head, Freeze, LoRA

@dataclass(frozen=True)
class Crashing(Full):
    name: ClassVar[str] = "crashing"

    def adapt(self, network, anatomy):
        if multiprocessing.parent_process() is not None:  # in its run, and not yet where strategies are fitted
            raise RuntimeError("as planned")

if __name__ == "__main__":
    model, data, output = sys.argv[1:]
    unfreeze.compare(
        model=model, data=data, strategy=[Full(), Full(learning_rate=1e30), Crashing(), Head()], seeds=3, epochs=2,
        output=output, jobs=1, plan=False, speedups="unpad+compact+cache", max_length=32, save_steps=2, max_grad_norm=0,
    )
"""


def sweep(ground: Ground) -> Figure:
    """Twelve runs, one strategy diverging and one crashing, killed again and again: no finished run is made again."""
    tally, draw = Tally(), ground.random("sweep")
    work = Workload.of(ground.folder, "classification", ("full",))
    script = ground.folder / "sweep.py"
    script.write_text(CRASHING)

    def start(output: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(script), str(work.model), str(work.data), str(output)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "UNFREEZE_CACHE": str(ground.folder / "cache")},
        )  # fmt: skip

    whole, output = ground.folder / "whole", ground.folder / "killed"
    begin = time.monotonic()
    process = start(whole)
    said, _ = process.communicate(timeout=600)
    seconds = time.monotonic() - begin
    assert process.returncode == 0, said
    finished: dict[str, int] = {}
    for attempt in range(ground.times(2, 20)):
        process = start(output)
        time.sleep(draw.uniform(0.2, 0.6) * seconds)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        now = {
            str(record): record.stat().st_mtime_ns
            for record in output.glob("runs/*/*/*/record.json")
            if json.loads(record.read_text())["status"] != "failed"  # those are tried again
        }
        tally.add(all(now.get(name) == when for name, when in finished.items()), f"kill {attempt}: one was made again")
        finished = now
    process = start(output)
    said, _ = process.communicate(timeout=600)
    expected = fingerprint(whole)
    same = process.returncode == 0 and fingerprint(output) == expected
    tally.add(same, f"{_difference(output, expected)} {said[-200:]}".strip())
    statuses = [json.loads(one.read_text())["status"] for one in output.glob("runs/*/*/*/record.json")]
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    tally.add(counts == {"diverged": 3, "done": 6, "failed": 3}, f"{counts}")
    return tally.figure(f"12 runs: {counts}")


def same_seed(ground: Ground) -> Figure:
    """The same seed in a fresh process gives the same; another seed does not."""
    tally = Tally()
    work = Workload.of(ground.folder, "classification", ("full",))
    outputs = [ground.folder / f"{i}" for i in range(1 + ground.times(1, 20))]
    for output in outputs:
        _, code, said = work.run(output)
        assert code == 0, said
    expected = fingerprint(outputs[0])
    for output in outputs[1:]:
        tally.add(fingerprint(output) == expected, _difference(output, expected))
    other = ground.folder / "other"
    work.run(other, "--seed", "7")
    [mine], [theirs] = (
        outputs[0].glob("runs/*/*/*/model/model.safetensors"),
        other.glob("runs/*/*/*/model/*.safetensors"),
    )
    tally.add(mine.read_bytes() != theirs.read_bytes(), "another seed gives the same")
    return tally.figure(f"another seed differs; {_other_threads(ground, tally)}")


def _other_threads(ground: Ground, tally: Tally) -> str:
    """A run that goes on with another number of threads says that its last digits differ."""
    work = Workload.of(ground.folder, "classification", ("full",), *EVERY_STEP, epochs=20)
    whole, output = ground.folder / "one-thread", ground.folder / "two-threads"
    work.run(whole)
    process = work.start(output)
    _wait_for_a_state(output, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    work.run(output, OMP_NUM_THREADS="2")
    [run] = output.glob("runs/*/*/*/")
    notes = json.loads((run / "record.json").read_text())["notes"]
    tally.add(any("threads 1 -> 2" in note for note in notes), f"other threads are not told: {notes}")
    before, now = (load_file(next(one.glob("runs/*/*/*/model/*.safetensors"))) for one in (whole, output))
    apart = max(float((before[name] - now[name]).abs().max()) for name in before)
    return f"with two threads for one the weights are {apart:.1g} apart at most, and the record says so"


def _wait_for_a_state(output: Path, process: subprocess.Popen[str]) -> float:
    """Seconds until one is there."""
    begin = time.monotonic()
    while process.poll() is None and not list(output.glob("runs/*/*/*/checkpoints/step-*")):
        time.sleep(0.02)
    return time.monotonic() - begin


def _wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists() and process.poll() is None:
        time.sleep(0.02)


def _difference(output: Path, expected: dict[str, str]) -> str:
    found = fingerprint(output)
    return f"differ: {[name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)][:4]}"


TRIALS = (
    Trial(1, "P1 P2", "kill -9 at a random instant, then resumed", kill_at_random),
    Trial(7, "P3", "SIGTERM and SIGINT at a random instant", signals),
    Trial(12, "P5", "started together on one folder; owner killed", starts_together),
    Trial(15, "P1 P6", "a comparison of 12 runs killed again and again", sweep),
    Trial(16, "P2 P10", "the same seed in fresh processes", same_seed),
)
