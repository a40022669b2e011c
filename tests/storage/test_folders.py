"""Names of folders: safe whatever a strategy, a model or a data set is called, and different for different runs."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.storage.folders import OutputError, best_run, claim_output, run_folder, slug


@given(st.text(max_size=200))
def test_a_slug_is_a_safe_name(text: str) -> None:
    name = slug(text)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,60}", name)
    assert name not in (".", "..") and not name.startswith((".", "-")) and not name.endswith(".")
    assert slug(name) == name


@given(model=st.text(max_size=99).filter(lambda m: "\0" not in m), strategy=st.text(max_size=99), seed=st.integers(0))
def test_a_run_stays_below_the_output(model: str, strategy: str, seed: int) -> None:
    output = Path("/out")
    folder = run_folder(output, model, strategy, "identity", seed)
    parts = folder.relative_to(output).parts
    assert len(parts) == 4 and parts[0] == "runs" and parts[3] == f"seed-{seed}"
    assert Path(os.path.normpath(folder)) == folder


@given(st.text(), st.text())
def test_another_identity_is_another_folder(one: str, other: str) -> None:
    folders = {run_folder(Path("o"), "m", "full", identity, 1) for identity in (one, other)}
    assert len(folders) == len({one, other})


def test_a_local_model_goes_by_the_name_of_its_folder(tmp_path: Path) -> None:
    assert run_folder(Path("o"), str(tmp_path), "full", "", 1).parts[2] == slug(tmp_path.name)
    assert run_folder(Path("o"), "owner/model", "full", "", 1).parts[2] == "owner-model"


def test_claiming_an_output_folder(tmp_path: Path) -> None:
    output = tmp_path / "a" / "b"
    claim_output(output)
    claim_output(output)  # an empty folder is free
    (output / "file").write_text("1")
    with pytest.raises(OutputError, match=r"not empty.*--overwrite"):
        claim_output(output)
    claim_output(output, overwrite=True)
    (output / "file").write_text("2")
    claim_output(output, overwrite=True)
    assert list(output.iterdir()) == []
    assert [(output.with_name(name) / "file").read_text() for name in ("b.1", "b.2")] == ["1", "2"]
    with pytest.raises(OutputError, match="is a file"):
        claim_output(output.with_name("b.1") / "file", overwrite=True)


def test_best_run_is_inside(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no finished comparison"):
        best_run(tmp_path)
    (tmp_path / "best").write_text("runs/m/full-abc/seed-1\n")
    assert best_run(tmp_path) == tmp_path.resolve() / "runs/m/full-abc/seed-1"


@pytest.mark.parametrize("target", ["..", "../other", "/etc", "runs/../../other", "link/inner"])
def test_best_run_refuses_a_path_outside(target: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out"
        output.mkdir()
        (output / "link").symlink_to("/etc")
        (output / "best").write_text(target)
        with pytest.raises(OutputError, match="points outside"):
            best_run(output)
