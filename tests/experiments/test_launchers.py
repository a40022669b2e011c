"""Jobs in processes of their own: the same results as here, and nothing lost or left behind when something ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from unfreeze.experiments.launchers import Death, InProcess, Launcher, LauncherError, LocalProcesses, job_process
from unfreeze.experiments.launchers.start_method import UNGUARDED

IMPORTABLE = Path(__file__).parent / "importable"
MEGABYTE = 2**20

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def work() -> Iterator[Any]:
    """The module of work. pytest imports test modules under names that no other process can import."""
    sys.path.insert(0, str(IMPORTABLE))
    yield import_module("launcher_jobs")
    sys.path.remove(str(IMPORTABLE))


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def ignore(job: Any, message: Any) -> None:
    """For tests that are not about messages."""


def run(launcher: Launcher, work: Callable[..., Any], *jobs: Any) -> list[tuple[Any, Any]]:
    return list(launcher.run(work, jobs, ignore))


def events(launcher: Launcher, work: Callable[..., Any], *jobs: Any) -> list[tuple[Any, ...]]:
    """Everything the launcher tells, in order."""
    told: list[tuple[Any, ...]] = []
    finished = launcher.run(
        work, jobs, lambda job, message: told.append(("heard", job, message)), lambda job: told.append(("started", job))
    )
    for job, result in finished:
        told.append(("finished", job, result))
    return told


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def ends_soon(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive(pid)


# What a job gives


def test_one_at_a_time_tells_the_same_as_here_in_the_same_order(work: Any) -> None:
    here = events(InProcess(), work.square, 3, 1, 2)
    assert events(LocalProcesses(), work.square, 3, 1, 2) == here
    assert here[:4] == [("started", 3), ("heard", 3, "3 begins"), ("heard", 3, "3 ends"), ("finished", 3, 9)]


def test_several_at_once_give_the_same_results(work: Any) -> None:
    assert sorted(run(LocalProcesses(2), work.square, *range(5))) == run(InProcess(), work.square, *range(5))


def test_two_run_at_the_same_time(work: Any, tmp_path: Path) -> None:
    left, right = tmp_path / "left", tmp_path / "right"
    found = run(LocalProcesses(2), work.meet, (left, right), (right, left))
    assert [result for _, result in found] == [True, True]


def test_no_more_run_at_once_than_asked_for(work: Any) -> None:
    running, most = 0, 0
    for event, *_ in events(LocalProcesses(2), work.square, *range(5)):
        running += {"started": 1, "heard": 0, "finished": -1}[event]
        most = max(most, running)
    assert most == 2


def test_messages_arrive_in_order_and_belong_to_their_job(work: Any) -> None:
    heard: dict[int, list[int]] = {200: [], 300: []}
    for _ in LocalProcesses(2).run(work.count, [200, 300], lambda job, number: heard[job].append(number)):
        pass
    assert heard == {200: list(range(200)), 300: list(range(300))}


def test_tensors_are_sent_by_value(work: Any) -> None:
    sent = torch.arange(6.0).reshape(2, 3)
    [(_, back)] = run(LocalProcesses(), work.give_back, {"weights": sent})
    assert torch.equal(back["weights"], sent)
    assert not sent.is_shared() and not back["weights"].is_shared()


# Jobs that end without a result


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_death_is_told_and_the_others_go_on(work: Any, jobs: int) -> None:
    asked = ["be killed", "exit", "live", "raise", "raise what cannot be sent", "give what cannot be sent", "live on"]
    ends = dict(run(LocalProcesses(jobs), work.end, *asked))
    assert ends.pop("live") == ends.pop("live on") == "done"
    assert ends.pop("be killed") == Death("killed by SIGKILL: most often the system was out of memory")
    assert ends.pop("exit") == Death("its process ended with exit code 3 before it gave a result")
    assert ends.pop("raise") == Death("ValueError: no such layer")
    assert ends.pop("raise what cannot be sent") == Death("Unsendable: holds a lock")
    assert ends.pop("give what cannot be sent").reason.startswith("its result cannot be sent: TypeError: cannot pickle")
    assert not ends


@pytest.mark.parametrize("launcher", [InProcess(), LocalProcesses()], ids=["here", "own process"])
def test_an_exception_leaves_its_traceback(work: Any, launcher: Launcher) -> None:
    [(_, death), (_, after)] = run(launcher, work.end, "raise", "live")
    assert death == Death("ValueError: no such layer") and after == "done"
    assert "launcher_jobs.py" in death.traceback


def test_signals_without_a_name_are_told_too() -> None:
    assert Death.by_exit(-signal.SIGSEGV).reason == "killed by SIGSEGV"
    assert Death.by_exit(-1000).reason == "killed by signal 1000"


# The end of the parent's interest, and of the parent


def test_closing_ends_what_runs(work: Any) -> None:
    with closing(LocalProcesses(2).run(work.sleep, ["sleep", "return", "never started"], ignore)) as finished:
        assert next(finished) == ("return", None)
        [sleeper] = multiprocessing.active_children()
        pid = sleeper.pid
        assert pid is not None and sleeper.is_alive()
    assert multiprocessing.active_children() == []
    assert not is_alive(pid)


@pytest.mark.parametrize("job", ["sleep", "deaf"])
def test_an_interrupt_ends_what_runs(work: Any, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_process, "STOP_SECONDS", 0.2 if job == "deaf" else 60.0)
    pids = []

    def interrupt(job: str, pid: int) -> None:
        pids.append(pid)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(LocalProcesses().run(work.sleep, [job], interrupt))
    assert not is_alive(*pids)


def test_ctrl_c_is_left_to_the_parent(work: Any) -> None:
    assert run(LocalProcesses(), work.end, "get Ctrl-C") == [("get Ctrl-C", "done")]


SCRIPT = """
import sys
from multiprocessing import forkserver
forkserver.set_forkserver_preload([])  # this script's jobs need no torch
forkserver.ensure_running()
sys.path.insert(0, sys.argv[1])
import launcher_jobs
from unfreeze.experiments.launchers import LocalProcesses

