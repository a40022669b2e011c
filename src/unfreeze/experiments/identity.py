"""What all runs of a folder have in common beside the settings, and what to say where a command differs in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from unfreeze.data.corpus import Corpus, splits_sha256
from unfreeze.experiments.prepare import Prepared
from unfreeze.models.weights_identity import identity_and_files
from unfreeze.strategies import Strategy
from unfreeze.tasks import TASKS, Task

_NAMED = 3  # labels or files of each kind in a message


@dataclass(frozen=True)
class Identity:
    """What decides; `data` and `files` are for messages, and empty where an older version wrote the folder."""

    data_sha256: str
    weights: dict[str, str]  # by model, teachers too
    precision: dict[str, dict[str, Any]]  # by model, as it was chosen by a probe: another could choose otherwise
    data: dict[str, Any] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)  # by model: file -> hash
    task: str | None = None  # a user's own with its fields; those of this package follow from the settings


def identity_of(corpus: Corpus, everything: Sequence[Prepared], fitting: Mapping[str, Sequence[Strategy]]) -> Identity:
    """Of a command that has read its data and prepared its models.

    Args:
        fitting: its strategies, by model; those that have a teacher name a model too.
    """
    models = [prepared.model_name for prepared in everything]
    taught = [one.teaching.teacher for strategies in fitting.values() for one in strategies if one.teaching is not None]
    known = {model: identity_and_files(model) for model in dict.fromkeys([*models, *taught])}
    return Identity(
        corpus.sha256,
        {model: weights for model, (weights, _) in known.items()},
        {prepared.model_name: prepared.speedups.precision.as_json() for prepared in everything},
        data_parts(corpus, everything[0].labels.names),
        {model: files for model, (_, files) in known.items()},
        None if type(everything[0].task) in TASKS.values() else _told(everything[0].task),
    )


def _told(task: Task) -> str:
    """A task with its fields; where one of them is an object, its place in memory says nothing.

    >>> class Mine:
    ...     pass
    >>> _told(Mine())  # doctest: +ELLIPSIS
    '<...Mine object>'
    """
    return re.sub(r" at 0x[0-9a-f]+", "", repr(task))


def data_parts(corpus: Corpus, labels: Sequence[str]) -> dict[str, Any]:
    """Task, labels, and a hash of each split."""
    hashes = {name: splits_sha256({name: examples})[:16] for name, examples in corpus.splits.items()}
    return {"task": corpus.task, "labels": list(labels), "splits": hashes}


def other_data(now: Identity, known: Mapping[str, Any]) -> str | None:
    """How the data differ from those of a folder, in words; None if they do not."""
    if known.get("data_sha256", now.data_sha256) == now.data_sha256:
        return None
    before = known.get("data") or {}
    said = []
    if before.get("task", now.data["task"]) != now.data["task"]:
        said.append(f"the task was {before['task']} and is now {now.data['task']}")
    said += _labels(before.get("labels", now.data["labels"]), now.data["labels"])
    splits = before.get("splits", now.data["splits"])
    for name in dict.fromkeys([*splits, *now.data["splits"]]):
        if name not in now.data["splits"]:
            said.append(f"{name} is gone")
        elif name not in splits:
            said.append(f"{name} is new")
        elif splits[name] != now.data["splits"][name]:
            said.append(f"{name} has other examples")
    return "on other data" + (f" ({'; '.join(said)})" if said else "")


def other_models(now: Identity, known: Mapping[str, Any]) -> list[str]:
    """The models that are called as one of the folder and are others, in words."""
    said = []
    for model, sha in now.weights.items():
        before = (known.get("weights") or {}).get(model, sha)
        if before == sha:
            continue
        files, earlier = now.files.get(model) or {}, (known.get("files") or {}).get(model) or {}
        if not files:
            said.append(f"of {model} in revision {before or 'unknown'}, now {sha or 'unknown'}")
            continue
        changed = [name for name in {**earlier, **files} if earlier.get(name) != files.get(name)] if earlier else []
        said.append(f"of {model} with other files in it" + (f" ({_some(changed)})" if changed else ""))
    return said


def _labels(before: Sequence[str], now: Sequence[str]) -> list[str]:
    new, gone = [one for one in now if one not in before], [one for one in before if one not in now]
    return [f"labels that are {word}: {_some(some)}" for word, some in (("new", new), ("gone", gone)) if some]


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
