"""The sections on examples: whether more of them would help, and which ones are worth reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unfreeze.reports import quantities
from unfreeze.reports.blocks import Block, Bullets, Paragraph, Section, Table
from unfreeze.reports.data_words import place
from unfreeze.reports.results import Results


def more_data(results: Results) -> Section:
    """Scores by training set size, and what they suggest about labelling more."""
    entries = [entry for entry in results.entries("data_sizes") if entry.get("points")]
    if not entries:
        return Section("More data", [])
    blocks: list[Block] = [one.image() for one in results.pictures_of("data_sizes")]
    sentences = [results.name_model(one) + str(one["sentence"]) for one in entries if one.get("sentence")]
    blocks += [Bullets(sentences)] if sentences else []
    sizes = sorted({int(point["train_examples"]) for entry in entries for point in entry["points"]})
    rows = []
    for entry in entries:
        by_size = {int(point["train_examples"]): point for point in entry["points"]}
        rows.append([results.label(entry), *(_point(by_size.get(size)) for size in sizes), _gain(entry)])
    metric = str(entries[0].get("metric") or "score").replace("_", " ")
    caption = f"Validation {metric}: mean over seeds and its 95 % interval; gain of the last doubling of the examples."
    header = ["strategy", *(f"{size:,} examples" for size in sizes), "gain"]
    blocks.append(Table(header, rows, caption, folded="The numbers of the figure"))
    return Section("More data", blocks)


def examples_to_read(results: Results) -> Section:
    """Where strategies disagree, and where all agree against the label in the data."""
    divided, suspects, mistakes = map(results.entries, ("disagreements", "label_suspects", "mistakes"))
    blocks: list[Block] = []
    if divided:
        blocks.append(
            _examples(
                divided,
                ["answers", "confidence"],
                [[_answers(one), quantities.percent(one.get("confidence"))] for one in divided],
                f"{results.name_model(divided[0])}Examples on which the strategies disagree ({len(divided)})",
                "The most divided first. An answer is that of most seeds; confidence: mean probability of the answers.",
            )
        )
    if suspects:
        blocks.append(
            _examples(
                suspects,
                ["all answer", "confidence"],
                [[str(one.get("answer")), quantities.percent(one.get("confidence"))] for one in suspects],
                f"{results.name_model(suspects[0])}Examples that every strategy answers alike and against the label "
                f"({len(suspects)})",
                "Often the label is wrong. A mistake that the training data teach looks the same, so read them before "
                "you correct them.",
            )
        )
    if any(one.get("error") is not None for one in mistakes):
        blocks.append(
            _examples(
                mistakes,
                ["answer", "error"],
                [[quantities.plain(one.get("answer")), quantities.plain(one.get("error"))] for one in mistakes],
                f"Largest errors of {results.label(mistakes[0])} ({len(mistakes)})",
                "Answer: mean over seeds; error: mean distance from the number in the data.",
            )
        )
    elif mistakes:
        blocks.append(
            _examples(
                mistakes,
                ["answer", "confidence"],
                [[str(one.get("answer")), quantities.percent(one.get("confidence"))] for one in mistakes],
                f"Worst mistakes of {results.label(mistakes[0])} ({len(mistakes)})",
                "What most of its seeds answer wrongly, the most confident first.",
            )
        )
    if blocks:
        said = "Numbers of examples and words count from 0 within their split, lines of files from 1."
        if any(one.get("gold_in_training") is False for one in (*divided, *suspects, *mistakes)):
            said += " A label that is not in training cannot be answered; no example of one is among the suspects."
        blocks.insert(0, Paragraph(said))
    return Section("Examples to read", blocks)


def _point(point: Mapping[str, Any] | None) -> str:
    if point is None:
        return ""
    ends = [point.get("low"), point.get("high")]
    interval = "" if None in ends else f" ({quantities.score(ends[0])} to {quantities.score(ends[1])})"
    return quantities.score(point.get("mean")) + interval


def _gain(entry: Mapping[str, Any]) -> str:
    ends = [entry.get("gain_low"), entry.get("gain_high")]
    interval = "" if None in ends else f" ({quantities.signed(ends[0])} to {quantities.signed(ends[1])})"
    return quantities.signed(entry.get("gain")) + interval


def _examples(
    entries: list[dict[str, Any]], titles: list[str], cells: list[list[str]], folded: str, caption: str
) -> Table:
    """One line for each text, or for each word with its sentence."""
    words = any(one.get("word") is not None for one in entries)
    places = any(one.get("file") for one in entries)
    header = [
        *("example", *(["file and line"] if places else []), *(["word"] if words else [])),
        *("text", "label in the data", *titles),
    ]
    rows = [
        [
            f"{one.get('split')} {one.get('index')}",
            *([place(one)] if places else []),
            *([_word(one)] if words else []),
            " ".join(str(one.get("text") or "").split()),
            str(one.get("gold")) + (" (not in training)" if one.get("gold_in_training") is False else ""),
            *more,
        ]
        for one, more in zip(entries, cells, strict=True)
    ]
    return Table(header, rows, caption, texts=frozenset(range(1, len(header) - 1)), folded=folded)


def _word(entry: Mapping[str, Any]) -> str:
    return f"{entry.get('word_text') or ''} ({entry.get('word')})" if entry.get("word") is not None else ""


def _answers(entry: Mapping[str, Any]) -> str:
    """Each answer with the strategies that give it, the label of the data first."""
    by_answer: dict[str, list[str]] = {}
    for strategy, answer in (entry.get("answers") or {}).items():
        by_answer.setdefault(str(answer), []).append(str(strategy))
    order = sorted(by_answer, key=lambda answer: (answer != entry.get("gold"), -len(by_answer[answer])))
    return ";\n".join(f"{answer}: {', '.join(by_answer[answer])}" for answer in order)
