"""Settings that a task does not look at, so that nobody waits for their effect."""

from __future__ import annotations

from dataclasses import fields

from unfreeze.settings.mistakes import flag
from unfreeze.settings.model import Settings
from unfreeze.tasks import TASKS

# What is no field of a task and is read for one only. Column names are judged by the readers, which know the format.
READ_FOR = {"tag_column": "tagging", "label_separator": "multi-label"}


def unused_settings(settings: Settings, task: str) -> list[str]:
    """One note for each setting that differs from its default and that this task does not look at; of a task of the
    user's own nobody knows."""
    if task not in TASKS:
        return []
    users: dict[str, list[str]] = {}
    for other, known in TASKS.items():
        for field in fields(known):  # type: ignore[arg-type]
            users.setdefault(field.name, []).append(other)
    users |= {name: [other] for name, other in READ_FOR.items()}
    notes = [
        f"{flag(name)} {getattr(settings, name)} is not used: it is for {', '.join(known)}, this is {task}"
        for name, known in users.items()
        if name in Settings.model_fields
        and task not in known
        and getattr(settings, name) != Settings.model_fields[name].default
    ]
    return notes + _stride_without_windows(settings, task)


def _stride_without_windows(settings: Settings, task: str) -> list[str]:
    """Tasks on whole texts cut them into windows only where they are told to read all of a long one."""
    reads_windows = settings.long_text.startswith("window")
    cuts = "long_text" in {field.name for field in fields(TASKS[task])}  # type: ignore[arg-type]
    if settings.doc_stride is None or reads_windows or not cuts:
        return []
    return [
        f"{flag('doc_stride')} {settings.doc_stride} is not used: it is for --long-text window_mean and window_max, "
        f"this is {settings.long_text}"
    ]
