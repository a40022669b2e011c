"""Files of ours that were changed or damaged: an error that names them, never another exception."""

from __future__ import annotations

from pathlib import Path

import pytest

from unfreeze.storage.committed import MANIFEST_FILE, committed_folder, damage
from unfreeze.storage.lines import read_lines
from unfreeze.storage.records import COMPARISON_FILE, RECORD_FILE, read_comparison, read_record

DEEP = b"[" * 100_000


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"null", b'"a"', b"{", DEEP, b'{"a": ' + b"9" * 5000 + b"}"])
def test_no_json_object(tmp_path: Path, content: bytes) -> None:
    for name in (RECORD_FILE, COMPARISON_FILE):
        (tmp_path / name).write_bytes(content)
    for read in (read_record, read_comparison):
        with pytest.raises(ValueError, match=str(tmp_path)):
            read(tmp_path)
    (tmp_path / "a.jsonl").write_bytes(b'{"a": 1}\n' + content + b"\n")
    with pytest.raises(ValueError, match=r"a\.jsonl:2"):
        list(read_lines(tmp_path / "a.jsonl"))


def test_an_object_that_is_no_record(tmp_path: Path) -> None:
    (tmp_path / RECORD_FILE).write_text('{"strategy": "full"}')
    with pytest.raises(ValueError, match="no record of a run"):
        read_record(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[]", DEEP, b"\xff"])
def test_a_manifest_that_is_none(tmp_path: Path, content: bytes) -> None:
    with committed_folder(tmp_path / "a") as folder:
        (folder / "file").write_text("x")
    assert damage(tmp_path / "a") is None
    (tmp_path / "a" / MANIFEST_FILE).write_bytes(content)
    assert damage(tmp_path / "a")
