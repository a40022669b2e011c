"""Trackio keeps what it is told, on this machine; it does not go with the pinned versions and has its own Python."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PYTHON = os.environ.get("UNFREEZE_TRACKIO_PYTHON") or str(Path(__file__).parents[3] / ".venv-trackio/bin/python")

CALLS = """
import json, sys
from pathlib import Path
from unfreeze.experiments.trackers import TRACKERS

tracker = TRACKERS["trackio"]()
output = Path(sys.argv[1])
parent = tracker.comparison(output, None)
parent.parameters({"max_length": 48})
first, second = (tracker.run(parent, f"bert/full-1a2b3c/seed-{seed}", None) for seed in (42, 43))
for step in (1, 2, 3):
    first.metrics({"train/loss": 1 / step}, step)
    second.metrics({"train/loss": 2 / step}, step)
first.parameters({"seed": 42, "trainable_parameters": 7})
first.facts({"status": "done"})
first.end("done")
second.end("killed")
parent.end("killed")
# Another command goes on.
again = tracker.comparison(output, parent.id)
assert again.id == parent.id, (again.id, parent.id)
on = tracker.run(again, "bert/full-1a2b3c/seed-43", second.id)
assert on.id == second.id and on.known["train/loss"] == 3, on.known
on.metrics({"train/loss": 0.5}, 4)
on.end("done")
again.facts({"recommended": "full"})
again.end("done")

import trackio
from trackio.sqlite_storage import SQLiteStorage
runs = {run.name: run.config for run in trackio.Api().runs("unfreeze")}
curves = {
    name: [(one["step"], one["train/loss"]) for one in SQLiteStorage.get_logs("unfreeze", name) if "train/loss" in one]
    for name in runs
}
print(json.dumps({"parent": parent.id, "runs": runs, "curves": curves, "torch": "torch" in sys.modules}))
"""


def test_trackio_keeps_what_it_is_told(tmp_path: Path) -> None:
    if not Path(PYTHON).is_file():
        pytest.skip(f"no Python with trackio at {PYTHON}: `make .venv-trackio/installed`")
    source = Path(__file__).parents[3] / "src"
    done = subprocess.run(
        [PYTHON, "-c", CALLS, str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
        env={"PYTHONPATH": str(source), "TRACKIO_DIR": str(tmp_path / "trackio"), "HOME": str(tmp_path), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)  # and nothing else is printed
    assert len(told["runs"]) == 3 and not told["torch"]
    parent = told["parent"]
    assert told["runs"][parent]["recommended"] == "full"
    [first] = [name for name in told["runs"] if "/seed-42/" in name]
    [second] = [name for name in told["runs"] if "/seed-43/" in name]
    assert first.startswith(f"{parent}/bert/full-1a2b3c/seed-42/") and told["runs"][first]["_Group"] == parent
    assert told["runs"][first]["trainable_parameters"] == 7 and told["runs"][first]["status"] == "done"
    assert told["curves"][first] == [[1, 1.0], [2, 0.5], [3, 1 / 3]]
    assert told["curves"][second] == [[1, 2.0], [2, 1.0], [3, 2 / 3], [4, 0.5]]
