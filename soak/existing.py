"""Commands that point at something that exists: trials 17 and 26."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from soak.in_process import call, contents, working_in
from soak.tiny_run import TinyRun
from soak.trial import Figure, Ground, Tally, Trial
from soak.workload import Workload, make_data
from unfreeze.storage.committed import committed_folder
from unfreeze.training.checkpoint import STATE_FILE, Checkpoints

SCRATCH = ("--from-scratch", "bert", "--vocab-size", "120", "--num-hidden-layers", "1", "--intermediate-size", "32")
SMALL = (*SCRATCH, "--hidden-size", "16", "--num-attention-heads", "2", "--max-steps", "2", "--max-length", "16")


@dataclass(frozen=True)
class Way:
    """A command that points at something; what is `at` a name is moved aside where that is asked for."""

    name: str
    command: tuple[object, ...]
    at: tuple[str, ...] = ()
    code: int = 2


def _compared(folder: Path) -> Workload:
    """A comparison in `out`, made once."""
    work = Workload.of(folder, "classification", ("head",), epochs=1)
    called = call(*work.command(Path("out"))[3:])
    assert called.code == 0, called.said
    return work


def _prepare(folder: Path) -> Workload:
    """What commands can point at, all in one folder."""
    work = _compared(folder)
    for task in ("classification", "ner"):
        make_data(folder / f"other-{task}", task, 40)
    text = folder / "text.txt"
    text.write_text("\n".join(["the old king sleeps here", "a new ship sings loud"] * 20))
    called = call("pretrain", "--data", text, *SMALL, "--output", "pre")
    assert called.code == 0, called.said
    model = next(Path("out").glob("runs/*/*/*/model"))
    shutil.copytree(model, "model-copy")
    shutil.copytree("out/report", "report-copy")
    Path("file").write_text("mine")
    Path("link").symlink_to("out")
    Path("dangling").symlink_to("nowhere")
    for name in ("mine", "mine-too", "fresh-from-scratch"):
        Path(name).mkdir()
        for file in ("thesis.txt", ".notes.old", ".draft.tmp", "settings.yaml"):
            (Path(name) / file).write_text("epochs: 3\n")
    return work


def _ways(work: Workload, folder: Path) -> Iterator[Way]:
    def compare(output: str, *more: str, data: str = "other-classification") -> tuple[object, ...]:
        return *replace(work, data=Path(data)).command(Path("x"), *more)[3 : -2 - len(more)], "--output", output, *more

    same, run = str(work.data), next(Path("out").glob("runs/*/*/*"))
    text = ("pretrain", "--data", "text.txt", *SMALL)
    yield Way("other data", compare("out"), ("out",))
    yield Way("other task", compare("out", data="other-ner"), ("out",))
    yield Way("other setting", compare("out", "--weight-decay", "0.1", data=same), ("out",))
    yield Way("other seed", compare("out", "--seed", "7", data=same), ("out",))
    yield Way("trailing slash", compare("out/"), ("out",))
    yield Way("relative, with dots", compare("mine/../out"), ("out",))
    yield Way("absolute", compare(str(folder / "out")), ("out",))
    yield Way("symbolic link", compare("link"), ("link",))
    yield Way("link to nothing", compare("dangling"))
    yield Way("a file", compare("file"))
    yield Way("foreign files", compare("mine"), ("mine",))
    yield Way("foreign files, absolute", compare(str(folder / "mine-too")), ("mine-too",))
    yield Way("a model", compare("model-copy"), ("model-copy",))
    yield Way("a model of a run", compare(str(run / "model")))
    yield Way("a run", compare(str(run)))
    yield Way("a report", compare("report-copy"), ("report-copy",))
    yield Way("a report of a comparison", compare("out/report"))
    yield Way("inside of a comparison", compare("out/new"))
    yield Way("inside of its runs", compare("out/runs/a/b/seed-1"))
    yield Way("the data", compare("other-classification"))
    yield Way("where the model lies", compare(str(work.model)))
    yield Way("the working directory", compare("."))
    yield Way("what was pretrained", compare("pre"), ("pre",))
    yield Way("pretraining onto a comparison", (*text, "--output", "out"), ("out",))
    yield Way("a model from scratch of another size", (*text, "--output", "pre", "--max-position-embeddings", "64"),
              ("pre", "pre-from-scratch"))  # fmt: skip
    yield Way("foreign files where the new model goes", (*text, "--output", "fresh"), ("fresh-from-scratch",))
    yield Way("the same again, runs", compare("out", data=same), code=0)
    yield Way("the report again", ("report", "out"), code=0)


def pointing_at_what_exists(ground: Ground) -> Figure:
    """Nothing that was there changes; with --overwrite it is moved aside, whole, or the command is refused."""
    tally, folder = Tally(), ground.folder / "here"
    folder.mkdir()
    with working_in(folder):
        work = _prepare(folder)
        ways = list(_ways(work, folder))
        for way in ways:
            before = _protected(folder, way)
            called = call(*way.command)
            after = _protected(folder, way)
            changed = sorted(name for name in before | after if before.get(name) != after.get(name))
            told = called.code == 0 or "error: --" in called.said
            good = called.code == way.code and not changed and told
            said = called.said.strip()[-150:]
            tally.add(good, f"{way.name}: exit {called.code}, changed {changed[:3]}: {said}")
        for way in ways:
            if way.code == 2:
                tally.add(*_overwritten(folder, way))
    return tally.figure(f"{len(ways)} ways, each with and without --overwrite: 0 bytes lost or changed")


def _protected(folder: Path, way: Way) -> dict[str, str]:
    """What must stay: all there is; of a comparison that is gone on with, its runs."""
    whole = contents(folder)
    # A foreign folder gets no file of ours either.
    whole |= {f"{name}/": str(contents(folder / name, ())) for name in ("mine", "mine-too", "model-copy")}
    kept = ("out/runs", "other", "pre", "mine") if way.name.startswith("the same again") else ("",)
    return {name: value for name, value in whole.items() if name.startswith(kept)}


def _overwritten(folder: Path, way: Way) -> tuple[bool, str]:
    """In a copy: what was there is there under a new name, or nothing has happened."""
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy, symlinks=True)
    command = [str(one).replace(f"{folder}/", f"{copy}/") for one in way.command]
    with working_in(copy):
        before = contents(copy)
        called = call(*command, "--overwrite")
        after = contents(copy)
    for at in way.at:
        for name in [one for one in before if one == at or one.startswith(f"{at}/")]:
            before[f"{at}.1{name.removeprefix(at)}"] = before.pop(name)
    lost = sorted(name for name, value in before.items() if after.get(name) != value)
    shutil.rmtree(copy)
    expected = 0 if way.at else 2
    good = called.code == expected and not lost
    return good, f"{way.name} --overwrite: exit {called.code}, lost {lost[:3]}: {called.said.strip()[-150:]}"


# Flag -> another value. Each decides what a run comes to.
OTHER_SETTINGS = {
    "epochs": "2", "max-length": "24", "per-device-train-batch-size": "4", "gradient-accumulation-steps": "2",
    "learning-rate": "2e-3", "weight-decay": "0.1", "max-grad-norm": "0.5", "lr-scheduler-type": "cosine",
    "warmup-steps": "0.2", "early-stopping-patience": "2", "metric-for-best-model": "accuracy",
    "train-sampling-strategy": "random", "nonfinite": "skip", "precision": "fp32", "speedups": "off",
    "class-weights": "balanced", "long-text": "head_tail", "eval-tokens-per-batch": "1024", "seed": "43",
    "max-steps": "3",
}  # fmt: skip


def another_question(ground: Ground) -> Figure:
    """One thing differs from what a folder holds: refused by its name, and nothing changes."""
    tally, folder = Tally(), ground.folder / "here"
    folder.mkdir()
    with working_in(folder):
        work = _compared(folder)
        names = [*OTHER_SETTINGS][:: ground.times(4, 1)]
        for name in names:
            command = list(work.command(Path("out"))[3:])
            if f"--{name}" in command:
                command[command.index(f"--{name}") + 1] = OTHER_SETTINGS[name]
            else:
                command += [f"--{name}", OTHER_SETTINGS[name]]
            _refused(tally, folder, command, f"--{name} was", name)
        command = work.command(Path("out"))[3:]
        for name, named, change in _other_files(work):
            saved = {file: file.read_bytes() for file in change}
            for file, content in change.items():
                file.write_bytes(content)
            _refused(tally, folder, command, named, name)
            for file, content in saved.items():
                file.write_bytes(content)
        make_data(folder / "tags", "ner", 40)
        tagged = replace(work, data=folder / "tags").command(Path("out"))[3:]
        _refused(tally, folder, tagged, "the task was classification and is now tagging", "task")
        resumed = call("compare", "--quiet", "--resume", "out")
        tally.add(resumed.code == 0, f"as before: {resumed.said.strip()[-200:]}")
    _other_states(tally, ground.folder / "states")
    return tally.figure("the message names what differs; states of another version are refused and said")


def _refused(tally: Tally, folder: Path, command: list[str], named: str, name: str) -> None:
    before = contents(folder / "out")
    called = call(*command)
    same = contents(folder / "out") == before
    tally.add(called.code == 2 and named in called.said and same, f"{name}: {called.said.strip()[-250:]}")


def _other_files(work: Workload) -> Iterator[tuple[str, str, dict[Path, bytes]]]:
    """What differs, how it must be called, and the files that make it so."""
    for split in ("train", "validation", "test"):
        file = work.data / f"{split}.jsonl"
        first, *rest = file.read_text().splitlines(keepends=True)
        cut = json.dumps({**json.loads(first), "text": "another text here"}) + "\n"
        yield split, f"{split} has other examples", {file: "".join([cut, *rest]).encode()}
    train = work.data / "train.jsonl"
    changed = {work.data / f"{split}.jsonl": (work.data / f"{split}.jsonl").read_text().replace('"odd"', '"strange"')
               for split in ("train", "validation", "test")}  # fmt: skip
    yield (
        "label set",
        "labels that are new: strange; labels that are gone: odd",
        {file: text.encode() for file, text in changed.items()},
    )
    yield "order of the data", "train has other examples", {train: b"".join(train.read_bytes().splitlines(True)[::-1])}
    weights = work.model / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    yield "model weights", "model.safetensors", {weights: bytes(content)}
    for file, old, new in (
        ("tokenizer.json", '"lowercase": true', '"lowercase": false'),
        ("config.json", '"layer_norm_eps": 1e-12', '"layer_norm_eps": 1e-11'),
    ):
        path = work.model / file
        text = path.read_text()
        assert old in text, (file, text[:500])
        yield file, file, {path: text.replace(old, new).encode()}


def _other_states(tally: Tally, folder: Path) -> None:
    """States that another version wrote: whole, but with other keys."""
    changes: dict[str, dict[str, Any]] = {"more": {"invented_later": 1}, "fewer": {"epoch_units": None}}
    for name, change in changes.items():
        here = folder / name
        run = TinyRun(here)
        run.save(1)
        run.save(2)
        newest = sorted(here.glob("step-*"))[-1]
        values = json.loads((newest / STATE_FILE).read_text()) | change
        values = {key: value for key, value in values.items() if change.get(key, 0) is not None}
        files = {file.name: file.read_bytes() for file in newest.iterdir() if file.suffix == ".safetensors"}
        with committed_folder(newest) as again:
            for file, content in files.items():
                (again / file).write_bytes(content)
            (again / STATE_FILE).write_text(json.dumps(values))
        saved, told = Checkpoints(here).newest()
        said = any("another version" in one and next(iter(change)) in one for one in told)
        tally.add(saved is not None and saved.state.step == 1 and said, f"state with {name} keys: {told}")


TRIALS = (
    Trial(17, "P4", "pointed at something that exists", pointing_at_what_exists),
    Trial(26, "P9", "gone on with one thing changed", another_question),
)
