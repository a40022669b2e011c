"""Windows become one batch, padded on the right."""

from __future__ import annotations

import torch

from unfreeze.batching.collate import Collator
from unfreeze.batching.features import IGNORE, Encoded, Features

PAD = 7


def test_tokens_are_padded_on_the_right_to_the_longest_window() -> None:
    windows = [Features(0, [2, 5, 3], [1]), Features(1, [2, 8, 9, 9, 3], [0])]
    batch = Collator(PAD)(windows)
    assert batch.inputs["input_ids"].tolist() == [[2, 5, 3, PAD, PAD], [2, 8, 9, 9, 3]]
    assert batch.inputs["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert {tensor.dtype for tensor in batch.inputs.values()} == {torch.int64}
    assert batch.features == tuple(windows)
    assert batch.num_tokens == 8


def test_a_text_has_one_label() -> None:
    batch = Collator(PAD)([Features(0, [2, 3], [4]), Features(1, [2, 5, 3], [1])])
    assert batch.labels.tolist() == [4, 1]
    assert batch.labels.dtype == torch.int64


def test_labels_of_tokens_are_padded_with_ignore() -> None:
    windows = [
        Features(0, [2, 5, 3], [IGNORE, 1, IGNORE], [-1, 0, -1]),
        Features(0, [2, 5, 6, 3], [IGNORE, 0, 2, IGNORE], [-1, 1, 2, -1]),
    ]
    labels = Collator(PAD, token_labels=True)(windows).labels
    assert labels.tolist() == [[IGNORE, 1, IGNORE, IGNORE], [IGNORE, 0, 2, IGNORE]]
    assert labels.dtype == torch.int64


def test_a_pad_token_inside_a_text_is_still_attended_to() -> None:
    batch = Collator(PAD)([Features(0, [2, PAD, 3], [0])])
    assert batch.inputs["attention_mask"].tolist() == [[1, 1, 1]]


def test_collating_leaves_the_windows_alone() -> None:
    ids = [2, 3]
    windows = [Features(0, ids, [0]), Features(1, [2, 3, 4], [1])]
    Collator(PAD)(windows)
    assert ids == [2, 3]


def test_encoded_counts_the_tokens_of_all_windows() -> None:
    assert Encoded((Features(0, [2, 3], [0]), Features(1, [2, 5, 3], [0])), num_examples=2).num_tokens == 5
