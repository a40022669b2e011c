"""Loading what others wrote: trials 13 (malicious files), 14 (what the package does not contain) and 19 (paths)."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from soak.baits import Bait, Nest, baits, pickled
from soak.banned import PACKAGE, offences
from soak.trial import Figure, Ground, Tally, Trial
from soak.workload import make_data, make_model

RUN = "runs/m/full-abcdef/seed-1"


def malicious_files(ground: Ground) -> Figure:
    """Each bait is offered to every loader of its kind: nothing runs; what is not loaded is refused in one line."""
    tally, canary = Tally(), ground.folder / "canary"
    pickle.loads(pickled(Nest(ground.folder, "", canary)))
    if not canary.exists():
        return Figure(0, 1, "the payload does nothing, so that nothing is shown")
    canary.unlink()
    refused = 0
    with _offline(), _imported_from_here(ground.folder):
        good = _good(ground.folder)
        for number, bait in enumerate([*baits()][:: ground.times(3, 1)]):
            nest = Nest(ground.folder / f"{number}" / bait.kind, bait.kind, canary)
            shutil.copytree(good[bait.kind], nest.folder)
            (nest.folder.parent / "good-model").symlink_to(good["model"])
            (ground.folder / "evil.py").write_text(nest.code)
            bait.lay(nest)
            wrong, said = _offer(bait, nest)
            refused += said
            tally.add(not wrong and not canary.exists(), f"{bait.name}: {'; '.join(wrong) or 'code was run'}")
            canary.unlink(missing_ok=True)
            sys.modules.pop("evil", None)
            shutil.rmtree(nest.folder.parent)
    return tally.figure(f"{refused} refused in one line, the others loaded without what is in them")


def _offer(bait: Bait, nest: Nest) -> tuple[list[str], bool]:
    """What went wrong, and whether some loader refused it."""
    wrong, refused = [], False
    for name, load in _LOADERS[bait.kind].items():
        said = _outcome(lambda load=load: load(nest.folder))
        refused |= said == "refused"
        if said not in ("refused", "loaded"):
            wrong.append(f"{name}: {said}")
    return wrong, refused


def _outcome(load: Callable[[], object]) -> str:
    """`loaded`, `refused` with an error of our own in one line, or what else was raised."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            load()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        ours = type(error).__module__.startswith("unfreeze.")
        return "refused" if ours and "\n" not in str(error) else f"{type(error).__name__}: {str(error)[:200]}"
    return "loaded"


def _network(folder: Path) -> None:
    from unfreeze.models.load import load_network

    load_network(str(folder), "AutoModelForSequenceClassification", 0)


def _tokenizer(folder: Path) -> None:
    from unfreeze.models.load import load_tokenizer

    load_tokenizer(str(folder))("a cat")


def _config(folder: Path) -> None:
    from unfreeze.models.load import load_config

    load_config(str(folder))


def _identity(folder: Path) -> None:
    from unfreeze.models.weights_identity import weights_identity

    weights_identity(str(folder))


def _skeleton(folder: Path) -> None:
    from unfreeze.models.skeleton import build_skeleton

    build_skeleton(str(folder), "AutoModelForSequenceClassification")


def _predictor(folder: Path) -> None:
    from unfreeze.inference.predictor import load_predictor

    load_predictor(folder, device="cpu").predict("a cat")


def _settings_file(folder: Path) -> None:
    from unfreeze.settings import read_config_file, read_settings

    read_settings(read_config_file(folder / "settings.yaml"))


def _settings_of(folder: Path) -> None:
    from unfreeze.experiments.folder import settings_of

    settings_of(folder)


def _records(folder: Path) -> None:
    from unfreeze.storage.records import find_runs, read_predictions, read_record

    for run in find_runs(folder):
        read_record(run)
        read_predictions(run, "validation")


def _answers(folder: Path) -> None:
    from unfreeze.experiments.answers import AnswersOfRuns
    from unfreeze.storage.records import find_runs, read_record
    from unfreeze.tasks import TASKS

    answers = AnswersOfRuns(folder, ("validation",), TASKS["classification"])
    for run in find_runs(folder):
        answers.of(read_record(run), "validation")


def _report(folder: Path) -> None:
    from unfreeze.reports.results import read_results

    read_results(folder)


_MODEL_LOADERS: dict[str, Callable[[Path], None]] = {
    "load_config": _config,
    "load_tokenizer": _tokenizer,
    "build_skeleton": _skeleton,
    "load_network": _network,
    "load_predictor": _predictor,
    "weights_identity": _identity,
}
_LOADERS: dict[str, dict[str, Callable[[Path], None]]] = {
    "model": _MODEL_LOADERS,
    "adapter": _MODEL_LOADERS,
    "comparison": {
        "read_config_file": _settings_file,
        "settings_of": _settings_of,
        "records": _records,
        "answers": _answers,
        "report": _report,
    },
}


