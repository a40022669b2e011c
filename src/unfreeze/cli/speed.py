"""`unfreeze speed`: how fast models answer on this machine, with their scores beside it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.cli.flags import DATA_FLAGS, add_settings_flags, named_by_user
from unfreeze.cli.scored_data import chosen_sets, refuse_other_task, say_unknown_labels, scored_corpus
from unfreeze.cli.tables import print_table
from unfreeze.cli.terminal import json_text, one_line, say

if TYPE_CHECKING:
    from unfreeze.data.examples import Example
    from unfreeze.inference.predictor import Predictor
    from unfreeze.inference.speed import Speed

COLUMNS = ("engine", "p50 ms", "p99 ms", "texts/s", "slowest-fastest", "parameters", "MB", "score", "")
BEATEN = "beaten"
WHAT_IS_MEASURED = """\
Each model answers in the pipeline of transformers as it is by default and in batches of 32, here in fp32 and in bf16
where the CPU has it, and under onnxruntime in fp32 and in 8 bits where that is installed. Latency is that of single
texts, throughput that of all of them at once, both from text to answer, tokenising included. The engines take turns."""

EXAMPLES = (
    "unfreeze speed unfreeze-sample-emotion emotion-int8 --data sample:emotion",
    "unfreeze speed unfreeze-sample-emotion --text-file texts.txt --json speed.json",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = f"{parser.description}\n\n{WHAT_IS_MEASURED}"
    parser.add_argument(
        "models", metavar="MODEL", nargs="+", help="comparisons, runs, model folders, exported ones, or hub ids"
    )
    parser.add_argument("--text-file", type=Path, metavar="FILE", help="texts without labels, one a line; no scores")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="over which medians are taken (default: 5)")
    parser.add_argument("--requests", type=int, default=200, metavar="N", help="single texts timed (default: 200)")
    parser.add_argument("--threads", type=int, metavar="N", help="for every engine (default: as many as torch takes)")
    parser.add_argument("--split", help="answer this: train, validation, test or a test set's name (default: test)")
    parser.add_argument("--json", dest="json_file", metavar="FILE", help="write JSON to a file; - prints it")
    add_settings_flags(parser, DATA_FLAGS)


def call(options: argparse.Namespace) -> int:
    from unfreeze.inference.predictor import load_predictor
    from unfreeze.inference.speed import Plan, measure_speed
    from unfreeze.storage.atomic import write_json

    _refuse_senseless(options)
    first = load_predictor(options.models[0], device="cpu")
    examples = None if options.text_file else _examples(options, first)
    inputs = _requests(options, first, examples)
    _refuse_different(options.models, first)
    plan = Plan(rounds=options.rounds, requests=options.requests, threads=options.threads)
    found = measure_speed(options.models, inputs, examples, first.task.selection_metric, plan, say)
    rows = [one.as_json() | {BEATEN: beaten} for one, beaten in zip(found, _beaten(found), strict=True)]
    written = {"texts": len(inputs), "rounds": plan.rounds, "requests": plan.requests, "engines": rows}
    if options.json_file == "-":
        print(json_text(written, 2))
        return 0
    print_speeds(found, len(inputs))
    if options.json_file is not None:
        write_json(Path(options.json_file), written)
    return 0


def _refuse_senseless(options: argparse.Namespace) -> None:
    from unfreeze.settings import SettingsError, flag

    mistakes = [
        f"--{name} {value}: expected a number of at least 1."
        for name in ("rounds", "requests", "threads")
        if (value := getattr(options, name)) is not None and value < 1
    ]
    if options.text_file is not None:
        mistakes += [
            f"--text-file {flag(name)}: give texts or labelled data, not both."
            for name in sorted(named_by_user(options) & {*DATA_FLAGS})
        ]
    if mistakes:
        raise SettingsError(mistakes)


def _examples(options: argparse.Namespace, first: Predictor) -> Sequence[Example]:
    corpus = scored_corpus(options, options.models[0])
    refuse_other_task(corpus, first, options.models[0])
    [(name, examples), *_] = chosen_sets(corpus, options.split or (None if corpus.tests else "validation")).items()
    say(f"{name}: {len(examples):,} examples")
    say_unknown_labels(name, examples, first)
    return examples


def _requests(options: argparse.Namespace, first: Predictor, examples: Sequence[Example] | None) -> list[Any]:
    from unfreeze.inference.requests import requests_of
    from unfreeze.settings import SettingsError

    if examples is not None:
        return requests_of(examples, first.task)
    if first.task.needs_context:
        raise SettingsError(["--text-file: a question needs a context. Give --data or --test-file."])
    requests_of([], first.task)  # refuses tasks that answer no texts
    try:
        lines = options.text_file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"--text-file {options.text_file}: cannot be read ({error}). Give a text file."]) from None
    return [line for line in lines if line.strip()]


def _refuse_different(models: Sequence[str], first: Predictor) -> None:
    """Models that answer different questions cannot be compared."""
    from unfreeze.inference.predictor import load_predictor
    from unfreeze.settings import SettingsError

    for name in models[1:]:
        other = load_predictor(name, device="cpu")
        if other.task.name != first.task.name or {*other.labels.names} != {*first.labels.names}:
            kinds = [f"{one.task.name} with labels {', '.join(one.labels.names[:6])}" for one in (other, first)]
            message = f"{name}: is a model for {kinds[0]}, but {models[0]} is one for {kinds[1]}."
            raise SettingsError([f"{message} Compare models for one task."])


def _beaten(found: Sequence[Speed]) -> list[bool]:
    """Is there another one that answers at least as fast and as well, and one of both better?"""
    from unfreeze.statistics.pareto import pareto_front

    scored = [i for i, one in enumerate(found) if one.score is not None]
    points = [(1 / found[i].texts_per_second, float(found[i].score or 0.0)) for i in scored]
    best = {scored[i] for i in pareto_front(points)}
    return [i in scored and i not in best for i in range(len(found))]


def print_speeds(found: Sequence[Speed], number: int) -> None:
    """A table for each model.

    Args:
        number: of the texts that were answered.
    """
    beaten, threads = _beaten(found), found[0].threads
    for model in dict.fromkeys(one.model for one in found):
        rows = [_row(one, is_beaten) for one, is_beaten in zip(found, beaten, strict=True) if one.model == model]
        metric = next((one.metric for one in found if one.model == model and one.metric), None)
        said = f", score: {metric}" if metric else ""
        print_table(f"{model}: {number:,} texts, {threads} threads{said}", COLUMNS, rows)
    if any(beaten):
        print(one_line(f"{BEATEN}: another row is at least as fast and as good, and one of both better"))


def _row(one: Speed, is_beaten: bool) -> list[str]:
    latency = ["-" if ms is None else f"{ms:.2f}" for ms in (one.latency_p50_ms, one.latency_p99_ms)]
    return [
        one.engine,
        *latency,
        f"{one.texts_per_second:.0f}",
        f"{one.slowest_round:.0f}-{one.fastest_round:.0f}",
        "-" if one.parameters is None else f"{one.parameters:,}",
        f"{one.disk_bytes / 1e6:.1f}",
        "-" if one.score is None else f"{one.score:.4f}",
        BEATEN if is_beaten else "",
    ]
