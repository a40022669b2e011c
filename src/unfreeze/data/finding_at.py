"""A finding about one example, with the place it comes from."""

from __future__ import annotations

from unfreeze.data.examples import Example, Origin
from unfreeze.data.findings import Finding, Severity
from unfreeze.data.question_example import QuestionExample


def finding_at(example: Example, severity: Severity, code: str, message: str, advice: str | None = None) -> Finding:
    """The finding; data in memory has no file, and is called data. Whole files may be one line, so an id tells more."""
    origin = example.origin or Origin("data")
    if isinstance(example, QuestionExample) and example.id:
        message += f" (first: question {example.id})"
    return Finding(severity, code, message, origin.file, origin.line, advice)
