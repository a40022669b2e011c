"""Families that cannot compute in bf16 are found before they train."""

from __future__ import annotations

import pytest
import transformers

from unfreeze.acceleration.bf16_check import failure_in_bf16

AUTO = "AutoModelForSequenceClassification"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_family_that_writes_numbers_bf16_does_not_have() -> None:
    config = transformers.DebertaConfig(
        hidden_size=16, num_attention_heads=2, intermediate_size=16, relative_attention=True, pos_att_type="p2c|c2p"
    )
    assert "BFloat16" in failure_in_bf16(config, AUTO)
    assert config.vocab_size == 50265 and config.num_hidden_layers == 12  # it is tried on a copy


def test_others_pass_and_what_cannot_be_tried_is_not_judged() -> None:
    for width in (16, 15):  # of two heads
        config = transformers.BertConfig(hidden_size=width, num_attention_heads=2, intermediate_size=16)
        assert failure_in_bf16(config, AUTO) == ""
