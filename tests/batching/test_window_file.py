"""What goes into a file of windows comes out of it."""

from __future__ import annotations

import gc
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfreeze.batching.features import Features
from unfreeze.batching.window_file import WindowFile, token_counts

NUMBERS = st.lists(st.integers(-100, 250_000), max_size=12)


@st.composite
def windows(draw: Any) -> Features:
    ids = draw(NUMBERS)
    labels = draw(st.one_of(NUMBERS, st.lists(st.floats(allow_nan=False), max_size=3)))
    offsets = draw(st.one_of(st.none(), st.just(np.arange(2 * len(ids), dtype=np.int32).reshape(-1, 2))))
    return Features(
        draw(st.integers(0, 2**31 - 1)),
        ids,
        labels,
        draw(NUMBERS),
        draw(NUMBERS),
        draw(st.floats(0, 1)),
        offsets,
    )


def as_tuples(window: Features) -> Any:
    offsets = None if window.offsets is None else window.offsets.tolist()
    columns = (window.input_ids, window.labels, window.words, window.segments)
    return window.example, window.weight, *map(tuple, columns), offsets


@given(st.lists(windows(), max_size=8), st.sampled_from([1, 100, 2**22]))
def test_what_goes_in_comes_out(some: list[Features], in_memory: int) -> None:
    """Wherever the border between file and memory lies; in another process as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unfreeze.batching.window_file.IN_MEMORY", in_memory)
        packed = WindowFile()
        for i, window in enumerate(some):
            packed.append(window)
            assert as_tuples(packed[i]) == as_tuples(window)
        restored = pickle.loads(pickle.dumps(packed))
    for one in (packed, restored):
        assert [as_tuples(window) for window in one] == [as_tuples(window) for window in some]
        assert token_counts(one) == token_counts(some) == [len(window) for window in some]
        assert len(one) == len(some)
    # Whole numbers stay whole: they are indices.
    assert [list(map(type, window.labels)) for window in packed] == [list(map(type, window.labels)) for window in some]


def test_it_is_a_sequence() -> None:
    some = [Features(i, (i, 5), (0,)) for i in range(5)]
    packed = WindowFile(some)
    assert packed == some and packed != some[:4]
    assert packed[1:4] == tuple(some[1:4]) and packed[-1] == some[-1] and packed[::-1] == tuple(some[::-1])
    with pytest.raises(IndexError, match="window 5 of 5"):
        packed[5]
    assert WindowFile() == ()


def test_the_file_is_gone_with_its_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while a window of it lives on."""
    monkeypatch.setattr("unfreeze.batching.window_file.IN_MEMORY", 1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    window = Features(0, (1, 2), (0,), offsets=np.zeros((2, 2), np.int32))
    packed = WindowFile([window, replace(window, example=1)])
    open_files = {link.resolve() for link in Path("/proc/self/fd").iterdir()} if Path("/proc").is_dir() else set()
    mine = [file for file in open_files if tmp_path in file.parents]
    kept = packed[1]
    del packed
    gc.collect()
    assert kept.example == 1 and kept.offsets is not None and kept.offsets.sum() == 0
    left = {link.resolve() for link in Path("/proc/self/fd").iterdir()} if open_files else set()
    assert not left & set(mine) and not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="other processes cannot reach a file without a name")
def test_on_its_way_to_another_process_the_file_stays_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unfreeze.batching.window_file.IN_MEMORY", 100_000)
    packed = WindowFile(Features(i, range(100), (0,)) for i in range(1000))
    sent = pickle.dumps(packed)
    assert len(sent) < 150_000  # of 440,000
    assert pickle.loads(sent) == packed
