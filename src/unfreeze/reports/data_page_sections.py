"""The sections of the page on data: what was found, how much there is of what, what is twice, what it looks like."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from unfreeze.reports.background_sections import lengths_of_tokens, what_is_read
from unfreeze.reports.blocks import Block, Bullets, Code, Image, Paragraph, Section, Shade, Table
from unfreeze.reports.data_figures import labels_in_words
from unfreeze.reports.data_tables import (
    answers_tables,
    labels_of_a_text,
    labels_table,
    lengths_table,
    numbers_table,
    repeats_table,
    split_sizes,
)
from unfreeze.reports.data_words import SEVERITIES, Summary, found, headline, label_counts, label_noun, place
from unfreeze.reports.figures import FIGURES, draw_figures
from unfreeze.reports.results import Results

_ANSWERS = {"question-answering": "answers", "regression": "numbers"}  # of other tasks labels
_SHADES: Mapping[str, Shade] = {"error": "bad", "warning": "even", "note": "off"}


def what_was_found(summary: Summary) -> Section:
    """The page in a sentence, what to do now, and what was inferred."""
    if found(summary, "error"):
        advice = "Nothing trains on these data before the errors are mended: the findings say where they are."
    elif found(summary, "warning"):
        advice = "These data can be used. Read the warnings first: each says what it does to the scores."
    else:
        advice = "These data can be used as they are."
    blocks: list[Block] = [Paragraph(headline(summary), strong=True), Paragraph(advice)]
    if inferred := [str(one) for one in summary.get("inferred") or ()]:
        blocks += [Paragraph("What was inferred:"), Bullets(inferred)]
    return Section("What was found", blocks)


def findings(summary: Summary) -> Section:
    """Each finding with its place and what to do."""
    rows: list[list[str]] = []
    values: list[list[float | str | None]] = []
    shades: dict[tuple[int, int], Shade] = {}
    for number, one in enumerate(summary.get("found") or ()):
        severity = str(one["severity"])
        rows.append([str(number + 1), severity, str(one["message"]), place(one), str(one.get("advice") or "")])
        values.append([float(number), float(SEVERITIES.index(severity)), *rows[-1][2:]])
        shades[number, 1] = _SHADES[severity]
    if not rows:
        return Section("Findings", [Paragraph("The checks found nothing to report.")])
    header = ["no.", "severity", "what was found", "file and line", "what to do"]
    caption = "An error stops every command that trains, a warning is repeated in the report of a comparison."
    return Section(
        "Findings", [Table(header, rows, caption, texts=frozenset({1, 2, 3, 4}), values=values, shades=shades)]
    )


def splits_and_labels(summary: Summary) -> Section:
    """Sizes, and how often each label occurs, drawn and in numbers."""
    title = f"Splits and {_ANSWERS.get(str(summary.get('task')), 'labels')}"
    if not _size(summary):
        return Section(title, [])
    blocks: list[Block] = [split_sizes(summary)]
    counted = {"label_counts": label_counts(summary), "tag_scheme": summary.get("tag_scheme")}
    blocks += _figure("labels", counted, labels_in_words(counted))
    tables = [labels_table(summary), labels_of_a_text(summary), numbers_table(summary), *answers_tables(summary)]
    return Section(title, [*blocks, *(one for one in tables if one)])


def lengths(summary: Summary) -> Section:
    """How long examples are, and where a model was named how much of them it reads."""
    if not _size(summary):
        return Section("Lengths", [])
    found_lengths = summary.get("lengths") or {}
    unit = found_lengths.get("unit") or "words"
    blocks = _figure("lengths", {"lengths": found_lengths}, f"Lengths of the examples in {unit}, by split.")
    table = lengths_table(summary)
    blocks += [table] if table else []
    if tokens := summary.get("tokens"):
        longest = tokens["lengths"].get("max_length")
        blocks.append(Paragraph(f"As {tokens['model']} reads them, at most {longest} tokens at once:"))
        blocks += _figure(
            "lengths", {"lengths": tokens["lengths"]}, "Lengths of the examples in tokens, by split.", "tokens"
        )
        read = what_is_read(tokens["reading"])
        blocks += lengths_of_tokens(tokens["lengths"])
        blocks += read or [Paragraph("Nothing is cut off, and no example needs several windows.")]
    return Section("Lengths", blocks)


def repeated(summary: Summary) -> Section:
    """What is there twice: numbers, and the texts."""
    if not _size(summary):
        return Section("Repeated and leaked texts", [])
    table = repeats_table(summary)
    if table is None:
        return Section("Repeated and leaked texts", [Paragraph("No example is there twice, in one split or in two.")])
    said = "Texts are the same that differ in case, blanks or signs without width only."
    blocks: list[Block] = [Paragraph(said), table]
    header = ["found at", "text", "labelled", "first at", "labelled there"]
    for one in summary["repeats"]:
        rows = [
            [
                *(text["again"]["place"], text["text"], text["again"]["said"]),
                *(text["first"]["place"], text["first"]["said"]),
            ]
            for text in one["texts"]
        ]
        where = "repeated within" if one["split"] == one["in"] else f"of {one['in']} again in"
        some = "" if len(rows) == one["examples"] else f", {len(rows)} of {one['examples']:,}"
        caption = f"Texts {where} {one['split']}{some}; those labelled otherwise first"
        folded = f"Texts {where} {one['split']}{some}"
        blocks.append(Table(header, rows, caption, texts=frozenset({1, 2, 3, 4}), folded=folded))
    return Section("Repeated and leaked texts", blocks)


def examples(summary: Summary) -> Section:
    """A few examples of each label, cut short."""
    what = "" if summary.get("task") in ("question-answering", "regression") else label_noun(summary)
    rows = [
        [str(one["label"]) or "(none)", "\n".join(f"• {text}" for text in one["texts"])]
        for one in summary.get("examples") or ()
    ]
    if not rows:
        return Section("Examples", [])
    header = ["number" if summary.get("task") == "regression" else what or "questions", "examples"]
    title = f"Examples of each {what}" if what else "Examples"
    first = "train" if "train" in summary["splits"] else next(iter(summary["splits"]))
    caption = f"From {first}, cut short" + (
        "; the words that are meant in brackets" if summary.get("tag_scheme") else ""
    )
    return Section(title, [Table(header, rows, caption, texts=frozenset({1}))])


def reproduce(summary: Summary) -> Section:
    """The command, the version and the hash of what was read."""
    made = summary.get("made") or {}
    blocks: list[Block] = [Code(shlex.join(map(str, made["command"])))] if made.get("command") else []
    rows = [["all examples, SHA-256", str(summary["sha256"])]] if summary.get("sha256") else []
    rows += [[name, str(version)] for name, version in (made.get("versions") or {}).items() if version]
    blocks += [Table(["what", "is"], rows, "What went in", texts=frozenset({1}))] if rows else []
    return Section("How to reproduce this", blocks)


def _size(summary: Summary) -> int:
    return sum(one["examples"] for one in summary["splits"].values())


def _figure(name: str, data: Mapping[str, Any], shows: str, file: str = "") -> list[Block]:
    """The figure of that name as comparisons draw it; none where there is nothing to draw."""
    kinds = [kind for kind in FIGURES if kind.name == name]
    drawn = draw_figures(Results([], {"data": dict(data)}), kinds)
    return [Image(one.svg, shows, file or one.name, one.chart) for one in drawn]