def _good(folder: Path) -> dict[str, Path]:
    """A model, an adapter and a comparison with nothing wrong in them; checked to load, or nothing is shown."""
    made = {kind: folder / f"good-{kind}" for kind in _LOADERS}
    _make_adapter(make_model(folder / "good-encoder"), made["model"], made["adapter"])
    _make_comparison(made["comparison"])
    for kind, path in made.items():
        # An adapter is no whole network, so that two of its loaders must refuse it.
        allowed = ("loaded", "refused") if kind == "adapter" else ("loaded",)
        for name, load in _LOADERS[kind].items():
            said = _outcome(lambda load=load, path=path: load(path))
            if said not in (allowed if name == "load_network" else ("loaded",)):
                raise AssertionError(f"the good {kind} is not taken by {name}: {said}")
    return made


def _make_adapter(encoder: Path, model: Path, adapter: Path) -> None:
    from peft import LoraConfig, get_peft_model

    from unfreeze.models.load import load_network, load_tokenizer
    from unfreeze.models.quiet import quiet_loading

    network = load_network(str(encoder), "AutoModelForSequenceClassification", 0).network
    tokenizer = load_tokenizer(str(encoder))
    for folder in (model, adapter):
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    (adapter / "model.safetensors").unlink()
    config = LoraConfig(r=2, target_modules=["query"], task_type="SEQ_CLS")
    with quiet_loading():
        get_peft_model(network, config).save_pretrained(adapter)
    file = adapter / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": str(model)}))


def _make_comparison(folder: Path) -> None:
    from unfreeze.storage.atomic import write_json, write_text
    from unfreeze.storage.lines import write_lines
    from unfreeze.storage.records import RunRecord, write_record

    scores = {"macro_f1": 0.5, "accuracy": 0.5}
    record = RunRecord(
        "full", 1, "m", "classification", "done", validation=scores, test=scores, selection_metric="macro_f1",
        model=f"{RUN}/model",
    )  # fmt: skip
    write_record(folder / RUN, record)
    row = {"split": "validation", "index": 0, "text": "a", "gold": "x", "predicted": "x", "scores": {"x": 1.0}}
    write_lines(folder / RUN / "predictions.jsonl", [row])
    write_json(folder / "comparison.json", {"schema_version": 1, "runs": []})
    write_json(folder / "identity.json", {})
    write_text(folder / "settings.yaml", "model: [m]\n")


@contextmanager
def _offline() -> Iterator[None]:
    import huggingface_hub.constants

    with patch.object(huggingface_hub.constants, "HF_HUB_OFFLINE", True):
        yield


@contextmanager
def _imported_from_here(folder: Path) -> Iterator[None]:
    """What asks for a module called `evil` gets ours."""
    before = Path.cwd()
    os.chdir(folder)
    with patch.object(sys, "path", [str(folder), *sys.path]), patch.object(sys, "dont_write_bytecode", True):
        try:
            yield
        finally:
            os.chdir(before)


def nothing_banned(ground: Ground) -> Figure:
    """Every file of the package is parsed and looked through."""
    tally = Tally()
    for file in sorted(PACKAGE.rglob("*.py")):
        found = offences(file, file.read_text(encoding="utf-8"))
        tally.add(not found, "; ".join(found))
    return tally.figure(f"0 hits in {tally.good} files; one sends objects between its own processes")


def traversals() -> list[str]:
    """Names that try to lead out of a folder; each ends at `secret`, two folders up, if it gets there."""
    up = [
        "..",
        "%2e%2e",
        "%252e%252e",
        "..%00",
        "%c0%ae%c0%ae",
        "\uff0e\uff0e",
        "\u2024\u2024",
        "․.",
        "....",
        ". .",
        "..;",
    ]
    slashes = ["/", "\\", "%2f", "%5c", "%252f", "\uff0f", "\u2215", "//"]
    found = [f"{dots}{slash}{dots}{slash}secret" for dots in up[:7] for slash in slashes]
    found += ["runs/../../../secret", "./../../secret", "runs/m/../../../../secret", "....//....//secret"]
    found += ["/etc/passwd", "/etc/../etc/passwd", "//etc/passwd", "file:///etc/passwd", "~/secret", "~root/secret"]
    found += ["~nobody-of-that-name/secret", "C:\\Windows\\win.ini", "\\\\server\\share", "a\0../../secret", "\0"]
    found += [
        "../" * 40 + "etc/passwd",
        "x" * 300,
        "x" * 5000,
        "a/" * 3000,
        "..",
        "../..",
        ".",
        "/",
        "link/secret",
        "link",
    ]
    return [*found, "..\n/secret", "../../secret\n", " ../../secret", "../../secret\t", "\u202e../../secret", "‮terces"]


