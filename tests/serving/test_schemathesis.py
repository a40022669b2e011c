"""The OpenAPI document against the server, by a tool that tries to find where they differ."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.serving.options import ServingOptions
from unfreeze.serving.served_model import LoadedModel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]
pytest.importorskip("schemathesis")


def test_schemathesis_finds_nothing(
    serving: Callable[..., Any], loaded_models: dict[str, LoadedModel], tmp_path: Path
) -> None:
    """All its checks and phases, on a server with a model for each route that takes whatever the schema allows."""
    with serving(list(loaded_models.values()), ServingOptions(max_body_bytes=2_000_000)) as client:
        check(client, tmp_path)


def check(client: Any, tmp_path: Path) -> None:
    """Run the tool against a server; it must find nothing."""
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run"),
        f"http://127.0.0.1:{client.port}/openapi.json",
        *("--checks", "all", "--mode", "all", "--max-examples", "40", "--seed", "1", "--workers", "1"),
        *("--request-timeout", "60", "--no-color", "--continue-on-failure"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=1_700, check=False)
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2_000:]
    assert "No issues found" in done.stdout, done.stdout[-3_000:]
