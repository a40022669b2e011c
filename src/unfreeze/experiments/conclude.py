"""From the records of finished runs to verdicts, a recommendation and `comparison.json`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import compress
from pathlib import Path
from typing import Any

from unfreeze.data.examples import Example
from unfreeze.experiments.answers import AnswersOfRuns
from unfreeze.experiments.confused import confusion_entries
from unfreeze.experiments.examples_to_read import examples_to_read
from unfreeze.experiments.learnt_nothing import baseline_entry, read_judged_record
from unfreeze.experiments.sweeps import sweep_entries
from unfreeze.experiments.verdicts import all_verdicts
from unfreeze.statistics.candidates import Candidate, candidates_from_runs
from unfreeze.statistics.counted import which_count
from unfreeze.statistics.data_sizes import data_sizes
from unfreeze.statistics.pareto import pareto_strategies
from unfreeze.statistics.recommend import Recommendation, recommend, recommend_by_model
from unfreeze.statistics.time_to_quality import time_to_quality
from unfreeze.storage.atomic import write_json, write_text
from unfreeze.storage.folders import BEST_FILE, best_run
from unfreeze.storage.records import COMPARISON_FILE, SCHEMA_VERSION, RunRecord, find_runs
from unfreeze.tasks import Task

NOTHING_TO_READ = {"disagreements": None, "label_suspects": None, "mistakes": None}
QUALITY_SHARE = 0.95  # of the best score: what `time_to_quality` waits for


@dataclass(frozen=True)
class Comparison:
    """A finished comparison, read from its folder."""

    output: Path
    records: list[RunRecord]
    summary: dict[str, Any]

    @property
    def recommended(self) -> str | None:
        """The recommended strategy as typed, None if no run was finished."""
        value: str | None = self.summary["recommendation"]["strategy"]
        return value

    @property
    def best(self) -> Path:
        """The folder of the recommended strategy's best run on validation.

        Raises:
            OutputError: there is none: no run was finished, or the models cannot be compared.
        """
        best_run(self.output)
        return self.output / (self.output / BEST_FILE).read_text(encoding="utf-8").strip()


def conclude(
    output: Path,
    data: dict[str, Any],
    notes: Sequence[str],
    task: type[Task],
    *,
    pairs: bool = True,
    to_come: int | None = None,
    margin: float = 0.01,
    alpha: float = 0.05,
    extra: Mapping[str, Any] | None = None,
    texts_of: Callable[[str], Sequence[Example]] | None = None,
    train_labels: Sequence[Any] | None = None,
) -> Comparison:
    """Compare what is recorded in a folder and write `comparison.json` and `best`.

    Args:
        data: what `comparison.json` says of the data; the first name in `sizes` that is neither "train" nor
            "validation" is the main test set, and `labels`, where they are there, are those of training.
        pairs: False spares what takes more than a moment: the tests of pairs and what rests on them, and the examples
            to read.
        to_come: how many of the runs asked for are not made yet; None: this is the end.
        margin: what counts as equal, in units of the selection metric.
        alpha: level of the verdicts; below 0.05 where several looks were planned.
        extra: further keys of `comparison.json`, as they are.
        texts_of: name of a split -> its examples, in the order of the predictions; None leaves the texts of examples
            to read empty.
        train_labels: the gold rows of the training data; None leaves the baseline out.

    Raises:
        AlignmentError: the predictions are not of the same examples, or not of those that `texts_of` gives.
    """
    records = [read_judged_record(folder, task) for folder in find_runs(output)]
    metric = next((record.selection_metric for record in records if record.selection_metric), None)
    finished = [] if metric is None else _that_count(records, metric)
    main_test = next((name for name in data["sizes"] if name not in ("train", "validation")), None)
    splits = {"validation": "validation"} | ({"test": main_test} if main_test else {})
    labels = frozenset(data["labels"]) if task.has_labels and data.get("labels") else None
    answers = AnswersOfRuns(output, list(splits.values()), task)
    shown = main_test or "validation"  # the split whose examples are listed, by its name in the predictions
    comparisons: list[dict[str, Any]] = []
    readable = pairs and not task.draws_answers
    if pairs and task.draws_answers:  # scores can be compared, answers cannot
        notes = [*notes, f"{task.name}: no pairwise tests, for each run is scored against answers of its own"]
    elif pairs and metric is not None and (resampled := task.resampled.get(metric)) is not None:
        comparisons = all_verdicts(finished, answers, splits, metric, resampled, margin=margin, alpha=alpha)
    elif pairs and metric is not None:
        notes = [*notes, f"{metric}: no pairwise tests, which there are for {', '.join(task.resampled)}"]

    runs = [asdict(record) for record in records]
    whole = [run for run in runs if run["train_share"] is None]
    candidates = candidates_from_runs(whole, str(metric))
    apart = _other_tokens(finished, task, str(metric))
    recommendation = _recommended(candidates, comparisons, apart, str(metric), margin)
    notes = [*notes, *([apart] if apart else [])]
    chosen = [
        record
        for record in finished
        if (record.strategy, record.model_name) == (recommendation.strategy, recommendation.model_name)
    ]
    summary = {
        "schema_version": SCHEMA_VERSION,
        "task": records[0].task if records else None,
        "data": data,
        "model": list(dict.fromkeys(record.model_name for record in records)),
        "selection_metric": metric,
        "margin": margin,
        "alpha": alpha,
        "recommendation": {
            "strategy": recommendation.strategy,
            "model_name": recommendation.model_name,
            "reasons": recommendation.reasons,
            "what_would_change": recommendation.what_would_change,
        },
        "comparisons": comparisons,
        "pareto": None if apart else pareto_strategies(candidates),
        "sweep": sweep_entries(finished, str(metric), comparisons if pairs else None, margin=margin),
        "time_to_quality": None if apart else _time_to_quality(whole, metric),
        "data_sizes": _data_sizes(records, metric),
        "baseline": _baseline(train_labels, answers, records, shown, metric, task),
        **(_to_read(finished, chosen, answers, shown, texts_of, labels) if readable and chosen else NOTHING_TO_READ),
        "confusion": confusion_entries(finished, answers, shown, task) if pairs else None,
        **(extra or {}),
        **({} if to_come is None else {"to_come": to_come}),
        "notes": list(notes),
        "runs": runs,
    }
    write_json(output / COMPARISON_FILE, summary)
    best = None if apart else _best_run(chosen, records, metric)
    if apart:  # what an earlier command on the folder named, when it held one model
        (output / BEST_FILE).unlink(missing_ok=True)
    if best is not None and best.model is not None:
        write_text(output / BEST_FILE, str(Path(best.model).parent) + "\n")
    return Comparison(output, records, summary)


def _to_read(
    finished: Sequence[RunRecord],
    chosen: Sequence[RunRecord],
    answers: AnswersOfRuns,
    split: str,
    texts_of: Callable[[str], Sequence[Example]] | None,
    labels: Collection[str] | None,
) -> dict[str, Any]:
    """Examples of the split on which the strategies of the recommended model differ, or the recommended one errs."""
    model, strategy = chosen[0].model_name, chosen[0].strategy
    by_strategy = answers.by_strategy([record for record in finished if record.model_name == model], split)
    return examples_to_read(by_strategy, model, split, texts_of(split) if texts_of else None, strategy, labels)


def _that_count(records: Sequence[RunRecord], metric: str) -> list[RunRecord]:
    """The runs that say what their strategies do with all of the data."""
    scored = [one for one in records if one.train_share is None and metric in one.validation]
    return list(compress(scored, which_count(map(vars, scored))))


def _other_tokens(finished: Sequence[RunRecord], task: type[Task], metric: str) -> str | None:
    """Why the models cannot be compared, where what is hidden from them are pieces of different vocabularies."""
    vocabularies = {record.model_name: record.vocabulary_sha256 for record in finished}
    if not task.scores_vocabulary or len(set(vocabularies.values())) < 2:
        return None
    scores = " and ".join(dict.fromkeys((metric, *task.errors)))
    return (
        f"{task.name}: the vocabularies of the models differ, so different tokens are hidden from each: their {scores} "
        "cannot be compared, and no best is named across models. Compare them on a task that has labels."
    )


def _recommended(
    candidates: Sequence[Candidate],
    comparisons: Sequence[dict[str, Any]],
    apart: str | None,
    metric: str,
    margin: float,
) -> Recommendation:
    if apart:
        return recommend_by_model(candidates, comparisons, apart, metric=metric, margin=margin)
    return recommend(candidates, comparisons, metric=metric, margin=margin)


def _best_run(chosen: Sequence[RunRecord], records: Sequence[RunRecord], metric: str | None) -> RunRecord | None:
    """The best run of the recommended strategy; where none is recommended the best one there is, for what it is."""
    done = [one for one in records if one.status == "done" and one.train_share is None and metric in one.validation]
    return max(chosen or done, key=lambda record: record.validation[str(metric)], default=None)


def _time_to_quality(runs: Sequence[Mapping[str, Any]], metric: str | None) -> dict[str, Any] | None:
    target, strategies = time_to_quality(runs, str(metric), share=QUALITY_SHARE)
    if target is None:
        return None
    found = {"metric": metric, "share": QUALITY_SHARE, "target": target}
    return found | {"strategies": [asdict(one) for one in strategies]}


def _data_sizes(records: Sequence[RunRecord], metric: str | None) -> list[dict[str, Any]]:
    """One entry for each model and strategy that finished at two sizes or more.

    Runs that learnt nothing count: with few examples that is what a strategy may do.
    """
    scores: dict[tuple[str, str], dict[int, list[float]]] = {}
    for record in records:
        if record.status == "done" and record.train_examples and metric in record.validation:
            sizes = scores.setdefault((record.model_name, record.strategy), {})
            sizes.setdefault(record.train_examples, []).append(record.validation[metric])
    entries = []
    for (model, strategy), sizes in scores.items():
        if len(sizes) > 1:
            entries.append({"model_name": model, "metric": metric, **asdict(data_sizes(strategy, sizes))})
    return entries


def _baseline(
    train_labels: Sequence[Any] | None,
    answers: AnswersOfRuns,
    records: Sequence[RunRecord],
    shown: str,
    metric: str | None,
    task: type[Task],
) -> dict[str, Any] | None:
    # Any finished run knows the gold rows, one that learnt nothing too.
    done = next((record for record in records if record.status == "done"), None)
    if train_labels is None or metric is None or done is None or (found := answers.of(done, shown)) is None:
        return None
    split = "validation" if shown == "validation" else "test"
    return baseline_entry(train_labels, found.gold, metric, task, split=split)
