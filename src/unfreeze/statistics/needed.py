"""How much more data would decide a pair."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from statistics import NormalDist

from unfreeze.statistics.difference import Parts
from unfreeze.statistics.verdict import ties_can_be_told

POWER = 0.8
_MOST_SEEDS = 10_000
_MOST_TIMES = 10_000  # test examples, as a multiple of those there are


def seeds_needed(
    difference: float, parts: Parts, seeds: int, examples: int, *, margin: float, alpha: float, tie_alpha: float
) -> int | None:
    """The number of seeds of each side that decides with a probability of 80 %, on the same test examples.

    None if no number does: the examples alone leave too much doubt. The truth is taken to be the observed difference,
    which is a guess; read the result as an order of magnitude. With q the quantile of the test at its corrected level
    and e = sqrt(V), "better" has the power Phi(|difference| / e - q), and "tie", which a mean on either side can miss,
    Phi((margin - difference) / e - q) + Phi((margin + difference) / e - q) - 1 (Chow, Shao & Wang 2008, section 3.2);
    the parts of V are scaled as in Hillis, Obuchowski & Berbaum 2011.

    Args:
        parts: the variance with `seeds` seeds on each side.
        alpha, tie_alpha: levels of a single test, after correction.
    """

    def enough(count: int) -> bool:
        less = seeds / count
        grown = parts.freedom * max(1.0, (count - 1) / max(1, seeds - 1))
        then = Parts(parts.examples, parts.shared * less, parts.seeds * less, grown)
        return _decides(difference, then, examples, margin=margin, alpha=alpha, tie_alpha=tie_alpha)

    return _smallest(enough, seeds + 1, _MOST_SEEDS)


def examples_needed(
    difference: float, parts: Parts, examples: int, *, margin: float, alpha: float, tie_alpha: float
) -> int | None:
    """The number of test examples that decides with a probability of 80 %, with the same seeds; see `seeds_needed`."""

    def enough(count: int) -> bool:
        less = examples / count
        then = Parts(parts.examples * less, parts.shared * less, parts.seeds, parts.freedom)
        return _decides(difference, then, count, margin=margin, alpha=alpha, tie_alpha=tie_alpha)

    return _smallest(enough, examples + 1, _MOST_TIMES * examples)


def _decides(difference: float, parts: Parts, examples: int, *, margin: float, alpha: float, tie_alpha: float) -> bool:
    error = max(sqrt(parts.total), 1e-300)
    phi = NormalDist().cdf
    # Satterthwaite 1946: only what is measured between seeds has few degrees of freedom.
    measured = parts.shared + parts.seeds
    freedom = parts.freedom * (parts.total / measured) ** 2 if measured > 0 else float("inf")
    if phi(abs(difference) / error - _quantile(alpha, freedom)) >= POWER:
        return True
    within = _quantile(tie_alpha, freedom)
    tie = phi((margin - difference) / error - within) + phi((margin + difference) / error - within) - 1
    return tie >= POWER and ties_can_be_told(margin, examples)


def _quantile(alpha: float, freedom: float) -> float:
    """Two-sided quantile of Student's t: Abramowitz & Stegun 1964, equation 26.7.5, an expansion around the normal's.

    Fast, and a few per cent too small for 3 degrees of freedom; the rest of the formula is no better.
    """
    z = NormalDist().inv_cdf(1 - alpha / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))


def _smallest(enough: Callable[[int], bool], least: int, most: int) -> int | None:
    if not enough(most):
        return None
    low, high = least, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
