"""The page on the Python interface is what its generator makes, and leaves nothing public out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import unfreeze
from unfreeze.api_reference import PARTS, api_reference
from unfreeze.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
MAKE = "python -m unfreeze.api_reference > docs/api.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == api_reference(), f"make it again: {MAKE}"
    assert MAKE in api_reference()


def test_the_module_prints_the_page() -> None:
    done = subprocess.run([sys.executable, "-m", "unfreeze.api_reference"], capture_output=True, check=True)
    assert done.stdout.decode() == api_reference()


def test_every_public_name_and_every_setting_is_on_it() -> None:
    named = {name for names in PARTS.values() for name in names}
    assert named | {"Settings", "__version__"} == set(unfreeze.__all__)
    page = api_reference()
    assert [name for name in named if f"\n### `{name}`\n" not in page] == []
    assert [name for name in Settings.model_fields if f"\n| `{name}` |" not in page] == []


def test_methods_are_shown_as_they_are_called() -> None:
    page = api_reference()
    assert "`unfreeze.train(*, strategy: str | Strategy = 'full', listener: Listener | None = None" in page
    assert "**`trains(place: Place, epoch: int) -> bool`**" in page
    assert "**`from_settings(settings: Mapping[str, Any]) -> Self`**" in page
    assert "- `SettingsError, DataError, ModelError, StrategyError`: bad input" in page
