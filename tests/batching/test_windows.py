"""Long sentences in windows: each word is answered for once, where it has the most context."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from unfreeze.batching.windows import Window, cut_windows

Case = tuple[list[int], int, int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Pieces of each word, capacity and overlap; words above the capacity among them."""
    capacity = draw(st.integers(1, 14))
    overlap = draw(st.integers(0, capacity - 1))
    return draw(st.lists(st.integers(1, draw(st.integers(1, 18))), max_size=40)), capacity, overlap


# Three windows hold words 1 to 3, and the middle one would answer for none of its words.
IDLE_MIDDLE: Case = ([1] * 5 + [1, 3, 1, 1, 5, 1], 10, 5)


@settings(deadline=None, derandomize=True, max_examples=400)
@given(cases())
@example(IDLE_MIDDLE)
def test_each_word_belongs_to_one_window_that_holds_it(case: Case) -> None:
    counts, capacity, overlap = case
    windows = cut_windows(counts, capacity, overlap)
    owned = [word for window in windows for word in range(window.owned_from, window.owned_to)]
    assert owned == list(range(len(counts)))
    for window in windows:
        assert window.start <= window.owned_from < window.owned_to <= window.stop


@settings(deadline=None, derandomize=True, max_examples=400)
@given(cases())
@example(IDLE_MIDDLE)
def test_windows_stay_within_capacity_and_share_at_most_the_overlap(case: Case) -> None:
    counts, capacity, overlap = case
    windows = cut_windows(counts, capacity, overlap)
    for window in windows:
        words = counts[window.start : window.stop]
        assert sum(words) <= capacity or len(words) == 1  # a word above the capacity stands alone; the caller cuts it
    for left, right in pairwise(windows):
        assert left.start < right.start <= left.stop < right.stop  # no gap, no window inside another
        assert sum(counts[right.start : left.stop]) <= overlap


@settings(deadline=None, derandomize=True, max_examples=400)
@given(cases())
@example(IDLE_MIDDLE)
def test_the_owner_of_a_word_gives_it_the_most_context(case: Case) -> None:
    counts, capacity, overlap = case
    windows = cut_windows(counts, capacity, overlap)

    def shorter_side(window: Window, word: int) -> int:
        return min(sum(counts[window.start : word]), sum(counts[word + 1 : window.stop]))

    for window in windows:
        for word in range(window.owned_from, window.owned_to):
            holders = [other for other in windows if other.start <= word < other.stop]
            assert shorter_side(window, word) == max(shorter_side(other, word) for other in holders)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.integers(1, 60), st.integers(2, 14), st.data())
def test_words_of_one_piece_share_exactly_the_overlap(num_words: int, capacity: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, capacity - 1))
    windows = cut_windows([1] * num_words, capacity, overlap)
    starts = [window.start for window in windows]
    assert starts == [i * (capacity - overlap) for i in range(len(windows))]
    assert all(window.stop == min(window.start + capacity, num_words) for window in windows)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=10))
def test_what_fits_is_one_window(counts: list[int]) -> None:
    assert cut_windows(counts, sum(counts), 0) == [Window(0, len(counts), 0, len(counts))]


def test_no_words_no_windows() -> None:
    assert cut_windows([], 5, 2) == []


def test_a_word_above_the_capacity_stands_alone() -> None:
    windows = cut_windows([1, 9, 1], capacity=4, overlap=2)
    assert [(w.start, w.stop) for w in windows] == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(("capacity", "overlap"), [(4, 4), (4, 5), (4, -1), (0, 0)])
def test_an_overlap_that_leaves_no_progress_is_refused(capacity: int, overlap: int) -> None:
    with pytest.raises(ValueError, match=f"doc_stride={overlap}: expected 0 or more and less than the {capacity}"):
        cut_windows([1, 1], capacity, overlap)
