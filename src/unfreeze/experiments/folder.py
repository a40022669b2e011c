"""The folder of a comparison: a new one, or one that more strategies, seeds or models are added to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unfreeze.settings import Settings, flag, read_settings
from unfreeze.storage.atomic import write_json, write_text
from unfreeze.storage.environment import describe_environment
from unfreeze.storage.folders import OutputError, claim_output
from unfreeze.storage.records import COMPARISON_FILE, find_runs, read_comparison, read_record
from unfreeze.strategies import Strategy

SETTINGS_FILE = "settings.yaml"
# Of two commands on one folder these are put together; seeds count from the same first one.
ADDED_UP = ("model", "strategy")


def open_folder(output: Path, settings: Settings, data_sha256: str) -> dict[str, Any]:
    """Create the folder, or continue the comparison in it; write settings and environment.

    Returns what its `comparison.json` said before; empty for a new one.

    Raises:
        OutputError: the folder holds something else, or a comparison on other data or with other settings.
    """
    continued = (output / SETTINGS_FILE).is_file() and not settings.overwrite
    before: dict[str, Any] = {}
    written = settings.written()
    if continued:
        earlier = _read_settings(output / SETTINGS_FILE)
        _same_question(output, settings, earlier, data_sha256)
        for name in ADDED_UP:
            written[name] = list(dict.fromkeys([*(earlier.get(name) or []), *written[name]]))
        written["seeds"] = max(written["seeds"], int(earlier.get("seeds") or 1))
        if (output / COMPARISON_FILE).is_file():
            before = read_comparison(output)
    else:
        claim_output(output, overwrite=settings.overwrite)
    _write_yaml(output / SETTINGS_FILE, written)
    write_json(output / "environment.json", describe_environment())
    return before


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
    for record in map(read_record, find_runs(output)):
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


def _same_question(output: Path, settings: Settings, earlier: Mapping[str, Any], data_sha256: str) -> None:
    """Runs of one folder are compared, so they must differ in strategy, seed and model alone."""
    way_out = "Choose another --output, or move the folder aside with --overwrite."
    known = next((sha for folder in find_runs(output) if (sha := read_record(folder).data_sha256)), data_sha256)
    if known != data_sha256:
        raise OutputError(f"--output {output}: holds runs on other data. {way_out}")
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
        raise OutputError(f"--output {output}: holds runs with other settings ({'; '.join(changed)}). {way_out}")


def _read_settings(path: Path) -> dict[str, Any]:
    import yaml

    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    return values if isinstance(values, dict) else {}


def _through_yaml(values: Mapping[str, Any]) -> dict[str, Any]:
    """As they would come back from the file."""
    import yaml

    result: dict[str, Any] = yaml.safe_load(yaml.safe_dump(json.loads(json.dumps(values))))
    return result


def _write_yaml(path: Path, values: Mapping[str, Any]) -> None:
    import yaml

    write_text(path, yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True))
