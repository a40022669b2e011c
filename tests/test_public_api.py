"""The names we promise: few, importable, and the same at run time and for type checkers."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import unfreeze

SOURCE = Path(unfreeze.__file__)


def test_under_25_names_sorted_and_unique() -> None:
    assert len(unfreeze.__all__) < 25
    assert unfreeze.__all__ == sorted(set(unfreeze.__all__))
    assert dir(unfreeze) == unfreeze.__all__


@pytest.mark.parametrize("name", unfreeze.__all__)
def test_each_name_is_importable(name: str) -> None:
    assert getattr(unfreeze, name) is not None
    if hasattr(unfreeze.__dict__.get(name), "__name__"):
        assert unfreeze.__dict__[name].__name__.endswith(name)


def test_type_checkers_see_the_same_names() -> None:
    """What stands under TYPE_CHECKING, in the table of homes and in `__all__` is one list."""
    [block] = [node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If)]
    imported = {
        alias.asname or alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported.keys() | {"__version__"} == set(unfreeze.__all__)
    assert {name: home for name, home in imported.items() if name not in unfreeze._PACKAGES} == unfreeze._HOMES


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'unfreeze' has no attribute 'trian'"):
        unfreeze.trian  # noqa: B018


def test_every_public_name_is_explained() -> None:
    for name in set(unfreeze.__all__) - {"__version__"}:
        assert (getattr(unfreeze, name).__doc__ or "").strip(), name


def test_import_costs_neither_torch_nor_transformers() -> None:
    code = "import sys, unfreeze, unfreeze.strategies, unfreeze.tasks, unfreeze.settings; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "peft", "datasets", "matplotlib"} & set(loaded.stdout.split())
