"""Training on the rows that occur gives every row, used or not, what training on all of them gives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from unfreeze.acceleration.compact_vocabulary import compact_vocabulary


def trained(bench: Any, used: list[int] | None, keep_at: int) -> dict[str, torch.Tensor]:
    """Some steps of AdamW at falling rates; the weights after `keep_at` of them are the ones to end with."""
    network = bench.network.train()
    kept: dict[str, torch.Tensor] = {}
    with nullcontext(None) if used is None else compact_vocabulary(network, used) as compact:
        assert (compact is None) == (used is None)
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2, weight_decay=0.1, fused=True)
        for step in range(6):
            torch.manual_seed(step)
            optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / 6)
            batch = bench.collator(bench.train.encoded.features[4 * step : 4 * step + 4])
            loss, _ = bench.task.loss(network(**batch.inputs), batch)
            loss.backward()
            optimizer.step()
            if compact is not None:
                compact.stepped(optimizer)
            optimizer.zero_grad()
            if step + 1 == keep_at:
                kept = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
                if compact is not None:
                    compact.keep()
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                parameter.copy_(kept[name])
    return {name: parameter.detach() for name, parameter in network.named_parameters()}


@pytest.mark.parametrize("keep_at", [2, 6])
def test_every_row_is_what_it_would_have_been(
    workbench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, keep_at: int
) -> None:
    monkeypatch.setattr("unfreeze.acceleration.compact_vocabulary.WORTH_IT", 1.0)
    whole, compact = workbench("bert"), workbench("bert")
    used = sorted({token for window in whole.train.encoded.features for token in window.input_ids})
    assert len(used) + 1 < whole.network.config.vocab_size, "every row is used"
    expected, found = trained(whole, None, keep_at), trained(compact, used, keep_at)
    assert all(torch.equal(found[name], parameter) for name, parameter in expected.items())


def test_a_table_that_is_used_stays_whole(workbench: Callable[..., Any]) -> None:
    network = workbench("bert").network
    size = network.config.vocab_size
    with compact_vocabulary(network, range(size)) as compact:
        assert compact is None and network.get_input_embeddings().num_embeddings == size


def test_a_language_model_keeps_its_table(workbench: Callable[..., Any]) -> None:
    with compact_vocabulary(workbench("bert", "masked-lm").network, [1, 2]) as compact:
        assert compact is None


def test_after_an_exception_the_table_is_whole(workbench: Callable[..., Any]) -> None:
    network = workbench("bert").network
    before = network.get_input_embeddings().weight
    with pytest.raises(RuntimeError), compact_vocabulary(network, [5, 6, 7]):
        assert network.get_input_embeddings().num_embeddings == 4  # padding too
        raise RuntimeError
    assert network.get_input_embeddings().weight is before
