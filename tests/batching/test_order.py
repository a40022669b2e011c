"""The order of the data: a pure function of seed and epoch in which every window occurs once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unfreeze.batching.order
from unfreeze.batching.order import (
    GROUP_BATCHES,
    Sampling,
    evaluation_batches,
    stable_seed,
    steps_for_tokens,
    training_batches,
)

SAMPLINGS: list[Sampling] = ["random", "group_by_length", "sequential"]
LENGTHS = st.lists(st.integers(1, 40), max_size=60)


def flat(batches: list[list[int]]) -> list[int]:
    return [index for batch in batches for index in batch]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@settings(deadline=None, derandomize=True, max_examples=60)
@given(lengths=LENGTHS, batch_size=st.integers(1, 9), seed=st.integers(0, 2**40), epoch=st.integers(0, 99))
def test_every_index_occurs_once(
    sampling: Sampling, lengths: list[int], batch_size: int, seed: int, epoch: int
) -> None:
    batches = training_batches(lengths, batch_size, seed=seed, epoch=epoch, sampling=sampling)
    assert sorted(flat(batches)) == list(range(len(lengths)))
    assert all(len(batch) == batch_size for batch in batches[:-1])
    assert len(batches) == -(-len(lengths) // batch_size)  # steps of an epoch do not depend on the order


@pytest.mark.parametrize("sampling", SAMPLINGS)
@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=60),
    batch_size=st.integers(1, 9),
    tokens=st.integers(1, 5000),
    seed=st.integers(0, 2**40),
)
def test_the_fewest_steps_with_so_many_tokens(
    sampling: Sampling, lengths: list[int], batch_size: int, tokens: int, seed: int
) -> None:
    """Counted step by step, epoch after epoch: one step fewer would not be enough."""
    steps = trained_on = epoch = 0
    while trained_on < tokens:
        for batch in training_batches(lengths, batch_size, seed=seed, epoch=epoch, sampling=sampling):
            trained_on += sum(lengths[index] for index in batch)
            steps += 1
            if trained_on >= tokens:
                break
        epoch += 1
    assert steps_for_tokens(lengths, batch_size, tokens, seed=seed, sampling=sampling) == steps


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_order_is_a_pure_function(sampling: Sampling) -> None:
    lengths = [i % 13 + 1 for i in range(200)]
    first = training_batches(lengths, 8, seed=3, epoch=1, sampling=sampling)
    training_batches(lengths, 8, seed=4, epoch=7, sampling=sampling)  # no history
    assert training_batches(lengths, 8, seed=3, epoch=1, sampling=sampling) == first


def test_order_is_the_same_in_another_process() -> None:
    source = Path(unfreeze.batching.order.__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(source)!r}); "
        "from unfreeze.batching.order import training_batches; "
        "print(training_batches([1] * 30, 4, seed=5, epoch=2))"
    )
    # -R: a new hash seed, on which the order must not depend.
    run = subprocess.run([sys.executable, "-R", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(training_batches([1] * 30, 4, seed=5, epoch=2))


@pytest.mark.parametrize("sampling", ["random", "group_by_length"])
def test_order_differs_by_epoch_and_by_seed(sampling: Sampling) -> None:
    lengths = [5] * 100
    orders = {
        tuple(flat(training_batches(lengths, 4, seed=seed, epoch=epoch, sampling=sampling)))
        for seed in range(3)
        for epoch in range(3)
    }
    assert len(orders) == 9


def test_sequential_keeps_the_order_of_the_file() -> None:
    for epoch in range(2):
        batches = training_batches([3, 1, 2, 9, 4], 2, seed=epoch, epoch=epoch, sampling="sequential")
        assert batches == [[0, 1], [2, 3], [4]]


def test_order_does_not_depend_on_lengths_unless_grouped() -> None:
    assert training_batches([1] * 50, 8, seed=0, epoch=0) == training_batches([9, 2] * 25, 8, seed=0, epoch=0)


def test_group_by_length_saves_padding_and_still_mixes() -> None:
    lengths = [i % 97 + 3 for i in range(1000)]

    def padded(batches: list[list[int]]) -> int:
        return sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)

    grouped = training_batches(lengths, 8, seed=0, epoch=0, sampling="group_by_length")
    shuffled = training_batches(lengths, 8, seed=0, epoch=0, sampling="random")
    assert padded(grouped) < 1.1 * sum(lengths) < 1.4 * sum(lengths) < padded(shuffled)
    one_group = training_batches(lengths[:400], 8, seed=0, epoch=0, sampling="group_by_length")
    longest = [max(lengths[i] for i in batch) for batch in one_group]
    assert longest != sorted(longest, reverse=True)  # batches come in random order, not longest first


def test_groups_are_as_wide_as_stated() -> None:
    size = 2 * GROUP_BATCHES * 3
    lengths = list(range(1, size + 1))
    batches = training_batches(lengths, 2, seed=1, epoch=0, sampling="group_by_length")
    order = flat(training_batches(lengths, 2, seed=1, epoch=0, sampling="random"))
    groups = [set(order[i : i + 2 * GROUP_BATCHES]) for i in range(0, size, 2 * GROUP_BATCHES)]
    assert all(any(set(batch) <= group for group in groups) for batch in batches)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 200))
def test_evaluation_batches_cover_each_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = evaluation_batches(lengths, budget)
    assert sorted(flat(batches)) == list(range(len(lengths)))
    for batch in batches:
        assert batch
        # A window longer than the budget is a batch of its own.
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget
    ordered = [lengths[i] for i in flat(batches)]
    assert ordered == sorted(ordered, reverse=True)


def test_evaluation_batches_are_as_full_as_the_budget_allows() -> None:
    assert [len(batch) for batch in evaluation_batches([10] * 7 + [5] * 5, 30)] == [3, 3, 3, 3]
    assert [len(batch) for batch in evaluation_batches([50, 10, 10], 30)] == [1, 2]


def test_stable_seed_depends_on_every_part() -> None:
    seeds = {stable_seed(*parts) for parts in [("order", 0, 1), ("order", 1, 0), ("order", 0), ("head", 0, 1), (0, 1)]}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)
