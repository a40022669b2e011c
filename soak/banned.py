"""What no file of the package may contain: code that runs what a file holds."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "unfreeze"
# Messages between our own processes, never a file; what is used of it are its class and `loads`.
EXCEPTIONS = {"experiments/launchers/sending.py": ("multiprocessing.reduction.ForkingPickler",)}
MODULES = frozenset(
    {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
)
PICKLERS = frozenset(
    {
        *("multiprocessing.reduction.ForkingPickler", "multiprocessing.reduction.register"),
        *("pandas.read_pickle", "torch.serialization.load", "torch.hub.load", "torch.jit.load"),
    }
)
FUNCTIONS = frozenset(
    {
        *("torch.load", "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.full_load_all"),
        *("yaml.unsafe_load", "yaml.unsafe_load_all"),
        *("os.system", "os.popen", "runpy.run_path", "runpy.run_module", "code.interact", "builtins.eval"),
        *(
            "builtins.exec",
            "builtins.compile",
            "builtins.__import__",
            "subprocess.getoutput",
            "subprocess.getstatusoutput",
        ),
    }
)
BUILTINS = frozenset({"eval", "exec", "compile", "__import__"})
# Argument -> the only value that it may have, written out.
ARGUMENTS = {"shell": False, "trust_remote_code": False, "allow_pickle": False, "weights_only": True}


def offences(file: Path, source: str) -> list[str]:
    """Every place where a file does what is banned, as `name:line: what`."""
    tree = ast.parse(source)
    allowed = EXCEPTIONS.get(file.relative_to(PACKAGE).as_posix(), ())
    aliases = _aliases(tree)
    found = [(line, f"imports {name}") for line, name in _imports(tree) if _banned(name) and name not in allowed]
    for node in ast.walk(tree):
        # Named, not only called: `read = torch.load` is a way around too.
        if isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
            name = _full_name(node, aliases)
            if name in FUNCTIONS or (name in BUILTINS and isinstance(node, ast.Name)):
                found.append((node.lineno, f"uses {name}"))
            if isinstance(node, ast.Attribute) and _is_pickles_own(name):
                found.append((node.lineno, f"uses {name}"))
        if isinstance(node, ast.Call):
            found += [(node.lineno, f"{one} is not {ARGUMENTS[one]}") for one in _wrong_arguments(node)]
            if _full_name(node.func, aliases) in ("getattr", "importlib.import_module") and _names_banned(node):
                found.append((node.lineno, "reaches what is banned by its name"))
    return [f"{file.name}:{line}: {what}" for line, what in sorted(set(found))]


def _banned(name: str) -> bool:
    return name.split(".")[0] in MODULES or name in FUNCTIONS or name in PICKLERS


def _is_pickles_own(name: str) -> bool:
    return name.split(".")[0] in MODULES or name in PICKLERS


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of what comes from third parties, at any level of the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _aliases(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for: `import torch as t` makes `t` torch."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return known


def _full_name(node: ast.AST, aliases: dict[str, str]) -> str:
    """`a.b.c` of an attribute chain with its first name as imported, or an empty string."""
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        base = _full_name(node.value, aliases)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _wrong_arguments(call: ast.Call) -> list[str]:
    wrong = []
    for keyword in call.keywords:
        if keyword.arg in ARGUMENTS:
            value = keyword.value
            if not (isinstance(value, ast.Constant) and value.value is ARGUMENTS[keyword.arg]):
                wrong.append(keyword.arg)
        elif keyword.arg is None and isinstance(keyword.value, ast.Dict):  # f(**{"shell": True})
            named = [one.value for one in keyword.value.keys if isinstance(one, ast.Constant)]
            wrong += [str(one) for one in named if one in ARGUMENTS]
    return wrong


def _names_banned(call: ast.Call) -> bool:
    """`getattr(torch, "load")`, `import_module("pickle")`."""
    texts = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    owner = _full_name(call.args[0], {}) if call.args else ""
    owner = "builtins" if owner == "__builtins__" else owner
    return any(_banned(text) or f"{owner}.{text}" in FUNCTIONS for text in texts)
