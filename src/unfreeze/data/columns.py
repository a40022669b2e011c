"""Which column of a table is the text, the label, the words or the tags: by its name, said aloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unfreeze.data.examples import PRETRAINING, TaskName
from unfreeze.data.findings import Finding, Say, data_error
from unfreeze.data.read_settings import ReadSettings

# In the order of preference; compared without case and surrounding blanks.
TEXT_COLUMNS = (
    "text", "sentence", "content", "review", "tweet", "document", "comment", "message", "body", "utterance",
    "review_text", "reviewtext", "comment_text", "clean_text", "cleaned_text", "input", "title", "headline", "question",
)  # fmt: skip
LABEL_COLUMNS = (
    "label", "labels", "class", "category", "emotion", "sentiment", "target", "intent", "topic", "y",
    "label_name", "label_text", "class_label", "airline_sentiment", "stars", "rating", "score",
)  # fmt: skip
WORD_COLUMNS = ("tokens", "words", "token", "word", "sentence", "text")
TAG_COLUMNS = ("ner_tags", "tags", "labels", "ner", "upos", "pos_tags", "xpos", "label", "chunk_tags")


# Two texts that belong together, as GLUE and its like name them.
PAIR_COLUMNS = (
    ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"), ("question", "sentence"),
    ("text1", "text2"), ("text_a", "text_b"), ("sentence_a", "sentence_b"), ("text", "text_pair"),
)  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """What to read of each row; `target` is None where a file for prediction has no labels."""

    task: TaskName
    source: str  # the text, or the list of words
    target: str | None  # the label, or the list of tags
    pair: str | None = None  # the second text
    flags: tuple[str, ...] = ()  # columns of 0 and 1, one for each label, in place of `target`


def choose_columns(
    names: Sequence[str], first_row: Mapping[str, object], settings: ReadSettings, file: str, say: Say
) -> Columns:
    """The columns that were asked for, else those known by name. DataError lists the columns that exist."""
    by_key = {name.strip().casefold(): name for name in reversed(names)}
    task = settings.task or _task(by_key, first_row, settings, file, say)
    known_targets = TAG_COLUMNS if task == "tagging" else LABEL_COLUMNS
    flags = _flags(names, settings, file) if task == "multi-label" else ()
    wanted_target = settings.label_column
    if wanted_target is None and task == "tagging" and isinstance(settings.tag_column, str):
        wanted_target = settings.tag_column
    target: str | None
    if flags:
        target = None
        say(Finding("note", "column", f"labels are read from the columns {', '.join(flags)}, one each", file))
    elif wanted_target is not None:
        target = _named(wanted_target, names, "label", file)
    else:
        fitting = [by_key[key] for key in known_targets if key in by_key]
        if task == "tagging":
            fitting = [name for name in fitting if _is_list(first_row.get(name))] or fitting
        fitting = [name for name in fitting if name not in (settings.text_column, settings.text_pair_column)]
        target = fitting[0] if fitting else None
        if target is not None and settings.labelled:
            others = f" (also there: {', '.join(fitting[1:])})" if fitting[1:] else ""
            say(Finding("note", "column", f"labels are read from the column {target!r}{others}", file))
    source = settings.text_column and _named(settings.text_column, names, "text", file)
    pair = settings.text_pair_column and _named(settings.text_pair_column, names, "text-pair", file)
    if not source and not pair and task != "tagging":
        source, pair = next(
            ((by_key[one], by_key[two]) for one, two in PAIR_COLUMNS if one in by_key and two in by_key), (None, None)
        )
        if source:
            say(Finding("note", "column", f"pairs of texts are read from the columns {source!r} and {pair!r}", file))
    if not source:
        source = _source(names, by_key, target, first_row, task, settings, file, say)
    if target is None and not flags and settings.labelled:
        what = "tag" if task == "tagging" else "label"
        raise data_error(
            "no-label-column",
            f"no {what} column, such as {', '.join(known_targets[:4])}; columns found: {', '.join(names)}",
            file,
            advice="Name it with --label-column. If the first line is data, add a line of column names above it.",
        )
    return Columns(task, source, target, pair, flags)


def _flags(names: Sequence[str], settings: ReadSettings, file: str) -> tuple[str, ...]:
    """Several columns named after --label-column, with commas between them."""
    wanted = settings.label_column
    if wanted is None or wanted in names or "," not in wanted:
        return ()
    return tuple(_named(one.strip(), names, "label", file) for one in wanted.split(","))


def _source(
    names: Sequence[str],
    by_key: Mapping[str, str],
    target: str | None,
    first_row: Mapping[str, object],
    task: TaskName,
    settings: ReadSettings,
    file: str,
    say: Say,
) -> str:
    known = WORD_COLUMNS if task == "tagging" else TEXT_COLUMNS
    taken = (target, settings.text_pair_column)
    fitting = [by_key[key] for key in known if key in by_key and by_key[key] not in taken]
    if task == "tagging":
        fitting = [name for name in fitting if _is_list(first_row.get(name))] or fitting
    if not fitting:
        others = [name for name in names if name.strip() and name not in taken]
        # Of a single column of unknown name the first line may be the first text; of a corpus one is not missed.
        if len(others) != 1 or (target is None and settings.task not in PRETRAINING):
            advice = "Name it with --text-column. If the first line is data, add a line of column names above it."
            if len(names) == 1 and ";" in names[0]:
                advice += " If these are `text;label` lines, pass --format text_label."
            message = f"no text column, such as {', '.join(known[:4])}; columns found: {', '.join(names)}"
            raise data_error("no-text-column", message, file, advice=advice)
        fitting = others
    what = "words" if task == "tagging" else "texts"
    say(Finding("note", "column", f"{what} are read from the column {fitting[0]!r}", file))
    return fitting[0]


def _task(
    by_key: Mapping[str, str], first_row: Mapping[str, object], settings: ReadSettings, file: str, say: Say
) -> TaskName:
    source = settings.text_column
    if source is not None:
        tagging = _is_list(first_row.get(source))
    else:
        tagging = any(key in by_key and _is_list(first_row.get(by_key[key])) for key in WORD_COLUMNS)
    if tagging:
        say(Finding("note", "task", "rows hold lists of words: the task is tagging", file))
        return "tagging"
    say(Finding("note", "task", "rows hold one text each: the task is classification", file))
    return "classification"


def _named(wanted: str, names: Sequence[str], what: str, file: str) -> str:
    if wanted in names:
        return wanted
    raise data_error(
        f"no-{what}-column",
        f"there is no column {wanted!r}; columns found: {', '.join(names)}",
        file,
        advice=f"Check --{what}-column.",
    )


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple)) or type(value).__name__ == "ndarray"
