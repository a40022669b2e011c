"""Runs as tasks of a real Ray cluster of two machines: the results of runs here, also when a machine dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from socket import gethostname
from threading import Thread
from types import ModuleType
from typing import Any

import numpy as np
import psutil
import pytest
from safetensors.torch import load_file, save_file

from unfreeze.experiments.conclude import Comparison
from unfreeze.experiments.launchers import Death, LauncherError, ray_attempts
from unfreeze.experiments.launchers.ray_cluster import actor
from unfreeze.experiments.launchers.ray_mailbox import Mailbox
from unfreeze.experiments.launchers.ray_shelf import Shelf, ShelvedFiles
from unfreeze.experiments.launchers.ray_states import fetch_state
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
    assert fetched is not None and np.array_equal(fetched.rows, numbers) and second.holds("key")
    assert fetched.seconds == first.find("key", shape, "float32").seconds
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


class Watched(Listener):
    """Notes the steps of a run as they are heard, and calls when there is a new one."""

    def __init__(self, then: Callable[[int], None] = lambda step: None) -> None:
        self.steps: list[int] = []
        self.then = then

    def progressed(self, cell: Any, step: Any) -> None:
        self.steps.append(step.step)
        self.then(step.step)


def states(output: Path) -> list[int]:
    return sorted(int(one.name.removeprefix("step-")) for one in output.glob("runs/*/*/*/checkpoints/step-*"))


LONG = {"strategy": ["full"], "epochs": 160, "early_stopping_patience": None}  # 1440 steps


def test_a_run_whose_process_dies_goes_on_from_its_newest_state(
    cluster: Any, one_thread: None, run_comparison: RunComparison, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill(step: int) -> None:
        if not killed and states(tmp_path / "there"):
            killed.extend(states(tmp_path / "there"))
            [process] = serving()
            process.kill()

    here = run_comparison(tmp_path / "here", **LONG)
    watched = Watched(kill)
    there = run_comparison(tmp_path / "there", **LONG, save_steps=5, launcher="ray", listener=watched)
    assert len(killed) == 1  # the newest alone
    assert [step for step in watched.steps if step > killed[0]] and watched.steps.count(1) == 1
    assert told(here) == told(there) and states(tmp_path / "there") == []
    assert not [one for one in (tmp_path / "there").rglob("*") if one.name.endswith((".tmp", ".old"))]


@pytest.mark.parametrize("by", [KeyboardInterrupt, SystemExit])
def test_a_comparison_that_is_stopped_goes_on_where_it_was(
    cluster: Any, one_thread: None, run_comparison: RunComparison, tmp_path: Path, by: type[BaseException]
) -> None:
    """No state is due while it runs: the one that it goes on from was saved because it was asked to end."""

    def stop(step: int) -> None:
        if step > 20:
            raise by

    whole = run_comparison(tmp_path / "whole", **LONG)
    with pytest.raises(by):
        run_comparison(tmp_path / "out", **LONG, save_steps=10**6, launcher="ray", listener=Watched(stop))
    [saved] = states(tmp_path / "out")
    assert saved > 20 and serving() == []
    watched = Watched()
    resumed = run_comparison(tmp_path / "out", **LONG, save_steps=10**6, listener=watched)
    assert min(watched.steps) > saved and told(resumed) == told(whole)


STOPPED = """
import signal, sys
from unfreeze.cli import Terminated, _terminate
from unfreeze.experiments.compare import compare
from unfreeze.experiments.listener import Listener
from unfreeze.settings.read import read_settings

class Says(Listener):
    def progressed(self, cell, step):
        print("step", step.step, flush=True)

signal.signal(signal.SIGTERM, _terminate)
model, data, output, address = sys.argv[1:]
settings, _ = read_settings({
    "model": model, "data": data, "output": output, "address": address, "launcher": "ray", "strategy": ["full"],
    "seeds": 1, "epochs": 2000, "plan": False, "speedups": "off", "max_length": 48, "save_steps": 1000000,
    "early_stopping_patience": None,
})
try:
    compare(settings, Says())
except Terminated:
    sys.exit(143)
