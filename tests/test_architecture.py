"""The import table of ARCHITECTURE.md, what loads without torch, and what no file may contain."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from soak.banned import EXCEPTIONS, offences

SOURCE = Path(__file__).parents[1] / "src"
FILES = sorted((SOURCE / "unfreeze").rglob("*.py"))

# Package -> packages of ours that it may import besides itself.
DATA_SIDE = {"data", "metrics", "models", "batching", "storage", "acceleration", "tasks"}
LEARNING = DATA_SIDE | {"evaluation", "strategies", "training"}
ALLOWED: dict[str, set[str]] = {
    "data": set(),
    "metrics": set(),
    "statistics": set(),
    "storage": set(),
    "models": {"storage"},
    "batching": {"data", "storage"},
    "strategies": {"models"},
    "acceleration": {"models", "batching", "storage"},
    "tasks": {"data", "metrics", "models", "batching"},
    "evaluation": {"tasks", "batching", "models", "acceleration", "data", "metrics"},
    "training": {"evaluation", "tasks", "batching", "models", "acceleration", "data", "metrics"}
    | {"strategies", "storage"},
    "inference": {"evaluation", "tasks", "batching", "models", "acceleration", "data", "metrics", "storage"},
    "settings": {"strategies", "tasks", "data"},
    "experiments": LEARNING | {"inference", "settings", "statistics"},
    "reports": {"storage", "statistics", "metrics"},
    "serving": {"inference"},
}
UNRESTRICTED = {"cli", "api", "api_reference", "__init__", "__main__"}  # `api` is what `__init__` exports
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc"}


def package_of(file: Path) -> str:
    """The first name under `unfreeze`: a package, or a module without its suffix."""
    first = file.relative_to(SOURCE / "unfreeze").parts[0]
    return first.removesuffix(".py")


def imported_modules(file: Path, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of every import at any level, in functions and under TYPE_CHECKING too."""
    package = file.relative_to(SOURCE).parts[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, [base, node.module]))
            for alias in node.names:
                # `from unfreeze import tasks` imports the package `tasks`; so each name counts as a module.
                yield node.lineno, f"{module}.{alias.name}"
        elif isinstance(node, ast.Call) and dotted_name(node.func) in ("import_module", "importlib.import_module"):
            argument = node.args[0]
            yield node.lineno, str(argument.value) if isinstance(argument, ast.Constant) else ""


