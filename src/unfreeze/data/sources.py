"""From what a user names to a corpus: find the files, read, spell labels one way, check, split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from unfreeze.data.check_tags import check_single_and_last
from unfreeze.data.checks import check_splits, check_unseen
from unfreeze.data.corpus import Corpus, notes_of, splits_sha256
from unfreeze.data.examples import Example, TaggedExample, TaskName
from unfreeze.data.findings import DataError, Finding, Say, data_error, silent, stop_on_errors
from unfreeze.data.label_spelling import one_spelling, parse_label_names
from unfreeze.data.missing_splits import make_missing_splits
from unfreeze.data.read_settings import ReadSettings
from unfreeze.data.report import report, report_of_faults
from unfreeze.data.request import DataRequest
from unfreeze.data.resolve import Load, Sources, read_file, resolve
from unfreeze.data.splits import subset
from unfreeze.data.tag_schemes import recognise, to_iob2
from unfreeze.data.text_tasks import recast

__all__ = ["Corpus", "DataRequest", "load_corpus", "load_for_scoring", "read_examples", "report", "report_of_faults"]

TagScheme = Literal["iob2", "plain"]


def load_corpus(request: DataRequest) -> Corpus:
    """Everything from the request to checked splits.

    Raises:
        DataError: with every finding, if the data cannot be used as it is.
    """
    request.check()
    findings: list[Finding] = []
    name, sources = resolve(request, findings.append)
    return _corpus(name, sources, request, findings)


def load_for_scoring(request: DataRequest) -> Corpus:
    """As `load_corpus`, but without training data everything is read whole: a single file, folder of classes or test
    files are test sets, and `train` is empty.

    Raises:
        DataError: with every finding, if the data cannot be used as it is.
    """
    request.check(needs_train=False)
    findings: list[Finding] = []
    name, sources = resolve(request, findings.append, "test")
    return _corpus(name, sources, request, findings)


def _corpus(name: str, sources: Sources, request: DataRequest, findings: list[Finding]) -> Corpus:
    say = findings.append
    splits = _read_all(sources, request.read_settings(), say)
    task = _one_task(splits, request.task)
    splits, scheme = _prepare(splits, request, say)
    findings.extend(check_splits(splits, scheme))
    stop_on_errors(findings, splits, scheme)
    if "train" in splits:
        splits = make_missing_splits(splits, request, say)
    drawn = {split: _subset(split, examples, request, say) for split, examples in splits.items()}
    if "train" in drawn and len(drawn["train"]) < len(splits["train"]):
        # What was said of the whole training data need not hold for the part that is used.
        findings[:] = [finding for finding in findings if finding.code != "unseen-label"]
        findings.extend(check_unseen(drawn, scheme))
        stop_on_errors(findings, drawn, scheme)
    return Corpus(
        task=task,
        train=tuple(drawn.get("train", ())),
        validation=tuple(drawn.get("validation", ())),
        tests={split: tuple(e) for split, e in drawn.items() if split not in ("train", "validation")},
        tag_scheme=scheme,
        notes=notes_of(findings),
        findings=tuple(dict.fromkeys(finding for finding in findings if finding.severity == "warning")),
        sha256=splits_sha256(drawn),
        name=name,
        told=tuple(findings),
    )


def read_examples(
    path: str | Path,
    *,
    task: TaskName | None = None,
    format: str | None = None,
    text_column: str | None = None,
    text_pair_column: str | None = None,
    label_column: str | None = None,
    label_separator: str | None = None,
    tag_column: int | str | None = None,
    label_names: object = None,
    encoding: str | None = None,
    lower_case: bool = False,
    labelled: bool = False,
    say: Say = silent,
) -> list[Example]:
    """The examples of one file, for prediction or (`labelled=True`) evaluation, in the order of the file.

    Labels are kept where the file has them; entity tags are IOB2, as in `load_corpus`. `say` receives what is inferred.
    """
    settings = ReadSettings(
        task=task,
        text_column=text_column,
        text_pair_column=text_pair_column,
        label_column=label_column,
        label_separator=label_separator,
        tag_column=tag_column,
        encoding=encoding,
        labelled=labelled,
    )
    request = DataRequest(train_file=str(path), label_names=label_names, lower_case=lower_case)  # type: ignore[arg-type]
    read = recast(read_file(Path(path), format, settings, say), task, label_separator)
    splits, _ = _prepare({"examples": read}, request, say)
    return splits["examples"]


def _read_all(sources: Mapping[str, Sequence[Load]], settings: ReadSettings, say: Say) -> dict[str, list[Example]]:
    """Read every file before stopping, so that all faults are reported at once."""
    splits: dict[str, list[Example]] = {}
    faults: list[Finding] = []
    for split, loads in sources.items():
        splits[split] = []
        for load in loads:
            try:
                splits[split].extend(recast(load(settings, say), settings.task, settings.label_separator))
            except DataError as error:
                faults.extend(error.findings)
    if faults:
        raise DataError(list(dict.fromkeys(faults)))
    return splits


def _one_task(splits: Mapping[str, Sequence[Example]], wanted: TaskName | None) -> TaskName:
    kinds: dict[TaskName, str] = {}
    for split, examples in splits.items():
        for example in examples:
            kinds.setdefault(example.task, split)
    if len(kinds) > 1:
        message = " but ".join(f"{split} is {task}" for task, split in kinds.items())
        raise data_error("mixed-tasks", message, advice="All splits must be of one task; check --format.")
    found: TaskName = next(iter(kinds), "classification")
    if wanted is not None and found != wanted:
        message = f"--task {wanted}: these data are for {found}"
        raise data_error("wrong-task", message, advice=f"Give data for {wanted}, or leave --task out.")
    return found


def _prepare(
    splits: Mapping[str, Sequence[Example]], request: DataRequest, say: Say
) -> tuple[dict[str, list[Example]], TagScheme | None]:
    """One spelling for labels, one scheme for tags, no sentence without words."""
    kept = {split: _with_words(split, examples, say) for split, examples in splits.items()}
    if request.lower_case:
        say(Finding("note", "lower-case", "all texts and words are lower-cased"))
        kept = {split: [example.lower_cased() for example in examples] for split, examples in kept.items()}
    kept = one_spelling(kept, parse_label_names(request.label_names), say)
    if not any(isinstance(example, TaggedExample) for examples in kept.values() for example in examples):
        return kept, None
    found = recognise(example.labels for examples in kept.values() for example in examples)
    if found == "plain":
        say(Finding("note", "tag-scheme", "tags are plain (one independent tag a word), not entities"))
        return kept, "plain"
    converted = "" if found == "iob2" else f", recognised as {found.upper()} and converted"
    say(Finding("note", "tag-scheme", f"tags mark entities in IOB2{converted}"))
    if found == "bioes":
        for finding in check_single_and_last(kept):
            say(finding)
    if found != "iob2":
        for examples in kept.values():
            for index, example in enumerate(examples):
                if isinstance(example, TaggedExample) and example.tags is not None:
                    examples[index] = replace(example, tags=to_iob2(example.tags, found))
    return kept, "iob2"


def _with_words(split: str, examples: Sequence[Example], say: Say) -> list[Example]:
    kept = [example for example in examples if example.parts]
    if len(kept) < len(examples):
        first = next(example for example in examples if not example.parts)
        message = f"{len(examples) - len(kept)} sentences of {split} have no words and are left out"
        origin = first.origin
        place = (origin.file, origin.line) if origin else (None, None)
        say(Finding("warning", "no-words", message, *place))
    return kept


def _subset(split: str, examples: Sequence[Example], request: DataRequest, say: Say) -> list[Example]:
    size = request.max_train_samples if split == "train" else request.max_eval_samples
    drawn = subset(examples, size, request.data_seed)
    if len(drawn) < len(examples):
        message = f"{split}: {len(drawn)} of {len(examples)} examples, drawn with seed {request.data_seed}"
        say(Finding("note", "subset", message))
    return drawn
