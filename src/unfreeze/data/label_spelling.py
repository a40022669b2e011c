"""One spelling for each label in all splits: blanks stripped, 1.0 read as 1, ids replaced by given names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from unfreeze.data.examples import Example
from unfreeze.data.finding_at import finding_at
from unfreeze.data.findings import Finding, Problems, Say, data_error

Splits = Mapping[str, Sequence[Example]]
_WHOLE_FLOAT = re.compile(r"([+-]?[0-9]+)\.0+")
_INTEGER = re.compile(r"[+-]?[0-9]+")


def parse_label_names(names: object) -> dict[str, str]:
    """Names of labels: "0=NEGATIVE,1=POSITIVE", a mapping, or a sequence in the order of the ids.

    >>> parse_label_names("0=NEGATIVE,1=POSITIVE")
    {'0': 'NEGATIVE', '1': 'POSITIVE'}
    >>> parse_label_names(["O", "B-PER"])
    {'0': 'O', '1': 'B-PER'}
    """
    if names is None:
        return {}
    if isinstance(names, Mapping):
        pairs = [(str(key).strip(), str(name).strip()) for key, name in names.items()]
    else:
        parts = names.split(",") if isinstance(names, str) else [str(name) for name in _sequence(names)]
        parts = [part.strip() for part in parts if part.strip()]
        if parts and all("=" in part for part in parts):
            split = [part.partition("=") for part in parts]
            pairs = [(key.strip(), name.strip()) for key, _, name in split]
        elif any("=" in part for part in parts):
            raise _bad_names(names)
        else:
            pairs = [(str(i), part) for i, part in enumerate(parts)]
    mapping = dict(pairs)
    if len(mapping) != len(pairs) or not all(key and name for key, name in pairs):
        raise _bad_names(names)
    return mapping


def one_spelling(splits: Splits, names: Mapping[str, str], say: Say) -> dict[str, list[Example]]:
    """The examples with their labels (or tags) in one spelling; everything that was changed is said aloud."""
    spelling = _spelling(_first_places(splits), names, say)
    problems = Problems("--label-names")
    if names:
        known = {*names, *names.values()}
        unknown = sorted(label for label in spelling.values() if label not in known)
        if unknown:
            message = f"no name for the labels {', '.join(map(repr, unknown[:20]))}; given: {', '.join(names)}"
            problems.error("no-label-name", message, advice="Write --label-names 0=FIRST,1=SECOND with every label.")
    problems.stop()
    final = {raw: names.get(label, label) for raw, label in spelling.items()}
    return {split: [example.relabelled(final) for example in examples] for split, examples in splits.items()}


def _spelling(first: Mapping[str, Example], names: Mapping[str, str], say: Say) -> dict[str, str]:
    spelling = {raw: raw.strip() for raw in first}
    spaced = sorted(raw for raw, label in spelling.items() if raw != label)
    if spaced:
        message = f"blanks around labels stripped: {', '.join(map(repr, spaced[:20]))}"
        say(finding_at(next(first[raw] for raw in first if raw in spaced), "warning", "label-blanks", message))
    labels = set(spelling.values())
    floats = {label for label in labels if _WHOLE_FLOAT.fullmatch(label)}
    # Only if all labels are whole numbers: among 1.0, 1.5 and 2.0 the dot means something.
    if floats and all(label in floats or _INTEGER.fullmatch(label) for label in labels):
        shown = ", ".join(f"{label} as {label.partition(chr(46))[0]}" for label in sorted(floats)[:10])
        message = f"labels are whole numbers with a decimal point: read {shown}"
        say(
            finding_at(
                next(one for raw, one in first.items() if raw.strip() in floats), "note", "float-labels", message
            )
        )
        spelling = {raw: _WHOLE_FLOAT.sub(r"\1", label) for raw, label in spelling.items()}
    if names:
        say(Finding("note", "label-names", f"labels named: {', '.join(f'{k}={v}' for k, v in names.items())}"))
    return spelling


def _first_places(splits: Splits) -> dict[str, Example]:
    """The first example of each label."""
    first: dict[str, Example] = {}
    for examples in splits.values():
        for example in examples:
            for label in example.labels:
                if label not in first:
                    first[label] = example
    return first


def _sequence(names: object) -> Sequence[object]:
    if isinstance(names, Sequence):
        return names
    raise _bad_names(names)


def _bad_names(names: object) -> Exception:
    return data_error("bad-label-names", f"--label-names {names!r}: expected e.g. 0=NEGATIVE,1=POSITIVE")
