"""What is wrong with numbers that are to be predicted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean, pstdev

from unfreeze.data.examples import Example, NumberExample
from unfreeze.data.finding_at import finding_at
from unfreeze.data.findings import Finding

# A head starts near 0 and moves by its learning rate a step and weight: such numbers take it thousands of steps.
FAR = 20.0


def check_numbers(train: Sequence[Example]) -> Iterator[Finding]:
    """Numbers that are all the same, or that lie where training does not get to."""
    known = [one for one in train if isinstance(one, NumberExample)]
    values = [one.value for one in known if one.value is not None]
    if not values:
        return
    low, high, middle, spread = min(values), max(values), mean(values), pstdev(values)
    if low == high:
        message = f"every number of the training data is {low:g}"
        yield finding_at(
            known[0], "error", "one-number", message, "There is nothing to learn; is this the right column?"
        )
    elif max(abs(middle), spread) > FAR:
        message = f"the numbers of the training data lie between {low:g} and {high:g}, about {middle:.4g}"
        advice = (
            f"A head starts near 0, and a few epochs may not bring it there: subtract {middle:.4g}, divide by "
            f"{spread:.4g}, and undo that after predicting."
        )
        yield finding_at(known[0], "warning", "far-numbers", message, advice)
