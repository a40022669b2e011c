"""Names of folders: safe whatever a strategy, a model or a data set is called, and different for different runs."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.storage.folders import OutputError, best_run, claim_output, inside, run_folder, slug


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


@pytest.mark.parametrize("content", [b"", b"\n", b"a\0b", b"a\nb", b"\xff\xfe", b"x" * 300, b"a/" * 3000, b"circle"])
def test_a_pointer_that_is_no_path_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "best").write_bytes(content)
    with pytest.raises(OutputError, match=r"best: names no path") as caught:
        best_run(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_a_record_names_lies_in_the_comparison(tmp_path: Path) -> None:
    assert inside(tmp_path, "runs/m/model", tmp_path) == tmp_path.resolve() / "runs/m/model"
    for name in ("../x", "/etc/passwd", "runs/../../x"):
        with pytest.raises(OutputError, match="points outside of the comparison"):
            inside(tmp_path, name, tmp_path)


def test_a_name_longer_than_any_file_has_a_folder_too(tmp_path: Path) -> None:
    run_folder(tmp_path, "x" * 5000, "y" * 5000, "", 1).mkdir(parents=True)
