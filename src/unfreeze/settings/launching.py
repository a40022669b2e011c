"""Where runs are made: `--launcher` and what belongs to it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationInfo

from unfreeze.settings.mistakes import flag

LOCAL = "local"
# What says something to Ray only, with the defaults.
RAY_ALONE: dict[str, Any] = {"address": "local", "cpus_per_run": 1, "gpus_per_run": 0.0}


def who_counts(value: str, info: ValidationInfo) -> str:
    """Ray decides itself how many runs there are at once."""
    jobs = info.data.get("jobs")
    if value == "ray" and jobs is not None and jobs > 1:
        raise ValueError(f"--launcher ray --jobs {jobs}: Ray runs as many as there is room for. Leave --jobs out.")
    return value


def with_ray_only(value: Any, info: ValidationInfo) -> Any:
    """One of `RAY_ALONE` that says something has Ray to say it to."""
    name = str(info.field_name)
    if info.data.get("launcher") == LOCAL and value != RAY_ALONE[name]:
        raise ValueError(f"{flag(name)} {value}: is used with --launcher ray only. Give that too.")
    return value
