"""The precision is chosen by a probe, said aloud, and leaves torch's settings as they were."""

from __future__ import annotations

import pytest
import torch

from unfreeze.acceleration import precision
from unfreeze.acceleration.precision import PLAIN, Precision, choose_precision


def fake_probe(monkeypatch: pytest.MonkeyPatch, *, plain: float, onednn: float, bf16: float, error: float) -> None:
    def seconds(dtype: torch.dtype) -> float:
        if dtype == torch.bfloat16:
            return bf16
        return onednn if torch.backends.mkldnn.matmul.fp32_precision == "bf16" else plain

    monkeypatch.setattr(precision, "_seconds", seconds)
    monkeypatch.setattr(precision, "_onednn_is_exact", lambda: error < precision.FP32_TOLERANCE)
    monkeypatch.setattr(precision, "_has_bf16_hardware", lambda: True)


@pytest.mark.parametrize(
    ("choice", "times", "name", "onednn"),
    [
        ("auto", {"plain": 4, "onednn": 2, "bf16": 1, "error": 1e-7}, "bf16", True),
        ("auto", {"plain": 4, "onednn": 1, "bf16": 1, "error": 1e-7}, "fp32", True),
        ("auto", {"plain": 1, "onednn": 1, "bf16": 1, "error": 1e-7}, "fp32", False),
        ("fp32", {"plain": 4, "onednn": 2, "bf16": 1, "error": 1e-7}, "fp32", True),
        ("fp32", {"plain": 4, "onednn": 2, "bf16": 1, "error": 1e-2}, "fp32", False),  # oneDNN rounds to bf16 (AMX)
        # By name nothing is timed.
        ("fp32", {"plain": 1, "onednn": 2, "bf16": 1, "error": 1e-7}, "fp32", True),
        ("bf16", {"plain": 1, "onednn": 1, "bf16": 2, "error": 1e-7}, "bf16", True),
        ("bf16", {"plain": 1, "onednn": 1, "bf16": 2, "error": 1e-2}, "bf16", False),
    ],
)
def test_the_choice_follows_the_probe(
    choice: precision.PrecisionChoice,
    times: dict[str, float],
    name: str,
    onednn: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_probe(monkeypatch, **times)
    found = choose_precision(choice)
    assert (found.name, found.onednn_fp32) == (name, onednn)
    assert found.reason


def test_without_bf16_instructions_it_is_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_probe(monkeypatch, plain=1, onednn=1, bf16=0.1, error=1e-7)
    monkeypatch.setattr(precision, "_has_bf16_hardware", lambda: False)
    for choice in ("auto", "bf16"):
        assert choose_precision(choice).name == "fp32"
    assert "no bf16 instructions" in choose_precision("bf16").reason


def test_without_speedups_nothing_is_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_seconds", lambda dtype: pytest.fail("probed"))
    assert choose_precision("bf16", speedups=False) is PLAIN


@pytest.mark.parametrize("onednn", [True, False])
def test_settings_come_back_also_after_an_error(onednn: bool) -> None:
    before = torch.backends.mkldnn.matmul.fp32_precision
    with pytest.raises(KeyError), Precision("bf16", onednn, "").active():
        assert torch.is_autocast_enabled("cpu")
        raise KeyError
    assert torch.backends.mkldnn.matmul.fp32_precision == before
    assert not torch.is_autocast_enabled("cpu")


def test_plain_products_are_torchs_own() -> None:
    torch.manual_seed(0)
    left, right = torch.randn(64, 48), torch.randn(48, 32)
    with PLAIN.active():
        assert torch.equal(left @ right, torch.mm(left, right))
        assert not torch.is_autocast_enabled("cpu")


def test_plain_products_within_others_are_torchs_own() -> None:
    settings = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    default = settings.fp32_precision
    with Precision("fp32", True, "").products():
        assert settings.fp32_precision == "bf16"
        with PLAIN.products():
            assert settings.fp32_precision == default
        assert settings.fp32_precision == "bf16"
    assert settings.fp32_precision == default


def test_the_real_probe_gives_a_usable_choice() -> None:
    found = choose_precision("auto")
    assert found.name in ("fp32", "bf16")
    with Precision("fp32", found.onednn_fp32, "").active():
        assert precision._relative_error() < precision.FP32_TOLERANCE