def main():
    jobs = LocalProcesses().run(launcher_jobs.sleep, ["sleep"], lambda job, pid: print(pid, flush=True))
    next(jobs)

"""


@only_linux
def test_a_job_does_not_outlive_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT + "if __name__ == '__main__':\n    main()\n")
    with subprocess.Popen([sys.executable, script, IMPORTABLE], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        parent.kill()
    assert ends_soon(pid)


def test_a_script_without_a_guard_is_told_what_to_do(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT + "main()\n")
    done = subprocess.run([sys.executable, script, IMPORTABLE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert "LauncherError: A process ended with exit code 1 before it could begin;" in last
    advice = 'Put what it does below `if __name__ == "__main__":`, or give jobs=None to run in this process.'
    assert advice in last
    assert f"LauncherError: {UNGUARDED}" in done.stderr  # from the child, which got no further


def test_a_program_from_standard_input_is_told_what_to_do() -> None:
    program = "from unfreeze.experiments.launchers import LocalProcesses\nLocalProcesses()\n"
    done = subprocess.run([sys.executable], input=program, capture_output=True, text=True, timeout=60, check=False)
    assert "LauncherError: This program came through standard input" in done.stderr.splitlines()[-1]


# What cannot be sent


def test_what_cannot_be_sent_is_refused_before_anything_starts(work: Any) -> None:
    class Inner:
        pass

    for jobs in ([1, threading.Lock()], [1, Inner()], [1, lambda: None]):
        started: list[Any] = []
        with pytest.raises(LauncherError, match=r"^The job \S+ cannot be sent to another process: .*jobs=None"):
            next(LocalProcesses().run(work.give_back, jobs, ignore, started.append))
        assert started == []
    with pytest.raises(LauncherError, match=r"^The function \S+<lambda> cannot be sent .*jobs=None"):
        next(LocalProcesses().run(lambda job, say: job, [1], ignore))


def test_what_a_child_cannot_read_is_refused(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = ModuleType("a_notebook")
    exec("class Mine:\n    pass", notebook.__dict__)
    monkeypatch.setitem(sys.modules, "a_notebook", notebook)
    with pytest.raises(LauncherError, match=r"a job cannot be read in another process: .*a_notebook.*jobs=None"):
        run(LocalProcesses(), work.give_back, notebook.Mine())
    assert len(run(InProcess(), work.give_back, notebook.Mine())) == 1  # the way out


def test_impossible_launchers_are_refused(work: Any) -> None:
    with pytest.raises(LauncherError, match="jobs=0: how many runs at once, at least 1"):
        LocalProcesses(0)
    [(_, inside)] = run(LocalProcesses(), work.launch_from_here, None)
    assert "LauncherError: This process is a daemon" in inside.reason


# What a child has and has not from its parent


def test_a_child_has_the_environment_of_the_moment(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["UNFREEZE_TEST_NEW", "UNFREEZE_TEST_OLD"]
    monkeypatch.setenv("UNFREEZE_TEST_OLD", "1")
    assert run(LocalProcesses(), work.variables, names) == [(names, [None, "1"])]
    monkeypatch.delenv("UNFREEZE_TEST_OLD")
    monkeypatch.setenv("UNFREEZE_TEST_NEW", "2")
    assert run(LocalProcesses(), work.variables, names) == [(names, ["2", None])]


def test_libraries_in_a_child_see_the_environment_of_the_moment(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert run(LocalProcesses(), work.hub_is_offline, None) == [(None, True)]
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")  # this test asks for the setting only, not for the network
    assert run(LocalProcesses(), work.hub_is_offline, None) == [(None, False)]


def test_several_at_once_share_the_cores_and_one_alone_has_the_parents_threads(work: Any) -> None:
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert run(LocalProcesses(), work.threads, "alone") == [("alone", 3)]
        assert run(LocalProcesses(2), work.threads, "shared") == [("shared", max(1, cores // 2))]
        assert run(LocalProcesses(cores + 1), work.threads, "crowded") == [("crowded", 1)]
    finally:
        torch.set_num_threads(before)


@only_linux
def test_a_childs_peak_memory_is_its_own(work: Any) -> None:
    [(_, before)] = run(LocalProcesses(), work.peak_after_allocating, 0)
    ballast = b"x" * (300 * MEGABYTE)
    [(_, beside)] = run(LocalProcesses(), work.peak_after_allocating, 0)
    assert len(ballast) and abs(beside - before) < 30 * MEGABYTE
    [(_, own)] = run(LocalProcesses(), work.peak_after_allocating, 200 * MEGABYTE)
    assert 170 * MEGABYTE < own - before < 230 * MEGABYTE


GROUP = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import launcher_jobs
from unfreeze.cli import Terminated, _terminate
from unfreeze.experiments.launchers import LocalProcesses
import signal

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    heard = lambda job, message: print(message, flush=True)
    try:
        list(LocalProcesses(2).run(launcher_jobs.train_until_asked, [Path(one) for one in sys.argv[2:]], heard))
    except (KeyboardInterrupt, Terminated):
        sys.exit(143)
"""


@pytest.mark.slow
@only_linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_lets_every_job_save(tmp_path: Path, number: signal.Signals) -> None:
    """As `timeout` and service managers send it: the children get it from them, and once more from their parent."""
    (script := tmp_path / "group.py").write_text(GROUP)
    saved = [tmp_path / "0", tmp_path / "1"]
    process = subprocess.Popen(
        [sys.executable, str(script), str(IMPORTABLE), *map(str, saved)],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in saved] == ["trains\n", "trains\n"]
    os.killpg(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert [one.read_text() for one in saved] == ["saved", "saved"]
