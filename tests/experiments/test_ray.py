"""Runs as tasks of a real Ray cluster of two machines: the results of runs here, also when a machine dies."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.launchers import Death, LauncherError
from unfreeze.experiments.launchers.ray_shelf import Shelf, ShelvedFiles
from unfreeze.experiments.launchers.ray_tasks import RayTasks
from unfreeze.experiments.listener import Listener
from unfreeze.settings import SettingsError
from unfreeze.settings.read import read_settings

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.filterwarnings("ignore")]
IMPORTABLE = Path(__file__).parent / "importable"

RunComparison = Callable[..., Comparison]
STRATEGIES = ["full", "head", "lora:r=2"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that runs nothing, and two machines with a core each; all of them on this one."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("RAY_worker_niceness", "0")  # by default 15: beside other tests its workers would starve
        from ray.cluster_utils import Cluster

        found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 2**28})
        machines = [found.add_node(num_cpus=1, object_store_memory=2**28) for _ in range(2)]
        ray.init(
            address=found.address, log_to_driver=False, logging_level="ERROR",
            runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join([str(IMPORTABLE), *sys.path])}},
        )  # fmt: skip
        found.machines = machines
        yield found
        ray.shutdown()
        found.shutdown()


@pytest.fixture(scope="module")
def work() -> Iterator[Any]:
    sys.path.insert(0, str(IMPORTABLE))
    yield import_module("launcher_jobs")
    sys.path.remove(str(IMPORTABLE))


def told(comparison: Comparison) -> list[tuple[Any, ...]]:
    """What decides the table."""
    return [(one.strategy, one.seed, one.status, one.validation, one.test, one.model) for one in comparison.records]


def test_the_same_results_on_a_cluster(
    cluster: Any, one_thread: None, run_comparison: RunComparison, tmp_path: Path
) -> None:
    heard: list[Any] = []

    class Ear(Listener):
        def progressed(self, cell: Any, step: Any) -> None:
            heard.append(cell.seed)

    levers = "unpad+compact+cache"
    here = run_comparison(tmp_path / "here", strategy=STRATEGIES, speedups=levers)
    there = run_comparison(tmp_path / "there", strategy=STRATEGIES, speedups=levers, launcher="ray", listener=Ear())
    assert told(here) == told(there) and here.recommended == there.recommended
    assert heard and all(record.peak_memory_bytes for record in there.records)
    for one, other in zip(here.records, there.records, strict=True):
        weights = [next((run.output / str(record.model)).glob("*.safetensors")).read_bytes()
                   for run, record in ((here, one), (there, other))]  # fmt: skip
        assert weights[0] == weights[1]


def test_outputs_of_frozen_layers_reach_the_other_machines(cluster: Any, tmp_path: Path) -> None:
    """Computed by one, they are fetched by another, whole."""
    shelf = ray.remote(num_cpus=0)(Shelf).remote()
    first, second = (ShelvedFiles(tmp_path / name, shelf=shelf) for name in ("first", "second"))
    shape, numbers = (50, 16), np.arange(800, dtype="float32").reshape(50, 16)
    assert first.find("key", shape, "float32") is None
    with first.make("key", shape, "float32") as rows:
        rows[:] = numbers
    fetched = second.find("key", shape, "float32")
    assert fetched is not None and np.array_equal(fetched, numbers) and second.holds("key")
    assert second.find("key", (25, 32), "float32") is None  # another one of that name is not taken for it
    assert second.find("other", shape, "float32") is None


def test_runs_here_and_there_are_one_comparison(
    cluster: Any, one_thread: None, run_comparison: RunComparison, tmp_path: Path
) -> None:
    whole = run_comparison(tmp_path / "whole", strategy=STRATEGIES)
    run_comparison(tmp_path / "mixed", strategy=STRATEGIES[:1], launcher="ray")
    run_comparison(tmp_path / "mixed", strategy=STRATEGIES[:2])
    begun: list[Any] = []

    class Ear(Listener):
        def run_started(self, cell: Any, number: int) -> None:
            begun.append(str(cell.strategy))

    mixed = run_comparison(tmp_path / "mixed", strategy=STRATEGIES, launcher="ray", listener=Ear())
    assert told(mixed) == told(whole) and set(begun) == {"lora:r=2"}


def test_a_machine_that_dies_changes_nothing(
    cluster: Any, one_thread: None, run_comparison: RunComparison, tmp_path: Path
) -> None:
    here = run_comparison(tmp_path / "here", strategy=STRATEGIES, seeds=2)
    killed: list[Any] = []

    class Killer(Listener):
        def progressed(self, cell: Any, step: Any) -> None:
            if not killed:
                killed.append(cluster.machines.pop())
                cluster.remove_node(killed[0], allow_graceful=False)

    there = run_comparison(tmp_path / "there", strategy=STRATEGIES, seeds=2, launcher="ray", listener=Killer())
    cluster.machines.append(cluster.add_node(num_cpus=1, object_store_memory=2**28))
    assert killed and told(here) == told(there)


def test_what_a_job_says_and_raises(cluster: Any, work: Any) -> None:
    launcher = RayTasks()
    assert (launcher.jobs_at_once, launcher.jobs_on_one_machine) == (2, 1)
    heard: list[Any] = []
    begun: list[str] = []
    jobs = ["raise", "return"]
    outcomes = dict(launcher.run(work.end, jobs, lambda job, message: heard.append((job, message)), begun.append))
    assert outcomes == {"raise": Death("ValueError: no such layer"), "return": "done"}
    assert sorted(heard) == [(job, f"about to {job}") for job in jobs] and sorted(begun) == jobs


def test_a_job_that_kills_its_process_is_tried_again_and_given_up(cluster: Any, work: Any, tmp_path: Path) -> None:
    [(_, outcome)] = RayTasks(retries=1).run(work.try_and_be_killed, [tmp_path / "tries"], lambda *_: None)
    assert isinstance(outcome, Death) and "died, 2 times in a row" in outcome.reason
    assert (tmp_path / "tries").read_text() == "xx"


def test_closing_stops_the_tasks(cluster: Any, work: Any) -> None:
    with closing(RayTasks().run(work.sleep, ["return", "sleep"], lambda *_: None)) as running:
        assert next(running) == ("return", None)
        wait_until(lambda: tasks() == 1)
    wait_until(lambda: tasks() == 0)


def tasks() -> int:
    """How many processes make jobs now."""
    return sum("ray::serve" in " ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"]))


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(("cpus", "gpus"), [(64, 0.0), (1, 1.0)])
def test_what_no_machine_has_is_refused(cluster: Any, cpus: int, gpus: float) -> None:
    with pytest.raises(LauncherError, match=r"no machine of the Ray cluster has so much; the largest has 1 CPUs"):
        RayTasks(cpus_per_run=cpus, gpus_per_run=gpus)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"launcher": "ray", "jobs": 2}, "--launcher ray --jobs 2: Ray runs as many as there is room for"),
        ({"address": "auto"}, "--address auto: is used with --launcher ray only"),
        ({"cpus_per_run": 2}, "--cpus-per-run 2: is used with --launcher ray only"),
    ],
)
def test_settings_that_say_nothing_together(values: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_settings(values)


def test_without_ray_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LauncherError, match=r"Ray is not installed. pip install 'unfreeze\[ray\]'"):
        RayTasks()
