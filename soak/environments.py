"""A comparison in surroundings that programs are seldom tried in: trial 28."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from soak.trial import Figure, Ground, Tally, Trial
from soak.workload import Workload

STRATEGIES = ("full", "head")
YEAR = 365 * 24 * 3600
# Shifts the clock of the day, which may jump; how long something took is measured with another one.
CLOCK = """
import itertools, time
_time, _time_ns, _shifts = time.time, time.time_ns, itertools.cycle({shifts})
time.time = lambda: _time() + next(_shifts)
time.time_ns = lambda: _time_ns() + next(_shifts) * 10**9
"""


def surroundings(ground: Ground) -> Figure:
    """Clocks, time zones, locales, folders: it completes everywhere, with the same scores."""
    tally = Tally()
    plain = ground.folder / "plain"
    work = Workload.of(plain, "classification", STRATEGIES, epochs=1)
    _, code, said = work.run(plain / "output")
    assert code == 0, said
    expected = scores(plain / "output")
    chosen = list(_surroundings(ground.folder).items())
    for name, (folder, environment) in chosen[:: ground.times(6, 1)]:
        work = Workload.of(folder, "classification", STRATEGIES, epochs=1)
        _, code, said = work.run(folder / "output", **environment)
        if code:
            tally.add(False, f"{name}: exit {code}: {said.strip()[-300:]}")
            continue
        found = scores(folder / "output")
        other = [key for key in expected if found.get(key) != expected[key]]
        tally.add(not other, f"{name}: other {', '.join(other)}")
    return tally.figure("the same scores, predictions and weights in each")


def _surroundings(folder: Path) -> dict[str, tuple[Path, dict[str, str]]]:
    """Name -> where everything lies, and what is in the environment."""
    plain = folder / "plain-of-each"
    ascii_only = {"LC_ALL": "C", "LANG": "C", "LANGUAGE": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    unwritable = folder / "a-file"
    unwritable.write_text("no folder can be made in here\n")
    home = {"HOME": str(unwritable / "home"), "UNFREEZE_CACHE": ""}
    for name in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "HF_HOME"):
        home[name] = str(unwritable / name.lower())
    return {
        "a clock a year ahead": (plain / "1", _clock(folder / "clock-1", [YEAR])),
        "a clock thirty years behind": (plain / "2", _clock(folder / "clock-2", [-30 * YEAR])),
        "a clock that jumps to and fro": (plain / "3", _clock(folder / "clock-3", [0, -86_400, 3_600, -YEAR, 86_400])),
        "time zone +14": (plain / "4", {"TZ": "Pacific/Kiritimati"}),
        "a time zone that does not exist": (plain / "5", {"TZ": "Nowhere/Odd+13:45"}),
        "locale C, ASCII only": (plain / "6", ascii_only),
        "locale tr_TR": (plain / "7", {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}),
        "TMPDIR is missing": (plain / "8", {"TMPDIR": str(folder / "not-there")}),
        "HOME cannot be written": (plain / "9", home),
        "blanks in paths": (folder / "two words" / " and more", {}),
        "other letters in paths": (folder / "Übung – 模型 'n' “é” 😀", {}),
        "other letters in paths, locale C": (folder / "çeşitli ığü", {"LC_ALL": "C", "LANG": "C"}),
    }


def _clock(folder: Path, shifts: list[int]) -> dict[str, str]:
    """Python runs this before anything else."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(CLOCK.format(shifts=shifts))
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}


def scores(output: Path) -> dict[str, Any]:
    """All that was found, but for what was measured with a clock and where it lies."""
    found: dict[str, Any] = {}
    for file in sorted(output.glob("runs/*/*/*/record.json")):
        record = json.loads(file.read_text(encoding="utf-8"))
        key = f"{record['strategy']} {record['seed']}"
        found[key] = {name: record[name] for name in ("status", "validation", "test", "steps", "best_epoch")}
        for name in ("predictions.jsonl", "model/model.safetensors"):
            found[f"{key} {name}"] = hashlib.sha256((file.parent / name).read_bytes()).hexdigest()
    report = output / "report" / "index.html"
    found["report"] = report.is_file() and (output / "leaderboard.csv").is_file()
    return found


TRIALS = (Trial(28, "P1", "clocks, time zones, locales, folders", surroundings),)
