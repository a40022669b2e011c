"""The comparison: strategies x seeds x models on one data set, one record each, one verdict at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from unfreeze.acceleration.joining import join, launching_note
from unfreeze.data.sources import Corpus
from unfreeze.experiments.answering_speed import answering_speeds
from unfreeze.experiments.ask import ask
from unfreeze.experiments.bench import Bench
from unfreeze.experiments.cell import Cell
from unfreeze.experiments.conclude import Comparison, conclude
from unfreeze.experiments.data_summary import data_summary
from unfreeze.experiments.disk_space import refuse_without_room
from unfreeze.experiments.fitting import Fit, trained_entries, what_trains, words_by_name
from unfreeze.experiments.folder import (
    as_before_if_refused,
    check_folder,
    open_folder,
    refuse_other_rates,
    refuse_two_rates,
)
from unfreeze.experiments.identity import identity_of
from unfreeze.experiments.launchers.choice import choose_launcher
from unfreeze.experiments.launchers.launcher import Launcher
from unfreeze.experiments.launchers.together import follow, leading
from unfreeze.experiments.learning_rate import search_budget, search_rates
from unfreeze.experiments.listener import Listener
from unfreeze.experiments.looks import Looks
from unfreeze.experiments.plan import plan_runs, say_plan
from unfreeze.experiments.prepare import Prepared
from unfreeze.experiments.probe import probe_models, wants_probe
from unfreeze.experiments.until_decided import add_seeds_until_decided
from unfreeze.settings import Settings
from unfreeze.storage.folders import move_foreign_aside, slug
from unfreeze.storage.journal import log_event
from unfreeze.storage.run_lock import renewed_folder, run_lock
from unfreeze.strategies import Strategy
from unfreeze.tasks import Task

CARRIED_OVER = (
    "search",
    "plan",
    "probe",
    "until_decided",
    "trained_parts",
)  # what an earlier command on the folder said
CURVE_SHARES = (0.25, 0.5)  # of the training data, beside all of it


def compare(
    settings: Settings, listener: Listener | None = None, *, task: Task | None = None, device: str | None = None
) -> Comparison:
    """Run what the settings name and the folder lacks, and write the comparison folder.

    A run that fails or diverges is recorded and the others go on. `task` takes an object of the user's own. Of several
    processes that `torchrun` started the first one does this, and the others help it with each run.

    Raises:
        SettingsError, DataError, ModelError, StrategyError, OutputError: before anything is trained.
        RanksError, LauncherError: several processes cannot train together, or one of them is gone.
    """
    ranks = join(device)
    if not ranks.leads:
        followed: Comparison = follow(ranks)
        return followed
    listener = listener or Listener()
    if (note := launching_note()) is not None:
        listener.said(note)
    with leading(ranks) as ended:
        ended.append(_compare(settings, listener, choose_launcher(settings, ranks), task, device))
    done: Comparison = ended[0]
    return done


def _compare(
    settings: Settings, listener: Listener, launcher: Launcher, task: Task | None, device: str | None
) -> Comparison:
    if settings.output is not None:
        check_folder(settings.output, settings)
    corpus, everything, fitting = ask(settings, listener, task, device)
    probed = wants_probe(settings, fitting, everything[0].task)
    output = settings.output or Path(f"unfreeze-{slug(corpus.name)}")
    check_folder(output, settings)
    move_foreign_aside(output)  # with --overwrite; else it was refused
    with ExitStack() as held:
        held.enter_context(run_lock(output))
        try:
            done = _compare_in(output, held, settings, listener, launcher, corpus, everything, fitting, probed)
            log_event(output, "ended")
            listener.concluded(done)
            return done
        except BaseException as error:
            if not isinstance(error, Exception) or isinstance(error, OSError):  # Ctrl-C, asked to end, a full disk
                error.add_note(f"`unfreeze compare --resume {output}` goes on from there; what is finished stays.")
                log_event(output, "stopped", by=type(error).__name__)
            raise


def _compare_in(
    output: Path,
    held: ExitStack,
    settings: Settings,
    listener: Listener,
    launcher: Launcher,
    corpus: Corpus,
    everything: list[Prepared],
    fitting: dict[str, list[Strategy]],
    probed: bool,
) -> Comparison:
    asked = identity_of(corpus, everything, fitting)
    if settings.overwrite:
        held.enter_context(renewed_folder(output))
    with as_before_if_refused(output):
        before, identity = open_folder(output, settings, asked)
        everything = [
            _as_before(prepared, identity.precision[prepared.model_name], listener) for prepared in everything
        ]
        bench = _bench(output, settings, corpus, everything, asked.weights, launcher, listener)
        refuse_two_rates(output, fitting, settings.lr_search, before.get("search") or [])
        listener.began(bench)

        looked = Looks.of(before, settings)

        extra: dict[str, Any] = {name: before[name] for name in CARRIED_OVER if before.get(name)}
        extra["weights"] = {model: known or None for model, known in identity.weights.items()}
        rates: dict[tuple[str, Strategy], float] = {}
        if settings.lr_search:
            rates, searched = _search(bench, fitting)
            refuse_other_rates(output, fitting, rates)
            extra["search"] = _merged(extra.get("search"), searched)
        fits = _what_trains(everything, fitting, settings, rates, listener.said)
        words = words_by_name(fits)
        extra["trained_parts"] = _merged(extra.get("trained_parts"), trained_entries(fits))
        cells = grid(fitting, settings, rates)
        missing = [cell for cell in cells if bench.recover(cell) is None]
        if len(missing) < len(cells):
            listener.said(f"{len(cells) - len(missing)} of {len(cells)} runs are in {output} already")
        refuse_without_room(output, fits, missing, settings.jobs or 1)
    log_event(output, "begun", cells=len(cells), missing=len(missing), settings=settings.written())
    if settings.plan and missing:
        extra["plan"] = _merged(extra.get("plan"), _estimate(bench, missing))
    if probed:
        extra["probe"] = probe_models(bench, fitting, extra.get("probe") or [])

    listener.planned(missing, words)
    concluded = partial(
        conclude,
        output,
        data_summary(corpus, everything[0]),
        _command_notes(everything),
        type(everything[0].task),
        margin=settings.margin,
    )
    finish = partial(
        concluded,
        extra=extra,
        texts_of=corpus.splits.__getitem__,
        train_labels=[everything[0].task.gold(example) for example in corpus.train],
    )
    # If the program dies later, the finished runs can be reported and used; the tests of pairs come at the end.
    to_come = iter(range(len(missing) - 1, -1, -1))
    bench.make(cells, lambda: concluded(pairs=False, to_come=next(to_come), extra=extra))
    speeds = answering_speeds(
        output, corpus.validation, everything[0].task, everything[0].collator.device, listener.said
    )
    extra |= {"speeds": speeds} if speeds else {}
    if not settings.until_decided:
        return finish(alpha=looked.alpha)
    return add_seeds_until_decided(bench, cells, lambda alpha: finish(alpha=alpha), words, looked)


def _search(
    bench: Bench, fitting: Mapping[str, Sequence[Strategy]]
) -> tuple[dict[tuple[str, Strategy], float], list[dict[str, Any]]]:
    """What `search_rates` finds, with what is said of it."""
    budget = search_budget(len(bench.settings.lr_search_factors))
    bench.listener.said(f"learning rates: found first, on validation; takes {budget:g} runs' worth for each strategy")
    rates, searched = search_rates(bench, fitting)
    for entry in searched:
        bench.listener.said(entry["sentence"])
    return rates, searched


def _estimate(bench: Bench, missing: Sequence[Cell]) -> list[dict[str, Any]]:
    """What `plan_runs` expects of the runs to come, told to whoever listens."""
    planned = plan_runs(bench, missing)
    bench.listener.estimated(planned, bench.launcher.jobs_at_once)
    say_plan(planned, bench.settings, bench.launcher.jobs_at_once, bench.listener)
    return planned


def plan_only(settings: Settings, listener: Listener, task: Task | None = None) -> list[dict[str, Any]]:
    """What the comparison would take; nothing is written.

    Raises:
        As `compare`.
    """
    launcher = choose_launcher(settings)
    corpus, everything, fitting = ask(settings, listener, task)
    weights = identity_of(corpus, everything, fitting).weights
    bench = _bench(Path(), settings, corpus, everything, weights, launcher, listener)
    cells = grid(fitting, settings, {})
    if settings.lr_search:
        budget = search_budget(len(settings.lr_search_factors))
        listener.said(f"--lr-search comes on top: {budget:g} runs' worth of training for each strategy")
    return plan_runs(bench, cells)


def grid(
    fitting: Mapping[str, Sequence[Strategy]], settings: Settings, rates: Mapping[tuple[str, Strategy], float]
) -> list[Cell]:
    """All runs that the settings name, by model, strategy, seed and size of the training data."""
    shares: tuple[float | None, ...] = (None, *CURVE_SHARES) if settings.data_curve else (None,)
    return [
        Cell(model, strategy, seed, rates.get((model, strategy)), share)
        for model, strategies in fitting.items()
        for strategy in strategies
        for seed in range(settings.seed, settings.seed + settings.seeds)
        for share in shares
    ]


def _as_before(prepared: Prepared, precision: Mapping[str, Any], listener: Listener) -> Prepared:
    """With the precision that the runs of the folder have: a probe may find another one today, and has said so."""
    chosen = prepared.speedups.precision.taken_over(precision)
    if chosen == prepared.speedups.precision:
        return prepared
    listener.said(chosen.reason)
    speedups = replace(prepared.speedups, precision=chosen)
    notes = [note for note in prepared.notes if note != prepared.speedups.precision.reason]
    return replace(prepared, speedups=speedups, notes=(*notes, chosen.reason))


def _bench(
    output: Path,
    settings: Settings,
    corpus: Corpus,
    everything: Sequence[Prepared],
    weights: Mapping[str, str],
    launcher: Launcher,
    listener: Listener,
) -> Bench:
    return Bench(
        output,
        settings,
        {prepared.model_name: prepared for prepared in everything},
        weights,
        corpus.name,
        corpus.sha256,
        launcher,
        listener,
    )


def _what_trains(
    everything: Sequence[Prepared],
    fitting: Mapping[str, Sequence[Strategy]],
    settings: Settings,
    rates: Mapping[tuple[str, Strategy], float],
    said: Callable[[str], None],
) -> dict[str, dict[Strategy, Fit]]:
    """By model and strategy."""
    fits = {}
    for prepared in everything:
        model = prepared.model_name
        found = {strategy: rate for (name, strategy), rate in rates.items() if name == model}
        fits[model] = what_trains(prepared, fitting[model], settings, found, said)
    return fits


def _merged(before: Sequence[dict[str, Any]] | None, now: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What an earlier command on this folder said of other strategies stays."""
    entries = {(one["model_name"], one["strategy"]): one for one in (*(before or ()), *now)}
    return list(entries.values())


def _command_notes(everything: Sequence[Prepared]) -> list[str]:
    return [note for prepared in everything for note in prepared.notes]
