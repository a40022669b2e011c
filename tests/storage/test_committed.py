"""A committed folder is whole, or it is seen that it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from unfreeze.storage.committed import MANIFEST_FILE, committed_folder, damage


def made(path: Path) -> Path:
    with committed_folder(path) as folder:
        (folder / "weights").write_bytes(b"12345")
        (folder / "state").write_bytes(b"")
    return path


def test_what_was_committed_is_whole(tmp_path: Path) -> None:
    folder = made(tmp_path / "step-1")
    assert damage(folder) is None
    assert {file.name for file in folder.iterdir()} == {"weights", "state", MANIFEST_FILE}
    assert [file.name for file in tmp_path.iterdir()] == ["step-1"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("weights", b"12346"),
        ("weights", b"1234"),
        ("weights", None),
        ("state", b"1"),
        ("foreign", b""),
        (MANIFEST_FILE, None),
        (MANIFEST_FILE, b"{}"),
        (MANIFEST_FILE, b"[]"),
        (MANIFEST_FILE, b"{"),
        (MANIFEST_FILE, b"\xff"),
        (MANIFEST_FILE, b" " * 2**21),
    ],
)
def test_every_damage_is_seen(tmp_path: Path, name: str, content: bytes | None) -> None:
    folder = made(tmp_path / "step-1")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    assert damage(folder)


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    folder = made(tmp_path / "step-1")
    with pytest.raises(RuntimeError), committed_folder(folder) as temporary:
        (temporary / "weights").write_bytes(b"other")
        raise RuntimeError
    assert damage(folder) is None and (folder / "weights").read_bytes() == b"12345"
    assert [file.name for file in tmp_path.iterdir()] == ["step-1"]
