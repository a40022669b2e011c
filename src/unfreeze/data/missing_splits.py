"""Make the validation and test splits that were not given, from the training data, said aloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unfreeze.data.examples import Example
from unfreeze.data.findings import Finding, Say
from unfreeze.data.request import DataRequest
from unfreeze.data.splits import split_off


def make_missing_splits(
    splits: Mapping[str, Sequence[Example]], request: DataRequest, say: Say
) -> dict[str, list[Example]]:
    """All splits, in the order train, validation, tests. Both shares are of the training data as given."""
    made: dict[str, list[Example]] = {}
    train = list(splits["train"])
    given = len(train)
    fraction = request.validation_fraction
    if "validation" not in splits:
        train, made["validation"] = split_off(train, fraction, request.data_seed, "validation")
        _announce("validation", made["validation"], given, request, say)
    if not splits.keys() - {"train", "validation"}:
        left = len(train) / given
        train, made["test"] = split_off(train, min(0.9, request.test_fraction / left), request.data_seed, "test")
        _announce("test", made["test"], given, request, say)
    validation = list(splits.get("validation", made.get("validation", [])))
    tests = {split: list(examples) for split, examples in splits.items() if split not in ("train", "validation")}
    if made.get("test"):
        tests["test"] = made["test"]
    if not validation:
        # A few sentences, as in a first try: better a run that says so than no run.
        validation = list(train)
    return {"train": train, "validation": validation, **tests}


def _announce(split: str, part: Sequence[Example], given: int, request: DataRequest, say: Say) -> None:
    if part:
        how = "stratified, seed" if part[0].stratified else "drawn with seed"
        message = f"{split} was missing: {len(part)} of {given} training examples, {how} {request.data_seed}"
        say(Finding("note", "split-made", message))
    elif split == "validation":
        message = f"{given} training examples are too few to split: they also serve as validation"
        advice = "The scores say nothing about new data; pass --validation-file."
        say(Finding("warning", "no-validation", message, advice=advice))
    else:
        message = f"{given} training examples are too few to make a test split: there is none"
        say(Finding("warning", "no-test", message, advice="Pass --test-file."))