"""


def test_sigterm_lets_the_tasks_save(cluster: Any, family_folder: Callable[..., str], tmp_path: Path) -> None:
    """The program is in one of Ray's calls then, most often, and a handler that raises there breaks them."""
    lines = [f"happy {number};joy\ntears {number};sadness\n" for number in range(100)]
    (tmp_path / "train.txt").write_text("".join(lines))
    arguments = [family_folder("bert"), str(tmp_path / "train.txt"), str(tmp_path / "out"), cluster.address]
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen([sys.executable, "-c", STOPPED, *arguments], stdout=said, stderr=said)
    wait_until(lambda: "step" in (tmp_path / "said").read_text(), 120)
    process.send_signal(signal.SIGTERM)
    code = process.wait(120)
    told = (tmp_path / "said").read_text()
    assert code == 143 and "Traceback" not in told, told
    assert len(states(tmp_path / "out")) == 1


def test_a_state_that_does_not_arrive_whole_changes_nothing(cluster: Any, tmp_path: Path) -> None:
    mailbox = actor(Mailbox)
    (there := tmp_path / "checkpoints" / "step-000000001").mkdir(parents=True)
    (there / "state.json").write_text("{}")
    sizes = [("step-000000002/state.json", 2), ("step-000000002/MANIFEST.json", 2)]
    assert ray.get(mailbox.begin.remote(7, sizes))
    ray.get(mailbox.add.remote(7, b"ab"))
    assert ray.get(mailbox.take.remote()) == ([], {})  # half of it
    ray.get(mailbox.add.remote(7, b"{}"))
    assert ray.get(mailbox.take.remote()) == ([], {7: sizes})
    assert not ray.get(mailbox.begin.remote(7, sizes))  # until it has been taken
    with pytest.raises(OSError, match="step-000000002: files are missing or do not belong there"):
        fetch_state(mailbox, 7, sizes, tmp_path / "checkpoints")
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoints"]
    assert [one.name for one in (tmp_path / "checkpoints").iterdir()] == [there.name]
    mailbox.drop.remote(7)
    assert ray.get(mailbox.begin.remote(7, [("../out", 1)]))
    ray.get(mailbox.add.remote(7, b"x"))
    with pytest.raises(ValueError, match="leads out of the folder"):
        fetch_state(mailbox, 7, [("../out", 1)], tmp_path / "checkpoints")


def test_what_holds_messages_states_and_tables_lives_beside_the_driver(cluster: Any) -> None:
    """Its machine is the only one that a comparison cannot lose."""
    here = ray.get_runtime_context().get_node_id()
    for kind in (Mailbox, Shelf):
        where = actor(kind).__ray_call__.remote(lambda self: ray.get_runtime_context().get_node_id())
        assert ray.get(where) == here


