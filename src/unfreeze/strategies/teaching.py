"""What a run learns from beside the labels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Teaching:
    """A trained model whose answers are learnt, and whose layers the run begins with."""

    teacher: str  # a folder or hub id
    layers: int  # of the student; 0: half of the teacher's
    temperature: float  # by which both divide their logits
    alpha: float  # share of the teacher in the loss
    hidden: float  # weight of the distance between hidden states