def path_traversal(ground: Ground) -> Figure:
    """Each name in each place where a name of a file, a model or a run is read: nothing outside is opened or made."""
    tally, comparison = Tally(), ground.folder / "a" / "b" / "comparison"
    _make_comparison(comparison)
    secret = make_model(ground.folder / "a" / "secret")
    (secret / "predictions.jsonl").write_text('{"split": "validation", "index": 0, "gold": "x", "predicted": "x"}\n')
    model = make_model(comparison / RUN / "model")
    (comparison / "link").symlink_to(secret.parent)
    work = comparison / "empty"
    work.mkdir()
    make_data(work / "data", "classification", 8)
    names = traversals()
    inside = (comparison, Path(os.environ.get("TMPDIR", "/tmp")) / "unfreeze-model-")
    _watch()
    with _offline(), _imported_from_here(work):
        for use, attempt in _USES.items():
            for name in names:
                _Opened.clear()
                with _watching():
                    said = _outcome(lambda attempt=attempt, name=name: attempt(comparison, model, name))
                left = [one for one in _Opened if _is_outside(one, ground.folder, inside)]
                good = said in ("refused", "loaded") and not left
                tally.add(good, f"{use} {name[:40]!r}: {left[0] if left else said}")
    return tally.figure(f"{len(names)} names as {', '.join(_USES)}")


def _as_pointer(comparison: Path, model: Path, name: str) -> None:
    from unfreeze.inference.predictor import load_predictor

    (comparison / "best").write_bytes(name.encode())
    load_predictor(comparison, device="cpu")


def _as_saved_model(comparison: Path, model: Path, name: str) -> None:
    from unfreeze.storage.atomic import write_json

    values = json.loads((comparison / RUN / "record.json").read_text())
    write_json(comparison / RUN / "record.json", values | {"model": f"{name}/x"})
    _answers(comparison)


def _as_run(comparison: Path, model: Path, name: str) -> None:
    from unfreeze.storage.folders import run_folder

    for folder in (
        run_folder(comparison, name, "full", "x", 1),
        run_folder(comparison, "m", name, "x", 1),
        run_folder(comparison, name, name, "x", 1, kind="search"),
    ):
        folder.mkdir(parents=True)
        (folder / "record.json").touch()
        shutil.rmtree(folder)


def _as_model(comparison: Path, model: Path, name: str) -> None:
    from unfreeze.models.load import load_config, model_path

    # A path that a user types may lead anywhere; a name that is no path must not be made one.
    if not name.startswith((".", "/", "link", "runs", "~", " ")):
        model_path(name)
        load_config(name)


def _as_shard(comparison: Path, model: Path, name: str) -> None:
    index = model / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"x": name}}))
    try:
        _network(model)
    finally:
        index.unlink()


def _as_vocabulary(comparison: Path, model: Path, name: str) -> None:
    file = model / "tokenizer_config.json"
    before = file.read_text()
    values = {"tokenizer_file": name, "vocab_file": name, "fast_tokenizer_files": [name], "tokenizer_class": name}
    file.write_text(json.dumps(json.loads(before) | values))
    try:
        _tokenizer(model)
    finally:
        file.write_text(before)


def _as_test_set(comparison: Path, model: Path, name: str) -> None:
    from unfreeze.data.request import DataRequest
    from unfreeze.data.sources import load_corpus

    if "/" not in name:  # then it is read as a path that the user types
        file = str(Path("data", "test.jsonl"))
        load_corpus(DataRequest(data="data", test_file=(f"{name}={file}",)))


_USES: dict[str, Callable[[Path, Path, str], None]] = {
    "`best`": _as_pointer,
    "model of a record": _as_saved_model,
    "run and strategy": _as_run,
    "--model": _as_model,
    "weights of an index": _as_shard,
    "vocabulary": _as_vocabulary,
    "test set": _as_test_set,
}

_Opened: list[str] = []
_State: dict[str, Any] = {"watching": False}
_EVENTS = ("open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink")


@cache
def _watch() -> None:
    """Python tells of every file that it opens, from now on."""

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if _State["watching"] and event in _EVENTS:
            _Opened.extend(os.fsdecode(one) for one in arguments[:2] if isinstance(one, str | bytes | os.PathLike))

    sys.addaudithook(note)


@contextmanager
def _watching() -> Iterator[None]:
    _State["watching"] = True
    try:
        yield
    finally:
        _State["watching"] = False


def _is_outside(opened: str, ground: Path, inside: tuple[Path, ...]) -> bool:
    """Is it a file of this trial's folder, or of the system's settings, that nobody has any business with?"""
    try:
        real = os.path.realpath(opened)
    except ValueError:
        return True
    if any(real.startswith(os.path.realpath(one)) for one in inside):
        return False
    return real.startswith((os.path.realpath(ground), "/etc", "/root/.ssh")) or real.endswith("secret")


TRIALS = (
    Trial(13, "P8", "malicious files: nothing in them runs", malicious_files),
    Trial(14, "P8", "what could run a file's content is not in the package", nothing_banned),
    Trial(19, "P8", "names that lead out of a folder", path_traversal),
)
