"""What is odd about the texts and words themselves: empty, very long, invisible, undecodable or badly decoded."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from unfreeze.data.examples import Example, TaggedExample
from unfreeze.data.finding_at import finding_at
from unfreeze.data.findings import Finding, Severity

VERY_LONG_CHARACTERS = 50_000
# Control characters but tab and line ends; marks that reorder text; characters without width. Not the joiners of emoji.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
SURROGATE = re.compile("[\ud800-\udfff]")
# As programs write what is missing into a table of texts.
MISSING_TEXTS = frozenset({"nan", "none", "null", "<na>", "na", "n/a", "#n/a"})
# UTF-8 that was read as Latin-1 or Windows-1252, and written again: an accented letter, or typographic signs.
_MOJIBAKE = re.compile(
    "\u00c3[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u0192\u02c6\u02dc\u2020-\u2022\u2030\u20ac\u2122]"
    "|[\u00c4\u00c5][\u0080-\u009f\u00a1-\u00aa\u00ac-\u00ba\u00bc-\u00bf]"
    "|\u00c2[\u00a0-\u00bf]|\u00e2(\u20ac|\u0080)|\u00f0(\u0178|\u009f)"
)


def check_texts(splits: Mapping[str, Sequence[Example]]) -> Iterator[Finding]:
    """Findings about the characters, a split at a time."""
    for split, examples in splits.items():
        shown = [example.shown for example in examples]
        for severity, code, is_odd, what, advice in _ODDITIES:
            found = [example for example, text in zip(examples, shown, strict=True) if is_odd(example, text)]
            if found:
                message = f"{len(found)} of {len(examples)} examples of {split} {what}"
                yield finding_at(found[0], severity, code, message + _more(code, found), advice)


def is_mojibake(text: str) -> bool:
    r"""Was this UTF-8 that was decoded as something else?

    >>> is_mojibake("caf\u00c3\u00a9"), is_mojibake("caf\u00e9"), is_mojibake("JO\u00c3O")
    (True, False, False)
    """
    return not text.isascii() and _MOJIBAKE.search(text) is not None


def named(sign: str) -> str:
    """A code point by number and name, so that a message never carries the character itself."""
    name = unicodedata.name(sign, "")
    return f"U+{ord(sign):04X} {name}".strip()


def _is_empty(example: Example, text: str) -> bool:
    if isinstance(example, TaggedExample):
        return not text.strip()
    return not all(part.strip() for part in example.parts)


def _is_missing(example: Example, text: str) -> bool:
    if isinstance(example, TaggedExample):
        return False
    return any(len(part) < 10 and part.strip().casefold() in MISSING_TEXTS for part in example.parts)


def _is_long(example: Example, text: str) -> bool:
    return len(text) > VERY_LONG_CHARACTERS


def _is_broken(example: Example, text: str) -> bool:
    return not text.isascii() and SURROGATE.search(text) is not None


def _is_replaced(example: Example, text: str) -> bool:
    return "\ufffd" in text


def _is_invisible(example: Example, text: str) -> bool:
    return INVISIBLE.search(text) is not None


def _is_badly_decoded(example: Example, text: str) -> bool:
    return is_mojibake(text)


_ODDITIES: tuple[tuple[Severity, str, Callable[[Example, str], bool], str, str | None], ...] = (
    ("warning", "empty-texts", _is_empty, "have an empty text", None),
    (
        "warning", "missing-texts", _is_missing, "are what programs write for a text that is missing",
        "Leave these rows out, unless someone wrote that.",
    ),
    (
        "warning", "long-texts", _is_long, f"have more than {VERY_LONG_CHARACTERS:,} characters",
        "What exceeds --max-length is cut off and counted.",
    ),
    (
        "error", "surrogates", _is_broken, "contain half of a surrogate pair, which is not text",
        "Correct the \\uD8.. escapes of the file.",
    ),
    (
        "warning", "replaced-characters", _is_replaced, "contain U+FFFD, which stands for letters that were lost",
        "Convert the data again from its source, in the right encoding.",
    ),
    ("warning", "control-characters", _is_invisible, "contain control or invisible characters", None),
    (
        "warning", "badly-decoded", _is_badly_decoded, "contain UTF-8 that was read as another encoding",
        "Convert the data again from its source, in the right encoding.",
    ),
)  # fmt: skip


def _more(code: str, found: Sequence[Example]) -> str:
    if code in ("empty-texts", "missing-texts"):
        numbers = [str(example.origin.line) for example in found[:10] if example.origin and example.origin.line]
        return f" (line{'s' if len(found) > 1 else ''} {', '.join(numbers)}{', ...' if len(found) > 10 else ''})"
    if code == "control-characters":
        signs = Counter(sign for example in found for sign in INVISIBLE.findall(example.shown))
        return f" ({', '.join(f'{named(sign)}: {count}' for sign, count in signs.most_common(10))})"
    return ""
