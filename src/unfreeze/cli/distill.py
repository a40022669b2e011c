"""`unfreeze distill`: a smaller network learns from a trained one, and joins its comparison."""

from __future__ import annotations

import argparse
from pathlib import Path

from unfreeze.cli.compare import PROCESS_FOR_EACH_RUN, go_on_with, run_and_print
from unfreeze.cli.flags import add_settings_flags, settings_from
from unfreeze.cli.progress import add_progress_flags
from unfreeze.settings import Settings, SettingsError
from unfreeze.storage.folders import BEST_FILE, SETTINGS_FILE, best_run
from unfreeze.storage.records import RECORD_FILE, read_record
from unfreeze.strategies import Distill

WHAT_IT_DOES = """\
The student begins with layers of the teacher and learns from its answers beside the labels. With a comparison, or one
of its runs, as teacher the students join it, with its data and settings, as rows of its leaderboard. With any other
trained model give --data and what else a comparison is told."""

EXAMPLES = (
    "unfreeze distill --teacher unfreeze-sample-emotion --layers 3",
    "unfreeze distill --teacher my-model --data my-folder --layers 2 --layers 4 --hidden 0.5",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = f"{parser.description}\n\n{WHAT_IT_DOES}"
    parser.add_argument(
        "--teacher",
        required=True,
        help="a comparison (its best run), a run, a trained model or its hub id",
    )
    parser.add_argument(
        "--layers",
        action="append",
        type=int,
        metavar="N",
        help="of the student; repeatable for several students (default: half of the teacher's)",
    )
    parser.add_argument("--temperature", type=float, default=Distill.temperature, help="softens both (default: 2)")
    parser.add_argument("--alpha", type=float, default=Distill.alpha, help="share of the teacher (default: 0.5)")
    parser.add_argument("--hidden", type=float, default=Distill.hidden, help="weight of hidden states (default: 0)")
    add_progress_flags(parser)
    add_settings_flags(parser, set(Settings.model_fields) - {"strategy"})


def call(options: argparse.Namespace) -> int:
    from unfreeze.inference.predictor import model_source

    teacher, comparison = _teacher(options.teacher)
    students = [
        str(Distill(Distill.learning_rate, teacher, layers, options.temperature, options.alpha, options.hidden))
        for layers in options.layers or [0]
    ]
    if comparison is not None:
        # A folder may have compared several models: a student begins with the layers of its teacher's.
        instead = {"strategy": students, "model": [read_record(Path(teacher)).model_name]}
        settings, notes = go_on_with(comparison, options, f"--teacher {options.teacher}", **instead)
    else:
        model_source(teacher)  # before it is missed that no data is named
        defaults = PROCESS_FOR_EACH_RUN | {"plan": False, "model": [teacher]}
        settings, notes = settings_from(options, defaults, strategy=students)
    return run_and_print(settings, notes, options.progress)


def _teacher(typed: str) -> tuple[str, Path | None]:
    """The teacher and the comparison that it is from, if it is from one. A comparison's best run is named itself: which
    one that is may change."""
    folder = Path(typed).expanduser()
    if (folder / BEST_FILE).is_file():
        best = best_run(folder)
        if (best / RECORD_FILE).is_file() and (student := read_record(best)).teacher is not None:
            again = f"Give its own teacher again: --teacher {student.teacher}"
            raise SettingsError([f"--teacher {typed}: its best run is a student ({student.strategy}). {again}"])
        return _named(best), folder
    run = folder.parent if folder.name in ("model", "model-merged") else folder
    if (run / RECORD_FILE).is_file():
        output = run.resolve().parents[3]
        if (output / SETTINGS_FILE).is_file():
            return _named(run), output
    return typed, None


def _named(run: Path) -> str:
    """One name, whichever way it was typed: a student of the same run is the same row."""
    place, here = run.resolve(), Path.cwd()
    return str(place.relative_to(here) if place.is_relative_to(here) else place)
