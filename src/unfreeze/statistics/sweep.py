"""How few layers need to train, from a sweep over their number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unfreeze.statistics.verdict import NOT_ENOUGH


@dataclass(frozen=True)
class SweepAnswer:
    """The strategy with the fewest trained layers that keeps up with the full one; None if there is none."""

    strategy: str | None
    layers_trained: int | None
    sentence: str


def fewest_layers(
    points: Sequence[tuple[str, int]],
    comparisons: Iterable[Mapping[str, Any]],
    *,
    full: str = "full",
    margin: float = 0.01,
) -> SweepAnswer:
    """The smallest number of trained layers that ties with `full`, or is within the margin of it and not shown worse.

    The sentence says which of the two it is, and whether more layers than that did worse, as then the curve is not one
    that bends once and the answer may be luck.

    Args:
        points: (strategy, trained layers) of one model; `full` among them.
        comparisons: entries of `compare_pairs` of that model; those on the split "validation" count.
        margin: in units of the metric, the one of the comparisons.

    Raises:
        ValueError: `full` is not among the points.
    """
    layers = dict(points)
    if full not in layers:
        raise ValueError(f"full: {full!r} is not among the points {', '.join(layers) or '(none)'}; name one of them")
    against = _against(full, comparisons)
    tested = sorted((one for one in layers if one in against and one != full), key=lambda one: layers[one])
    keeping_up = [one for one in tested if _keeps_up(against[one], margin)]
    if not tested:
        return SweepAnswer(None, None, f"Nothing was compared with {full} on validation.")
    if not keeping_up:
        return SweepAnswer(None, None, f"Nothing below the {layers[full]} trained layers of {full} keeps up with it.")
    strategy = keeping_up[0]
    behind, verdict = against[strategy]
    words = f"{layers[strategy]} of {layers[full]} trained layers ({strategy})"
    if verdict == "tie":
        sentence = f"{words} tie with {full}: the difference is within {margin:g}."
    elif behind <= 0:
        sentence = f"{words} score {-behind:.4f} more than {full}"
        sentence += ", and that is beyond chance." if verdict != NOT_ENOUGH else "; the data cannot tell them apart."
    else:
        sentence = (
            f"{words} score {behind:.4f} less than {full}, within the margin of {margin:g}; "
            "the data cannot tell whether they are worse."
        )
    deeper = [one for one in tested if layers[one] > layers[strategy] and one not in keeping_up]
    if deeper:
        sentence += f" But {_listed(deeper)} trained more layers and did not keep up: the curve is not smooth."
    return SweepAnswer(strategy, layers[strategy], sentence)


def _against(full: str, comparisons: Iterable[Mapping[str, Any]]) -> dict[str, tuple[float, str]]:
    """Strategy -> (how far behind full, the verdict on the strategy)."""
    mirrored = {"better": "worse", "worse": "better"}
    found = {}
    for entry in comparisons:
        if entry["split"] != "validation":
            continue
        verdict = str(entry["verdict"])
        if entry["a"] == full:
            found[str(entry["b"])] = (float(entry["difference"]), mirrored.get(verdict, verdict))
        elif entry["b"] == full:
            found[str(entry["a"])] = (-float(entry["difference"]), verdict)
    return found


def _keeps_up(standing: tuple[float, str], margin: float) -> bool:
    behind, verdict = standing
    return verdict in ("tie", "better") or (verdict == NOT_ENOUGH and behind <= margin + 1e-9)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
