"""`unfreeze inspect`: with `--data` alone the data checks, with `--model` what each strategy does to it in one step."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfreeze.cli.flags import DATA_FLAGS, add_settings_flags, named_by_user, settings_from
from unfreeze.cli.terminal import json_text, say
from unfreeze.settings import Settings, SettingsError, flag

if TYPE_CHECKING:
    from unfreeze.data.findings import DataError

STEP_FLAGS = (
    *("model", "strategy", "seed", "epochs", "learning_rate", "per_device_train_batch_size", "max_length"),
    *("doc_stride", "label_alignment", "class_weights", "weight_decay", "max_grad_norm", "frozen_dropout"),
    *("train_sampling_strategy", "precision", "speedups"),
)

EXAMPLES = (
    "unfreeze inspect --data my-folder --html my-folder.html",
    "unfreeze inspect --model minilm --strategy lora --strategy freeze:first=half",
    'unfreeze inspect --model minilm --text "How does it read this?"',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_settings_flags(parser, {*DATA_FLAGS, *STEP_FLAGS})
    parser.add_argument("--text", metavar="TEXT", help="show what the model's tokenizer makes of it, token by token")
    parser.add_argument("--text-pair", metavar="TEXT", help="a second text, read together with --text")
    parser.add_argument(
        "--html",
        metavar="FILE",
        type=Path,
        help="write the report on --data as one page; with --model also how many tokens it reads and what is cut off",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(options: argparse.Namespace) -> int:
    settings, notes = settings_from(options)
    check_together(options, settings)
    asked = options.text is not None
    if asked:
        say_unused(options, settings)
        return print_tokenisations(settings, options.text, options.text_pair, options.json)
    if not options.json:
        for note in notes:
            say(note)
    if settings.model and options.html is None:
        return print_models(settings, options.json)
    return print_data(settings, options.json, options.html)


def check_together(options: argparse.Namespace, settings: Settings) -> None:
    """Refuse flags that ask for different inspections, or that lack what they are about.

    Raises:
        SettingsError: the first of them.
    """
    texts, page, strategies = (options.text, options.text_pair), options.html, hasattr(options, "strategy")
    mistakes = {
        "--strategy: is inspected on a model. Give --model too.": strategies and not settings.model,
        "--text, --text-pair: are shown as a model reads them. Give --model and --text.": texts != (None, None)
        and (options.text is None or not settings.model),
        # Tokenizers take an empty second text as none; an empty --text is one, of special tokens alone.
        "--text-pair '': is empty. Give a second text, or leave it out.": options.text_pair == "",
        "--html: is a page on data. Leave --text out.": page and texts != (None, None),
        "--html: is a page on data, without strategies. Leave --strategy out.": page and strategies,
        "--html: shows what one model reads. Give one --model.": page and len(settings.model) > 1,
    }
    for mistake, made in mistakes.items():
        if made:
            raise SettingsError([mistake])


def say_unused(options: argparse.Namespace, settings: Settings) -> None:
    """Name what was given beside `--text` and that no tokenizer looks at."""
    named = named_by_user(options) - {"model"}
    for name in Settings.model_fields:
        if name in named:
            value = getattr(settings, name)
            shown = ", ".join(map(str, value)) if isinstance(value, tuple) else value
            say(f"{flag(name)} {shown} is not used: --text shows what the tokenizer makes of a text")


def print_models(settings: Settings, as_json: bool) -> int:
    """The parameters of each strategy, and one step of it part by part."""
    from dataclasses import asdict

    from unfreeze.cli.inspection_tables import print_inspections
    from unfreeze.experiments.inspect_model import inspect_models

    inspections = inspect_models(settings, say)
    if as_json:
        print(json_text([asdict(inspection) for inspection in inspections], 2))
    else:
        print_inspections(inspections)
    return 0


def print_tokenisations(settings: Settings, text: str, pair: str | None, as_json: bool) -> int:
    """What each model's tokenizer makes of a text, or of two."""
    from dataclasses import asdict

    from unfreeze.cli.inspection_tables import print_tokens
    from unfreeze.models.load import load_tokenizer
    from unfreeze.tasks.tokenisation import tokenised

    found = {model: tokenised(load_tokenizer(model), text, pair) for model in dict.fromkeys(settings.model)}
    if as_json:
        shown = {model: [asdict(row) for row in rows] for model, rows in found.items()}
        print(json_text(shown, 2))
        return 0
    for model, rows in found.items():
        print_tokens(model, rows)
    return 0


def print_data(settings: Settings, as_json: bool, page: Path | None) -> int:
    """The data checks alone; with a page also what the model's tokenizer makes of them.

    Raises:
        DataError: with every error, once what could be read has been shown.
    """
    from unfreeze.cli.data_report import print_data_report
    from unfreeze.data.findings import DataError
    from unfreeze.data.sources import load_corpus, report, report_of_faults

    if page is not None:
        from unfreeze.reports.data_page import check_data_page

        check_data_page(page)
    request, fault = settings.data_request(), None
    try:
        corpus = load_corpus(request)
    except DataError as error:
        if not was_read(error):
            raise
        summary, fault = report_of_faults(str(settings.data or settings.train_file), error), error
    else:
        summary = report(corpus)
        if page is not None and settings.model:
            from unfreeze.experiments.token_lengths import token_lengths

            summary["tokens"] = token_lengths(settings.model[0], corpus, settings)
    if as_json:
        print(json_text(summary, 2))
    elif summary["splits"]:
        print_data_report(summary)
    if page is not None:
        write_page(page, summary)
    if fault is not None:
        raise fault  # its errors end what is printed
    return 0


def was_read(error: DataError) -> bool:
    """Were files opened? Of a file that is not there, or of a flag that cannot be, no page tells more than the line."""
    return bool(error.splits) or any(one.line is not None for one in error.findings)


def write_page(page: Path, summary: Mapping[str, Any]) -> None:
    """Write what was found as HTML, with the command that makes it again, and say where."""
    from unfreeze.reports.data_page import write_data_page
    from unfreeze.storage.environment import describe_environment

    made = describe_environment()
    versions = {"python": made["python"], "unfreeze": made["packages"]["unfreeze"]}
    write_data_page(page, {**summary, "made": {"command": made["command"], "versions": versions}})
    say(f"page: {page}")
