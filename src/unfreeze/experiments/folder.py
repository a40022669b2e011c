"""The folder of a comparison: a new one, or one that more strategies, seeds or models are added to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from unfreeze.data.corpus import Corpus
from unfreeze.experiments.identity import Identity, data_parts, other_data, other_models
from unfreeze.settings import Settings, SettingsError, flag, read_settings
from unfreeze.settings.read import plain_yaml
from unfreeze.storage.atomic import write_bytes, write_json, write_text
from unfreeze.storage.environment import describe_environment
from unfreeze.storage.folders import (
    ENVIRONMENT_FILE,
    IDENTITY_FILE,
    SETTINGS_FILE,
    OutputError,
    check_output,
    claim_output,
    is_foreign,
)
from unfreeze.storage.own_files import read_own
from unfreeze.storage.records import COMPARISON_FILE, RunRecord, find_runs, read_comparison, read_record
from unfreeze.storage.run_lock import refuse_if_locked
from unfreeze.strategies import Strategy, StrategyError

# Of two commands on one folder these are put together; seeds count from the same first one.
ADDED_UP = ("model", "strategy")
_WRITTEN = (IDENTITY_FILE, ENVIRONMENT_FILE, SETTINGS_FILE)


def check_folder(output: Path, settings: Settings) -> None:
    """Refuse an output folder before anything is written; `open_folder` sees whether a comparison in it can go on.

    Raises:
        OutputError: results must not be written there.
    """
    named = [*settings.model, settings.data, settings.train_file, settings.validation_file]
    named += [one.partition("=")[2] or one for one in settings.test_file]
    read = [Path(one).expanduser() for one in named if isinstance(one, str | Path)]
    check_output(output, overwrite=settings.overwrite, read=[Path.cwd(), *(one for one in read if one.exists())])
    if not is_foreign(output):  # else the lock is somebody's own
        refuse_if_locked(output)


def check_data(output: Path, settings: Settings, corpus: Corpus) -> None:
    """Refuse a folder with runs on other data, before anything is made beside it.

    Raises:
        OutputError: it holds some.
    """
    if not settings.overwrite and (output / SETTINGS_FILE).is_file():
        now = Identity(corpus.sha256, {}, {}, data_parts(corpus, []))
        if (said := other_data(now, _read_identity(output / IDENTITY_FILE))) is not None:
            raise _other_question(output, [said])


def open_folder(output: Path, settings: Settings, identity: Identity) -> tuple[dict[str, Any], Identity]:
    """Create the folder, or continue the comparison in it; write settings and environment.

    Returns what its `comparison.json` said before, empty for a new one; and the identity with the precision of before.

    Raises:
        OutputError: the folder holds something else, or a comparison on other data, weights or with other settings.
    """
    continued = (output / SETTINGS_FILE).is_file() and not settings.overwrite
    before: dict[str, Any] = {}
    written = settings.written()
    if continued:
        earlier = _read_settings(output / SETTINGS_FILE)
        known = _read_identity(output / IDENTITY_FILE)
        _same_question(output, settings, earlier, identity, known)
        identity = Identity(
            identity.data_sha256,
            {**known.get("weights", {}), **identity.weights},
            {**identity.precision, **known.get("precision", {})},
            identity.data,
            {**known.get("files", {}), **identity.files},
            identity.task,
        )
        for name in ADDED_UP:
            written[name] = list(dict.fromkeys([*(earlier.get(name) or []), *written[name]]))
        if not settings.until_decided:  # whose plan counts from its own first number
            written["seeds"] = max(written["seeds"], int(earlier.get("seeds") or 1))
        if (output / COMPARISON_FILE).is_file():
            before = read_comparison(output)
    else:
        claim_output(output, overwrite=settings.overwrite)
    write_json(output / IDENTITY_FILE, asdict(identity))
    before_this = _read_environment(output / ENVIRONMENT_FILE) if continued else {}
    write_json(output / ENVIRONMENT_FILE, with_commands_of(before_this, describe_environment()))
    _write_yaml(output / SETTINGS_FILE, written)  # last: with it the folder holds a comparison
    return before, identity


@contextmanager
def as_before_if_refused(output: Path) -> Iterator[None]:
    """Give a folder the settings back that it had, where what is done inside refuses the command."""
    before = {name: (output / name).read_bytes() for name in _WRITTEN if (output / name).is_file()}
    try:
        yield
    except (OutputError, SettingsError, StrategyError):
        if len(before) == len(_WRITTEN):
            for name, content in before.items():
                write_bytes(output / name, content)
        raise


def refuse_two_rates(
    output: Path,
    fitting: Mapping[str, Sequence[Strategy]],
    lr_search: bool,
    searched: Sequence[Mapping[str, Any]],
) -> None:
    """Runs of one strategy must not have a rate that was searched for and one that was not: seeds would be mixed up.

    Args:
        fitting: the strategies of this command, by model.
        searched: the entries of `search` in the folder's `comparison.json`.

    Raises:
        OutputError: some would.
    """
    wanted = {(model, str(strategy)) for model, strategies in fitting.items() for strategy in strategies}
    known = {(one["model_name"], one["strategy"]) for one in searched}
    clashing: dict[str, None] = {}
    for record in _readable(output):
        name = (record.model_name, record.strategy)
        was_searched = record.learning_rate_from == "search" or name in known
        if name in wanted and record.learning_rate is not None and was_searched != lr_search:
            clashing[record.strategy] = None
    if clashing:
        those, these = ("without", "with") if lr_search else ("with", "without")
        raise OutputError(
            f"--output {output}: holds runs of {', '.join(clashing)} {those} --lr-search, and now it is {these}. "
            f"Choose another --output, or {'leave it out' if lr_search else 'pass it'}."
        )


def refuse_other_rates(
    output: Path, fitting: Mapping[str, Sequence[Strategy]], found: Mapping[tuple[str, Strategy], float]
) -> None:
    """A search among other rates may find another one; the runs that the folder holds stay what they are.

    Args:
        found: by model and strategy; one without a rate has its own.

    Raises:
        OutputError: some runs of these strategies have another rate.
    """
    rates = {
        (model, str(strategy)): found.get((model, strategy), strategy.learning_rate)
        for model, strategies in fitting.items()
        for strategy in strategies
    }
    other = {
        f"{record.strategy} at {record.learning_rate:g}, where it is {rates[name]:g} now": None
        for record in _readable(output)
        if (name := (record.model_name, record.strategy)) in rates and record.learning_rate not in (None, rates[name])
    }
    if other:
        raise OutputError(
            f"--lr-search: found other rates than before. --output {output} holds runs of {', '.join(other)}. "
            "Choose another --output, or search among the rates of before."
        )


def _readable(output: Path) -> Iterator[RunRecord]:
    """The records of all runs but damaged ones, which are made again."""
    for folder in find_runs(output):
        with suppress(OutputError):
            yield read_record(folder)


def _same_question(
    output: Path, settings: Settings, earlier: Mapping[str, Any], identity: Identity, known: Mapping[str, Any]
) -> None:
    """Runs of one folder are compared, so they must differ in strategy, seed and model alone."""
    data = other_data(identity, known)
    said = [*([data] if data else []), *other_models(identity, known)]
    if known.get("task", identity.task) != identity.task:
        said.append(
            f"of the task {known.get('task') or identity.data['task']}, not {identity.task or identity.data['task']}"
        )
    now = _through_yaml(settings.of_a_run())
    defaults = _through_yaml(read_settings({})[0].written())
    changed = [
        f"{flag(name)} was {earlier.get(name, defaults[name])} and is now {value}"
        for name, value in now.items()
        if earlier.get(name, defaults[name]) != value
    ]
    if earlier.get("seed", defaults["seed"]) != settings.seed:
        changed.append(f"--seed was {earlier.get('seed')} and is now {settings.seed}")
    if changed:
        said.append(f"with other settings ({'; '.join(changed)})")
    if said:
        raise _other_question(output, said)


def _other_question(output: Path, said: Sequence[str]) -> OutputError:
    return OutputError(
        f"--output {output}: holds runs {', and '.join(said)}. "
        "Choose another --output, or move the folder aside with --overwrite."
    )


def settings_of(output: Path) -> dict[str, Any]:
    """What the comparison in a folder was told.

    Raises:
        OutputError: there is none, or its settings cannot be read.
    """
    path = output / SETTINGS_FILE
    if not path.is_file():
        raise OutputError(f"--resume {output}: no comparison there (no file {SETTINGS_FILE}).")
    return _read_settings(path)


def with_commands_of(earlier: Mapping[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The machine as it is now, with the command that began the comparison and those that added to it. One that only
    goes on adds nothing: the report is that of a comparison that was never interrupted.

    >>> with_commands_of({"command": ["a"], "cpus": 1}, {"command": ["a", "--resume", "b"], "cpus": 2})
    {'command': ['a'], 'cpus': 2}
    >>> with_commands_of({"command": ["a"]}, {"command": ["a", "--seeds", "5"]})
    {'command': ['a'], 'later_commands': [['a', '--seeds', '5']]}
    """
    first, later = earlier.get("command"), earlier.get("later_commands")
    later = list(later) if isinstance(later, list) else []
    added = now["command"]
    gpus = {"gpus": now.get("gpus") or earlier["gpus"]} if earlier.get("gpus") else {}
    if not first:
        return {**now, **gpus, "command": None if added and "--resume" in added else added}
    if added and "--resume" not in added and added not in (first, *later):
        later.append(added)
    return {**now, **gpus, "command": first, **({"later_commands": later} if later else {})}


def _read_environment(path: Path) -> dict[str, Any]:
    """Empty where it cannot be read: nothing depends on it."""
    try:
        values = json.loads(read_own(path))
    except (OSError, ValueError, OutputError):
        return {}
    return values if isinstance(values, dict) else {}


def _read_identity(path: Path) -> dict[str, Any]:
    """Empty where there is none: then nothing is known to differ."""
    try:
        values = json.loads(read_own(path))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise OutputError(f"{path}: cannot be read. Choose another --output.") from None
    return values if isinstance(values, dict) else {}


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        values = plain_yaml(path)
    except (OSError, ValueError):
        raise OutputError(f"{path}: is no YAML that can be read. Choose another --output.") from None
    return values if isinstance(values, dict) else {}


def _through_yaml(values: Mapping[str, Any]) -> dict[str, Any]:
    """As they would come back from the file."""
    import yaml

    result: dict[str, Any] = yaml.safe_load(yaml.safe_dump(json.loads(json.dumps(values))))
    return result


def _write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    import yaml

    write_text(path, yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))
