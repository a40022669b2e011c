"""`unfreeze inspect`: with `--data` alone the data checks, with `--model` what each strategy does to it in one step."""

from __future__ import annotations

import argparse

from unfreeze.cli.flags import DATA_FLAGS, add_settings_flags, named_by_user, settings_from
from unfreeze.cli.terminal import json_text, one_line, say
from unfreeze.settings import Settings, SettingsError, flag

STEP_FLAGS = (
    *("model", "strategy", "seed", "epochs", "learning_rate", "per_device_train_batch_size", "max_length"),
    *("doc_stride", "label_alignment", "class_weights", "weight_decay", "max_grad_norm", "frozen_dropout"),
    *("train_sampling_strategy", "precision", "speedups"),
)

EXAMPLES = (
    "unfreeze inspect --data my-folder",
    "unfreeze inspect --model minilm --strategy lora --strategy freeze:first=half",
    'unfreeze inspect --model minilm --text "How does it read this?"',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_settings_flags(parser, {*DATA_FLAGS, *STEP_FLAGS})
    parser.add_argument("--text", metavar="TEXT", help="show what the model's tokenizer makes of it, token by token")
    parser.add_argument("--text-pair", metavar="TEXT", help="a second text, read together with --text")
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(options: argparse.Namespace) -> int:
    settings, notes = settings_from(options)
    if hasattr(options, "strategy") and not settings.model:
        raise SettingsError(["--strategy: is inspected on a model. Give --model too."])
    asked = options.text is not None or options.text_pair is not None
    if asked and (options.text is None or not settings.model):
        raise SettingsError(["--text, --text-pair: are shown as a model reads them. Give --model and --text."])
    if options.text_pair == "":  # tokenizers take it as none; an empty --text is one, of special tokens alone
        raise SettingsError(["--text-pair '': is empty. Give a second text, or leave it out."])
    if asked:
        say_unused(options, settings)
        return print_tokenisations(settings, options.text, options.text_pair, options.json)
    if not options.json:
        for note in notes:
            say(note)
    return print_models(settings, options.json) if settings.model else print_data(settings, options.json)


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


def print_data(settings: Settings, as_json: bool) -> int:
    """The data checks alone, without a model."""
    from unfreeze.data.sources import load_corpus, report

    corpus = load_corpus(settings.data_request())
    summary = report(corpus)
    if as_json:
        print(json_text(summary, 2))
        return 0
    for note in corpus.notes:
        say(str(note))
    for finding in corpus.findings:
        print(one_line(f"{finding.severity}: {finding}"))
    print_summary(summary)
    return 0


def print_summary(value: object, indent: int = 0) -> None:
    """Nested values as indented lines."""
    if not isinstance(value, dict):
        print(" " * indent + one_line(str(value)))
        return
    for key, inner in value.items():
        if isinstance(inner, dict):
            print(" " * indent + one_line(f"{key}:"))
            print_summary(inner, indent + 2)
        elif key not in ("notes", "findings"):
            print(" " * indent + one_line(f"{key}: {inner}"))
