"""What is other than before in a run that goes on, in words."""

from __future__ import annotations

from unfreeze.storage.environment import arithmetic
from unfreeze.training.run_state import RunState


def other_arithmetic(state: RunState, *, cached: bool, head_alone: bool, processes: int) -> list[str]:
    """Notes on why its last digits differ from those of a run that was never stopped.

    Args:
        cached: are the outputs of frozen layers known now?
        head_alone: is a head all that is computed now?
        processes: that train it now.
    """
    changed = [f"{name} {state.arithmetic.get(name)} -> {value}" for name, value in arithmetic().items()
               if state.arithmetic.get(name) != value]  # fmt: skip
    if (state.cached, state.head_alone) != (cached, head_alone):
        changed.append("outputs of frozen layers could not be kept as before")
    notes = []
    if changed:
        notes.append(f"resumed at step {state.step} with other last digits: {'; '.join(changed)}")
    before = state.arithmetic.get("processes", 1)
    if before != processes:
        notes.append(
            f"resumed at step {state.step} with processes {before} -> {processes}: other last digits, and dropout "
            "drops other units"
        )
    return notes
