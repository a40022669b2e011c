"""Two real processes that train one network together: the gradients, scores and weights of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from soak.workload import Workload, fingerprint, make_data, make_model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
IMPORTABLE = Path(__file__).parent / "importable"
ROOT = Path(__file__).parents[2]
# Their gradients are zero in exact arithmetic: Adam makes steps of what rounding leaves. The last for questions only.
SHIFTED = ("key.bias", "qa_outputs.bias", "layer.1.output.LayerNorm.bias")
TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without dropout: what it drops depends on who draws it."""
    folder = make_model(tmp_path_factory.mktemp("model") / "model")
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Numbers of examples that no batch and no pair of processes divides."""
    folder = tmp_path_factory.mktemp("data")
    return {task: make_data(folder / task, task, 61) for task in ("classification", "ner", "question-answering")}


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("UNFREEZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT), str(IMPORTABLE)]))


def two(*command: str, at: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Both processes, to their end."""
    return subprocess.run(
        [*TWO, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=280, cwd=at
    )


@pytest.mark.parametrize("task", ["classification", "ner", "question-answering"])
@pytest.mark.parametrize("lacks", [(), ("activations",), ("moments",)], ids=["", "memory in one", "memory at the end"])
def test_gradients_are_those_of_one_process(
    model: Path, data: dict[str, Path], task: str, lacks: tuple[str, ...], tmp_path: Path, one_thread: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    done = two(str(IMPORTABLE / "shared_batches.py"), str(model), str(data[task]), str(tmp_path), *lacks)
    assert done.returncode == 0, done.stdout
    monkeypatch.syspath_prepend(str(IMPORTABLE))
    from shared_batches import STRATEGIES, gradients

    alone = gradients(str(model), str(data[task]))
    together, other = (load_file(tmp_path / f"{rank}.safetensors") for rank in (0, 1))
    assert alone.keys() == together.keys() == other.keys()
    steps = {name.split("/")[0]: int(name.split("/")[1]) for name in alone}
    assert steps.keys() == set(STRATEGIES) and set(steps.values()) == {9}
    for name, gradient in alone.items():
        torch.testing.assert_close(together[name], gradient, rtol=0, atol=1e-6)
        assert torch.equal(together[name], other[name])


def command(model: Path, data: Path, output: Path, *strategies: str, **more: Any) -> list[str]:
    flags = {"seeds": 1, "epochs": 3, "per-device-train-batch-size": 8, "learning-rate": "1e-3", "max-length": 32,
             "speedups": "unpad+compact+cache", "early-stopping-patience": "none", **more}  # fmt: skip
    said = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    named = [word for one in strategies for word in ("--strategy", one)]
    return ["compare", "--no-plan", "--model", str(model), "--data", str(data), "--output", str(output), *named, *said]


@pytest.mark.parametrize("task", ["classification", "ner", "question-answering"])
def test_the_comparison_is_that_of_one_process(
    model: Path, data: dict[str, Path], task: str, tmp_path: Path, one_thread: None
) -> None:
    """Every example is predicted once, what trains changes between epochs, and the weights are the same."""
    compares_as_one(
        model, data[task], tmp_path, "full", "gradual", "lora:r=2", "head", question=task == "question-answering"
    )


def test_a_teacher_teaches_two_as_one(model: Path, data: dict[str, Path], tmp_path: Path, one_thread: None) -> None:
    here = data["classification"]
    subprocess.run([sys.executable, "-m", "unfreeze", *command(model, here, tmp_path / "taught", "full")], check=True)
    [teacher] = tmp_path.glob("taught/runs/*/*/*/model")
    students = (f"distill:teacher={teacher},layers=1", f"distill:teacher={teacher},layers=1,hidden=1")
    compares_as_one(model, here, tmp_path, *students)


def compares_as_one(model: Path, data: Path, folder: Path, *strategies: str, question: bool = False) -> None:
    one, both = folder / "one", folder / "both"
    subprocess.run([sys.executable, "-m", "unfreeze", *command(model, data, one, *strategies)], check=True)
    done = two("-m", "unfreeze", *command(model, data, both, *strategies))
    assert done.returncode == 0 and done.stdout.count("report: ") == 1, done.stdout
    for file in one.glob("runs/*/*/*/predictions.jsonl"):
        rows, others = ([json.loads(line) for line in path.read_text().splitlines()]
                        for path in (file, both / file.relative_to(one)))  # fmt: skip
        assert [(row["split"], row["index"], row["predicted"]) for row in rows] == [
            (row["split"], row["index"], row["predicted"]) for row in others
        ]
    weights = list(one.glob("runs/*/*/*/model/*.safetensors"))
    assert len(weights) == len(strategies)
    for path in weights:
        expected, found = load_file(path), load_file(both / path.relative_to(one))
        for name, tensor in expected.items():
            if not name.endswith(SHIFTED if question else SHIFTED[:1]):
                torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-5)


def test_a_comparison_begun_by_one_goes_on_with_two(model: Path, data: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "output"
    here = data["classification"]
    subprocess.run([sys.executable, "-m", "unfreeze", *command(model, here, output, "full")], check=True)
    [made] = output.glob("runs/*/full*/*/record.json")
    when = made.stat().st_mtime_ns
    done = two("-m", "unfreeze", *command(model, here, output, "full", "head"))
    assert done.returncode == 0 and "1 of 2 runs are in" in done.stdout, done.stdout
    assert made.stat().st_mtime_ns == when and len(list(output.glob("runs/*/*/*/record.json"))) == 2


@pytest.fixture(scope="module")
def dropping(tmp_path_factory: pytest.TempPathFactory) -> Workload:
    """With dropout: each process draws its own, whatever happened before."""
    return Workload.of(tmp_path_factory.mktemp("dropping"), "classification", ("full",), epochs=40)


def begin(work: Workload, output: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*TWO, *work.command(output)[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=280)
    return said


def wait_for_weights(process: subprocess.Popen[str], output: Path) -> None:
    while process.poll() is None and not list(output.glob("runs/*/*/*/checkpoints/*best-*")):
        time.sleep(0.02)


def member(launcher: subprocess.Popen[str], rank: int) -> int:
    """The id of a process that the launcher started."""
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    started = {pid: Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for pid in children}
    return next(int(pid) for pid, variables in started.items() if f"RANK={rank}".encode() in variables)


@pytest.fixture(scope="module")
def undisturbed(dropping: Workload, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("undisturbed") / "output"
    process = begin(dropping, output)
    said = ended(process)
    assert process.returncode == 0, said
    return fingerprint(output)


@pytest.mark.parametrize(
    ("number", "to"),
    [
        (signal.SIGTERM, "launcher"), (signal.SIGINT, "launcher"), (signal.SIGTERM, "all"), (signal.SIGTERM, "first"),
        (signal.SIGTERM, "second"), (signal.SIGKILL, "second"),
    ],
)  # fmt: skip
def test_whoever_is_asked_to_stop_the_first_saves_and_the_end_is_the_same(
    number: int, to: str, dropping: Workload, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    """The launcher passes on what it gets, also to those that had it already."""
    output = tmp_path / "stopped"
    process = begin(dropping, output)
    wait_for_weights(process, output)
    ids = {"launcher": process.pid, "first": member(process, 0), "second": member(process, 1)}
    for pid in ids.values() if to == "all" else (ids[to],):
        os.kill(pid, number)
    said = ended(process)
    assert process.returncode != 0 and list(output.glob("runs/*/*/*/checkpoints/step-*/state.json")), said
    assert not list(output.glob("runs/*/*/*/record.json"))
    process = begin(dropping, output)
    said = ended(process)
    assert process.returncode == 0 and fingerprint(output) == undisturbed, said


def test_a_run_of_one_goes_on_with_two_who_see_other_disks(dropping: Workload, tmp_path: Path) -> None:
    output = tmp_path / "output"
    process = dropping.start(output)
    wait_for_weights(process, output)
    process.terminate()
    said = ended(process)
    assert list(output.glob("runs/*/*/*/checkpoints/step-*/state.json")), said
    done = two(str(IMPORTABLE / "elsewhere.py"), "compare", "--resume", output.name, at=tmp_path)
    assert done.returncode == 0, done.stdout
    [record] = [json.loads(file.read_text()) for file in output.glob("runs/*/*/*/record.json")]
    assert record["processes"] == 2
    assert [note for note in record["notes"] if "resumed at step" in note and "with processes 1 -> 2" in note]


def test_one_that_fails_costs_a_run_and_the_next_begins_with_all(dropping: Workload, tmp_path: Path) -> None:
    """A full disk, a mistake in a task, memory that runs out in an evaluation, in the step, and before the loop."""
    output = tmp_path / "output"
    done = two(str(IMPORTABLE / "failing_together.py"), str(dropping.model), str(dropping.data), str(output))
    assert done.returncode == 0, done.stdout
    records = [json.loads(file.read_text()) for file in output.glob("runs/*/*/*/record.json")]
    assert {record["strategy"]: record["error"] for record in records} == {
        "full": "OSError: [Errno 28] No space left on device",
        "head": "in process 1: ValueError: no such label",
        "bitfit": "in process 1: MemoryError: no room for a window",
        "llrd": "in process 1: RuntimeError: a broken kernel",
        "lora:r=2": "in process 1: OSError: no such model here",
        "freeze:last=1": None,
    }


def test_accelerate_starts_them_too(dropping: Workload, tmp_path: Path) -> None:
    """On a machine without GPUs --multi_gpu starts processes as well; --cpu one alone, without MPI."""
    start = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "2", "--num_machines", "1",
             "--mixed_precision", "no", "--dynamo_backend", "no"]  # fmt: skip
    train = ["-m", "unfreeze", "train", "--model", str(dropping.model), "--data", str(dropping.data), "--epochs", "1"]
    made = {}
    for how in ("--multi_gpu", "--cpu"):
        output = tmp_path / how
        done = subprocess.run(
            [*start, how, *train, "--output", str(output)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=280,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        [record] = output.glob("runs/*/*/*/record.json")
        made[how] = (json.loads(record.read_text())["processes"], "it trains alone" in done.stdout)
    assert made == {"--multi_gpu": (2, False), "--cpu": (1, True)}


def test_mistakes_end_all_and_are_said_once(model: Path, data: dict[str, Path], tmp_path: Path) -> None:
    done = two("-m", "unfreeze", *command(model, data["ner"], tmp_path / "output", "full", jobs=2))
    assert done.returncode != 0
    assert done.stdout.count("--jobs 2: 2 processes started together make one run at a time. Leave it out.") == 1
    assert "process 1: the first process ended early; it says why." in done.stdout


def test_what_is_no_training_is_done_by_the_first_alone(data: dict[str, Path]) -> None:
    done = two("-m", "unfreeze", "inspect", "--data", str(data["ner"]))
    assert done.returncode == 0 and done.stdout.count("task: tagging") == 1, done.stdout