def test_a_cluster_that_fails_is_a_line(cluster: Any, work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(kind: Any) -> Any:
        found = actor(kind)
        ray.kill(found)
        return found

    monkeypatch.setattr(ray_attempts, "actor", dead)
    with pytest.raises(LauncherError, match=r"the cluster failed \(Actor\w+: .*go on with --resume"):
        list(RayTasks().run(work.end, [work.Folder(1)], lambda *_: None))


def test_orders_are_made_as_they_are_needed(cluster: Any, work: Any) -> None:
    jobs = [work.Folder(number) for number in range(12)]
    with closing(RayTasks().run(work.end, jobs, lambda *_: None)) as running:
        next(running)
        assert len(work.Folder.asked) <= 2 * 2 + 1
    assert len(work.Folder.asked) < len(jobs)


def test_other_weights_on_a_machine_are_told(
    cluster: Any, run_comparison: RunComparison, family_folder: Callable[..., str], tmp_path: Path
) -> None:
    model = Path(shutil.copytree(family_folder("bert"), tmp_path / "model"))

    class Exchange(Listener):
        def began(self, bench: Any) -> None:
            weights = load_file(model / "model.safetensors")
            save_file({name: one + 1 for name, one in weights.items()}, model / "model.safetensors", {"format": "pt"})

    done = run_comparison(tmp_path / "out", model=str(model), launcher="ray", listener=Exchange())
    [record] = done.records
    assert record.status == "failed" and str(record.error) == (
        f"on the machine {gethostname()}: ModelError: {model}: has other weights here than where the "
        "comparison was started. Copy that folder to every machine, or download the same revision."
    )


def test_a_relative_path_means_the_same_folder_for_a_task(
    cluster: Any, run_comparison: RunComparison, family_folder: Callable[..., str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    shutil.copytree(family_folder("bert"), tmp_path / "mine" / "model")
    monkeypatch.chdir(tmp_path / "mine")
    [record] = run_comparison(tmp_path / "out", model="model", launcher="ray").records
    assert (record.status, record.error) == ("done", None)


def test_what_cannot_be_sent_is_named(cluster: Any, run_comparison: RunComparison, work: Any, tmp_path: Path) -> None:
    with pytest.raises(LauncherError) as raised:
        run_comparison(tmp_path / "out", own_task=work.locked_task(), launcher="ray")
    assert str(raised.value) == (
        "The job Job cannot be sent to another process (prepared.task.lock): cannot pickle '_thread.lock' object. "
        "Leave out what cannot be copied, as locks and open files, or leave --launcher out."
    )


def test_what_a_machine_cannot_read_is_told(
    cluster: Any, run_comparison: RunComparison, monkeypatch: pytest.MonkeyPatch, work: Any, tmp_path: Path
) -> None:
    mine = ModuleType("only_here")
    exec("from unfreeze.tasks import Classification\nclass Mine(Classification):\n    pass", mine.__dict__)
    monkeypatch.setitem(sys.modules, "only_here", mine)
    expected = (
        "the machine could not read what it was sent (RaySystemError: System error: No module named 'only_here'). "
        "Classes and functions of your own must be in a package that every machine has."
    )
    job = mine.Mine()
    assert list(RayTasks().run(work.give_back, [job], lambda *_: None)) == [(job, Death(expected))]
    [record] = run_comparison(tmp_path / "out", own_task=job, launcher="ray").records  # in what the jobs share
    assert (record.status, record.error) == ("failed", expected)


CONNECT = """
import sys
from unfreeze.experiments.launchers import LauncherError
from unfreeze.experiments.launchers.ray_states import fetch_state
from unfreeze.experiments.launchers.ray_tasks import RayTasks
try:
    print(RayTasks(sys.argv[1]).jobs_at_once)
except LauncherError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "ConnectionRefusedError: [Errno 111] Connection refused"),
        ("ray://127.0.0.1:1", "ValueError: expected auto, local or HOST:PORT"),
        ("nowhere", "ValueError: expected auto, local or HOST:PORT"),
        ("local", ""),
    ],
)
def test_reaching_a_cluster(address: str, said: str) -> None:
    """In a program of its own: this one is connected already."""
    done = subprocess.run(
        [sys.executable, "-c", CONNECT, address], capture_output=True, text=True, check=True, timeout=120
    )
    told = done.stdout.strip()
    assert (
        told.isdecimal()
        if address == "local"
        else told
        == (
            f"--address {address}: no Ray cluster was reached ({said}). Start one with `ray start --head`, give the "
            "address that it prints, or --address local for this machine alone."
        )
    )


def test_a_port_of_something_else_is_told_at_once() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_port}"
        done = subprocess.run(
            [sys.executable, "-c", CONNECT, address], capture_output=True, text=True, check=True, timeout=120
        )
        server.shutdown()
    assert "no Ray cluster was reached (ValueError: something else answers there)" in done.stdout, done.stderr


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


def test_closing_kills_the_tasks_that_do_not_end(cluster: Any, work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_attempts, "STOP_SECONDS", 1.0)  # a task that sleeps hears nothing
    with closing(RayTasks().run(work.sleep, ["return", "sleep"], lambda *_: None)) as running:
        assert next(running) == ("return", None)
        wait_until(lambda: len(serving()) == 1)
    wait_until(lambda: serving() == [])


def serving() -> list[psutil.Process]:
    """The processes that make jobs now."""
    return [one for one in psutil.process_iter(["cmdline"]) if "ray::serve" in " ".join(one.info["cmdline"] or ())]


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
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
    with pytest.raises(LauncherError, match=r"Ray is not installed. In the clone .* `pip install -e '\.\[ray\]'`"):
        RayTasks()