def dotted_name(node: ast.AST) -> str:
    """`a.b.c` of an attribute chain, or an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted_name(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def import_offences(file: Path, source: str) -> list[str]:
    """Imports of ours that the table does not allow to this file."""
    package = package_of(file)
    if package in UNRESTRICTED:
        return []
    offences = []
    for line, module in imported_modules(file, ast.parse(source)):
        parts = module.split(".")
        if parts[0] != "unfreeze":
            continue
        target = parts[1] if len(parts) > 1 else "__init__"
        if target != "__version__" and target != package and target not in ALLOWED[package]:
            offences.append(f"{file.name}:{line}: {package} may not import {module}")
    return offences


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_follow_the_table(file: Path) -> None:
    assert import_offences(file, file.read_text()) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_nothing_dangerous(file: Path) -> None:
    assert offences(file, file.read_text()) == []


def test_every_package_is_in_the_table() -> None:
    assert {package_of(file) for file in FILES} <= ALLOWED.keys() | UNRESTRICTED


def test_files_are_named_by_their_concept() -> None:
    assert [file for file in FILES if file.stem in FORBIDDEN_NAMES] == []


def test_tasks_and_strategies_never_meet() -> None:
    assert "tasks" not in ALLOWED["strategies"]
    assert "strategies" not in ALLOWED["tasks"]


@pytest.mark.parametrize(
    "source",
    [
        "from unfreeze.training.loop import Trainer",
        "import unfreeze.training",
        "from unfreeze import strategies",
        "from ..strategies import Full",
        "def f():\n    from unfreeze.strategies.full import Full",
        "import importlib\nimportlib.import_module('unfreeze.cli')",
    ],
)
def test_the_import_check_finds_offences(source: str) -> None:
    assert len(import_offences(SOURCE / "unfreeze" / "tasks" / "made_up.py", source)) == 1


BANNED = [
    "import pickle",
    "import cPickle as store",
    "from pickle import loads",
    "import dill",
    "import cloudpickle",
    "from joblib import load",
    "import shelve",
    "import marshal",
    "def f():\n    import pickle",
    "from torch import load",
    "from torch import load as read",
    "from os import system",
    "from yaml import unsafe_load",
    "from multiprocessing.reduction import ForkingPickler",
    "import torch\ntorch.load('x')",
    "import torch as t\nt.load('x')",
    "import torch\nread = torch.load",
    "import torch\nread = getattr(torch, 'load')",
    "import yaml\nyaml.load('x')",
    "import yaml as y\ny.full_load('x')",
    "import pandas as pd\npd.read_pickle('x')",
    "eval('1')",
    "exec('1')",
    "run = exec",
    "compile('1', 'x', 'eval')",
    "__import__('os')",
    "import builtins\nbuiltins.eval('1')",
    "from importlib import import_module\nimport_module('pickle')",
    "import os\nos.system('ls')",
    "import subprocess\nsubprocess.run('ls', shell=True)",
    "f(**{'shell': True})",
    "f(trust_remote_code=True)",
    "f(trust_remote_code=chosen)",
    "import numpy as np\nnp.load('x', allow_pickle=True)",
    "f(weights_only=False)",
]


@pytest.mark.parametrize("source", BANNED)
def test_the_danger_check_finds_offences(source: str) -> None:
    assert len(offences(SOURCE / "unfreeze" / "tasks" / "made_up.py", source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "network.eval()\nliteral_eval('1')\nf(trust_remote_code=False)\nf(weights_only=True)",
        "import yaml\nyaml.safe_load('x')",
        "import re\nre.compile('x')",
        "import torch\ntorch.compile(network)",
        "from safetensors.torch import load_file, load_model",
        "import subprocess\nsubprocess.run(['ls'], shell=False)",
        "getattr(network, 'eval')",
    ],
)
def test_the_danger_check_lets_plain_code_pass(source: str) -> None:
    assert offences(SOURCE / "unfreeze" / "tasks" / "made_up.py", source) == []


def test_one_file_may_send_objects_between_our_own_processes() -> None:
    """`multiprocessing` pickles what it sends. That file does so itself; nothing of it is ever written or read."""
    [(name, allowed)] = EXCEPTIONS.items()
    assert (name, allowed) == ("experiments/launchers/sending.py", ("multiprocessing.reduction.ForkingPickler",))
    source = (SOURCE / "unfreeze" / name).read_text()
    assert offences(SOURCE / "unfreeze" / name, source) == []
    assert "open(" not in source and "Path" not in source


LIGHT_MODULES = [
    "unfreeze",
    "unfreeze.settings",
    "unfreeze.strategies",
    "unfreeze.strategies.parse",
    "unfreeze.tasks",
    "unfreeze.models.anatomy",
    "unfreeze.data",
    "unfreeze.metrics",
    "unfreeze.statistics",
    "unfreeze.storage",
    "unfreeze.reports",
]
CHECK_IMPORTS = """
import importlib, pkgutil, sys
heavy = {"torch", "transformers", "peft", "accelerate"}
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    names = [name]
    if name.split(".")[-1] in {"data", "metrics", "statistics", "storage", "reports"}:
        names += [one.name for one in pkgutil.walk_packages(module.__path__, name + ".")]
    for one in names:
        importlib.import_module(one)
        if heavy & sys.modules.keys():
            sys.exit(f"{one} loads {', '.join(sorted(heavy & sys.modules.keys()))}")
"""


def test_light_modules_load_neither_torch_nor_transformers() -> None:
    """In one fresh process; whole packages that need no torch."""
    done = subprocess.run(
        [sys.executable, "-c", CHECK_IMPORTS, *LIGHT_MODULES],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(SOURCE), "PATH": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
