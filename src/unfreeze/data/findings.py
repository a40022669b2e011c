"""What the checks say about data: one finding a fact, with its place and the next step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about the data. `error` stops the run, `warning` is shown and recorded, `note` is said aloud."""

    severity: Severity
    code: str  # stable name of the check, e.g. "unseen-label"
    message: str  # what was found, with the value
    file: str | None = None
    line: int | None = None
    advice: str | None = None  # what to do next

    def __str__(self) -> str:
        place = "" if self.file is None else self.file if self.line is None else f"{self.file}:{self.line}"
        text = f"{place}: {self.message}" if place else self.message
        if self.advice:
            text += f" {self.advice}" if text.endswith((".", "?", "!")) else f". {self.advice}"
        return printable(text)


class DataError(ValueError):
    """The data cannot be used as it is; carries every finding, not only the first.

    Where the files could be read, `splits` are the examples of each and `tag_scheme` is that of their tags: a report
    on the data shows them beside the errors.
    """

    def __init__(
        self,
        findings: Sequence[Finding],
        splits: Mapping[str, Sequence[Any]] | None = None,
        tag_scheme: str | None = None,
    ) -> None:
        self.findings = tuple(findings)
        self.splits = dict(splits or {})
        self.tag_scheme = tag_scheme
        super().__init__("\n".join(str(finding) for finding in self.errors))

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "error")


Say: TypeAlias = Callable[[Finding], None]  # where readers send notes and warnings, e.g. `findings.append`


def silent(finding: Finding) -> None:
    """A `Say` that drops what it is told."""


class Problems:
    """Collects the errors of one file, so that all are reported at once, and a screenful of each kind at most."""

    def __init__(self, file: str, limit: int = 20) -> None:
        self.file = file
        self.limit = limit
        self.counts: Counter[str] = Counter()
        self.findings: list[Finding] = []

    def error(self, code: str, message: str, line: int | None = None, advice: str | None = None) -> None:
        """Remember one error; beyond the limit it is only counted."""
        self.counts[code] += 1
        if self.counts[code] <= self.limit:
            self.findings.append(Finding("error", code, message, self.file, line, advice))

    def stop(self) -> None:
        """Raise DataError if there was any error."""
        for code, count in self.counts.items():
            if count > self.limit:
                message = f"{count - self.limit} more errors of the kind {code!r}"
                self.findings.append(Finding("error", code, message, self.file))
        if self.findings:
            raise DataError(self.findings)


def data_error(
    code: str, message: str, file: str | None = None, line: int | None = None, advice: str | None = None
) -> DataError:
    """A DataError of one finding."""
    return DataError([Finding("error", code, message, file, line, advice)])


def stop_on_errors(
    findings: Iterable[Finding], splits: Mapping[str, Sequence[Any]] | None = None, tag_scheme: str | None = None
) -> None:
    """Raise DataError with all findings, and with what was read, if one of them is an error."""
    found = tuple(findings)
    if any(finding.severity == "error" for finding in found):
        raise DataError(found, splits, tag_scheme)


def printable(text: str) -> str:
    """Escape control characters, so that data cannot drive a terminal or forge a log line.

    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
