"""Flash kernels give what the padded products give; needs a GPU, but for the question whether they can be used."""

from __future__ import annotations

import pytest
import torch

from unfreeze.acceleration.flash_attention import Flashed, can_flash
from unfreeze.acceleration.packed_attention import Attended, attend, attend_backward
from unfreeze.acceleration.packing import pack_lengths

LENGTHS, HEADS, WIDTH = (7, 3, 12, 1), 2, 64
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def operands(device: str = "cuda", dtype: torch.dtype = torch.bfloat16) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    made = [torch.randn(sum(LENGTHS), WIDTH, generator=generator) for _ in range(4)]
    return [one.to(device, dtype) for one in made]


def test_a_cpu_and_full_precision_have_no_flash_kernels() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        query, key, value, _ = operands("cpu", dtype)
        assert not can_flash([query], HEADS)
        packing = pack_lengths(LENGTHS)
        assert isinstance(attend([torch.cat((query, key, value), 1)], HEADS, packing, packing, 0.0)[1], Attended)


@on_gpu
@pytest.mark.parametrize("some", [False, True], ids=["all rows", "first rows"])
def test_it_is_the_padded_attention(some: bool) -> None:
    query, key, value, grad = operands()
    packing = pack_lengths(LENGTHS, "cuda")
    asking = pack_lengths([1] * len(LENGTHS), "cuda") if some else packing
    rows = packing.bounds[:-1].long() if some else torch.arange(packing.tokens, device="cuda")
    query, grad = query[rows], grad[rows]
    inputs = [query, torch.cat((key, value), 1)] if some else [torch.cat((query, key, value), 1)]
    out, saved = attend(inputs, HEADS, asking, packing, 0.0)
    assert isinstance(saved, Flashed)
    found = [out, *attend_backward(saved, grad, HEADS, asking, packing)]
    plain, kept = attend([one.float() for one in inputs], HEADS, asking, packing, 0.0)
    assert isinstance(kept, Attended)
    expected = [plain, *attend_backward(kept, grad.float(), HEADS, asking, packing)]
    for one, other in zip(found, expected, strict=True):
        assert float((one.float() - other).norm() / other.norm()) < 0.01


@on_gpu
def test_what_is_dropped_is_dropped_in_both_directions() -> None:
    """The output is linear in the values: <values, their gradient> = <output, its gradient>, whatever was dropped."""
    query, key, value, grad = operands()
    packing = pack_lengths(LENGTHS, "cuda")
    outs = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        out, saved = attend([torch.cat((query, key, value), 1)], HEADS, packing, packing, 0.5)
        into = attend_backward(saved, grad, HEADS, packing, packing)[0][:, 2 * WIDTH :]
        assert float((value.float() * into.float()).sum()) == pytest.approx(
            float((out.float() * grad.float()).sum()), abs=0.05 * float(out.float().norm() * grad.float().norm())
        )
        outs.append(out)
    assert torch.equal(outs[0], outs[1]) and not torch.equal(outs[0], outs[2])
