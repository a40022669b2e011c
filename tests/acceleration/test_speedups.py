"""What `--speedups` and `--precision` come to: every lever that can be named moves its own field, and no other."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import torch

from unfreeze.acceleration import precision
from unfreeze.acceleration.precision import PLAIN
from unfreeze.acceleration.speedups import OFF, Speedups
from unfreeze.settings.levers import LEVERS
from unfreeze.storage.feature_files import FeatureFiles


@pytest.mark.parametrize("lever", LEVERS)
def test_a_lever_moves_the_field_of_its_name(lever: str) -> None:
    none, one = Speedups.of((), "fp32", "cpu"), Speedups.of((lever,), "fp32", "cpu")
    assert none == OFF
    names = [field.name for field in fields(Speedups)]
    assert [name for name in names if getattr(one, name) != getattr(none, name)] == [lever]


def test_a_probe_takes_no_bf16_where_the_family_fails_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for by name is not second-guessed, and where fp32 is faster nothing is asked."""
    monkeypatch.setattr(precision, "_has_bf16_hardware", lambda: True)
    monkeypatch.setattr(precision, "_seconds", lambda dtype: 1.0 if dtype == torch.bfloat16 else 4.0)
    assert Speedups.of(LEVERS, "auto", "cpu").precision.name == "bf16"
    refused = Speedups.of(LEVERS, "auto", "cpu", lambda: "no such number").precision
    assert (refused.name, refused.onednn_fp32) == (PLAIN.name, PLAIN.onednn_fp32)
    assert refused.reason == "fp32: this family does not compute in bf16 (no such number)"
    assert Speedups.of(LEVERS, "bf16", "cpu", lambda: "no such number").precision.name == "bf16"
    assert Speedups.of((), "auto", "cpu", lambda: pytest.fail("asked")) == OFF


def test_outputs_of_frozen_layers_move_where_there_are_some(tmp_path: Path) -> None:
    files = FeatureFiles(tmp_path)
    assert OFF.kept_in(files) == OFF
    assert Speedups.of(("unpad", "cache"), "fp32", "cpu").kept_in(files).cache == files
