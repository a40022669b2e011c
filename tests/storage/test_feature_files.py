"""Tables on disk are whole and the right ones, or not there."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from unfreeze.storage.feature_files import FeatureFiles, cache_folder

SHAPE = (6, 4)


def fill(files: FeatureFiles, key: str, value: float = 1.0) -> None:
    with files.make(key, SHAPE, "float32") as table:
        table[:] = value


def test_what_was_written_is_found(tmp_path: Path) -> None:
    files = FeatureFiles(tmp_path / "new")
    assert files.find("a", SHAPE, "float32") is None
    fill(files, "a", 3.0)
    found = files.find("a", SHAPE, "float32")
    assert found is not None and isinstance(found.rows.base, np.memmap) and np.all(found.rows == 3.0)
    with pytest.raises(ValueError, match="read-only"):
        found.rows[0, 0] = 1.0


def test_damage_is_seen_and_removed(tmp_path: Path) -> None:
    files = FeatureFiles(tmp_path)
    for damage in ("flipped", "cut", "foreign", "no rows", "unreadable"):
        fill(files, "a")
        rows, about = tmp_path / "a.rows", tmp_path / "a.json"
        if damage == "flipped":
            content = bytearray(rows.read_bytes())
            content[10] ^= 1
            rows.write_bytes(bytes(content))
        elif damage == "cut":
            rows.write_bytes(rows.read_bytes()[:-1])
        elif damage == "foreign":
            about.write_text(json.dumps(json.loads(about.read_text()) | {"key": "b"}))
        elif damage == "no rows":
            rows.unlink()
        else:
            about.write_text("{")
        assert files.find("a", SHAPE, "float32") is None, damage
        assert not list(tmp_path.iterdir())
    fill(files, "a")
    assert files.find("a", (4, 6), "float32") is None  # the same bytes in another shape


def test_what_making_took_is_known_to_all(tmp_path: Path) -> None:
    files = FeatureFiles(tmp_path)
    with files.make("a", SHAPE, "float32") as table, files.make("b", SHAPE, "float32", share=0.25):
        table[:] = 1.0
        time.sleep(0.2)
    with files.make("copy", SHAPE, "float32", seconds=7.5) as table:
        table[:] = 1.0
    whole, quarter, copy = (files.find(key, SHAPE, "float32").seconds for key in ("a", "b", "copy"))
    assert whole >= 0.2 and 0.05 <= quarter <= whole / 4 + 0.001 and copy == 7.5
    for damage in ("[]", '{"seconds": "long"}', '{"seconds": null}'):
        (tmp_path / "a.json").write_text(damage)
        assert files.find("a", SHAPE, "float32") is None


def test_a_failed_making_leaves_nothing(tmp_path: Path) -> None:
    files = FeatureFiles(tmp_path)
    with pytest.raises(RuntimeError), files.make("a", SHAPE, "float32"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_the_oldest_make_room(tmp_path: Path) -> None:
    fill(FeatureFiles(tmp_path), "a")
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    files = FeatureFiles(tmp_path, limit_bytes=3 * size)
    for age, key in enumerate(("b", "c")):
        fill(files, key)
        os.utime(tmp_path / f"{key}.json", (1e9 + age, 1e9 + age))
    os.utime(tmp_path / "a.json", (1e9 - 1, 1e9 - 1))
    assert files.find("a", SHAPE, "float32") is not None  # used just now
    assert files.has_room(size)
    assert sorted(file.stem for file in tmp_path.glob("*.rows")) == ["a", "c"]
    assert not files.has_room(3 * size + 1)


def test_it_lies_where_caches_lie(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNFREEZE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path / "features"
    monkeypatch.delenv("UNFREEZE_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "unfreeze" / "features"


def test_what_a_killed_process_left_makes_room(tmp_path: Path) -> None:
    fill(FeatureFiles(tmp_path), "a")
    for name in (".b.rows.1.tmp", "c.rows"):
        (tmp_path / name).write_bytes(b"0" * 1000)
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    files = FeatureFiles(tmp_path, limit_bytes=size)
    assert not files.has_room(size)  # they may be another process's of this moment
    assert (tmp_path / "a.rows").exists()  # its going would not have made room
    os.utime(tmp_path / ".b.rows.1.tmp", (1e9, 1e9))
    os.utime(tmp_path / "c.rows", (1e9, 1e9))
    assert files.has_room(size)
    assert not (tmp_path / "c.rows").exists() and not (tmp_path / ".b.rows.1.tmp").exists()


def test_a_full_disk_is_an_error_and_not_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match="No space"):
        fill(FeatureFiles(tmp_path), "a")
    assert not list(tmp_path.iterdir())


def test_the_table_of_another_user_is_found_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = FeatureFiles(tmp_path)
    fill(files, "a", 3.0)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "utime", refused)
    assert files.find("a", SHAPE, "float32") is not None
    assert files.holds("a")
