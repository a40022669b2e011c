"""Each section shows what its key of `comparison.json` holds, and is not there without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from unfreeze.reports import background_sections, cost_sections, data_sections, result_sections
from unfreeze.reports.blocks import Bullets, Image, Paragraph, Section, Table
from unfreeze.reports.confusion_section import confusions
from unfreeze.reports.figures import Picture, draw_figures
from unfreeze.reports.metrics_section import every_metric
from unfreeze.reports.pair_section import pairs
from unfreeze.reports.plan_section import plan_against_actual
from unfreeze.reports.results import Results
from unfreeze.reports.search_section import learning_rates
from unfreeze.reports.speed_section import answering_speed
from unfreeze.reports.trained_section import what_trains

BY_KEY = {
    "sweep": result_sections.layers,
    "comparisons": pairs,
    "pareto": cost_sections.worth,
    "time_to_quality": cost_sections.time_to_quality,
    "data_sizes": data_sections.more_data,
    "search": learning_rates,
    "plan": plan_against_actual,
    "confusion": confusions,
    "speeds": answering_speed,
}


def tables(section: Section) -> list[Table]:
    return [block for block in section.blocks if isinstance(block, Table)]


def words(section: Section) -> str:
    """Every sentence that stands outside of the tables."""
    said = []
    for block in section.blocks:
        said += (
            [block.text] if isinstance(block, Paragraph) else list(block.items) if isinstance(block, Bullets) else []
        )
    return " ".join(said)


def by_row(table: Table) -> dict[str, dict[str, str]]:
    """First cell -> title of a column -> cell."""
    return {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}


@pytest.fixture
def results(make_records, every_key):
    return Results(make_records(4, 3), every_key())


@pytest.mark.parametrize("key", BY_KEY)
@pytest.mark.parametrize("empty", [{}, None, []], ids=repr)
def test_without_its_key_a_section_is_not_there(make_records, every_key, key, empty):
    keys = {key, "probe"} if key == "sweep" else {key}  # a probe is shown without a sweep too
    rest = {name: value for name, value in every_key().items() if name not in keys}
    for comparison in (rest, rest | {key: empty}):
        assert not BY_KEY[key](Results(make_records(4, 1), comparison)).blocks


def test_the_verdict_says_what_would_change_it(results):
    section = result_sections.verdict(results)
    assert "What would change this: With a margin of 0.01" in words(section)
    assert "Look 2 of at most 8: decided." in words(section)
    assert [(len(one.items), one.folded) for one in section.blocks if isinstance(one, Bullets)] == [
        (3, ""),
        (4, "4 more"),
    ]
    assert "freeze:first=3 is within 0.01 of full." in words(section)


def test_layers_are_said_in_words_and_shown(results):
    picture = Picture("layers", "Shown.", b"<svg/>", b"", "sweep", "distilbert-base-uncased")
    section = result_sections.layers(replace(results, pictures=[picture]))
    assert section.blocks[0] == Paragraph("3 of 6 layers tie with full.", strong=True)
    assert section.blocks[1] == Image(b"<svg/>", "Shown. 3 of 6 layers tie with full.", "layers")
    assert "A logistic regression at each depth." in words(section)
    assert "A point without a bar has one seed." in words(section)


def test_a_probe_stands_alone_too(results):
    alone = replace(results, comparison=results.comparison | {"sweep": []})
    alone = replace(alone, pictures=draw_figures(alone))
    section = result_sections.layers(alone)
    assert [type(block).__name__ for block in section.blocks] == ["Image", "Paragraph"]
    assert words(section).startswith("The figure shows what a linear classifier makes")


def test_each_model_has_its_own_layers(make_records, every_key):
    records = make_records(4, 1, model_name="a") + make_records(4, 1, model_name="b")
    both = {key: every_key("a")[key] + every_key("b")[key] for key in ("sweep", "probe")}
    pictures = [Picture(f"layers-{model}", model, b"", b"", "sweep", model) for model in ("a", "b")]
    section = result_sections.layers(Results(records, both, pictures=pictures))
    shown = [block.alternative[0] for block in section.blocks if isinstance(block, Image)]
    assert shown == ["a", "b"]
    assert "a: 3 of 6 layers" in words(section)
    assert "b: 3 of 6 layers" in words(section)


def test_figures_leave_out_what_another_section_shows(results):
    pictures = [Picture("parameters", "", b"", b"", "pareto"), Picture("costs", "", b"", b"", "costs")]
    assert len(result_sections.figures(replace(results, pictures=pictures)).blocks) == 0
    assert len(result_sections.figures(replace(results, pictures=pictures, comparison={})).blocks) == 1


def test_what_learnt_nothing_is_named_with_its_reason_and_whether_it_counts(make_records):
    full, head, other = make_records(3, 1)
    broken = replace(full, seed=1, degenerate="predicts joy for every text", validation={"macro_f1": 0.05})
    alone = replace(other, degenerate="predicts fear for every text", validation={"macro_f1": 0.04})
    part = replace(head, seed=1, train_share=0.25, status="failed", error="no memory", validation={})
    section = result_sections.scores(Results([full, head, broken, alone, part]))
    rows = by_row(tables(section)[0])
    assert set(rows) == {"full", "head", other.strategy}
    assert rows["full"]["seeds"] == "2" and rows[other.strategy]["seeds"] == "0"
    assert rows["full"]["status"] == "1 done, 1 degenerate" and rows[other.strategy]["status"] == "degenerate"
    left_out, counted = words(section).split("no mean above has them:")[1].split("the means above have them")
    assert "full, seed 1: degenerate (predicts joy for every text)" in counted
    assert f"{other.strategy}, seed 0: degenerate (predicts fear for every text)" in left_out
    assert "head, 25 % of the training data, seed 1: failed (no memory)" in left_out
    assert "full" not in left_out and "head" not in counted


def test_the_leaderboard_names_the_baseline(results):
    caption = tables(result_sections.scores(results))[0].caption
    assert "Always answering joy, the most frequent label, would score 0.0847 (test macro f1)." in caption


ENTRY = {"a": "full", "b": "head", "model_name": "m", "split": "test", "metric": "macro_f1", "difference": 0.004}
ENTRY |= {
    "low": -0.01,
    "high": 0.02,
    "p_value": 0.3,
    "margin": 0.01,
    "verdict": "not enough data",
    "reason": "Because.",
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"needed": {"seeds": 12, "examples": 4321}}, "About 12 seeds or 4,400 examples would decide. Because."),
        ({"needed": {"seeds": None, "examples": 900}}, "About 900 examples would decide. Because."),
        (
            {"needed": {"seeds": None, "examples": None}},
            "Neither more seeds alone nor more examples alone would decide. Because.",
        ),
        (
            {"needed": {"seeds": None, "examples": None}, "scope": "these weights only"},
            "More examples alone would not decide; more seeds may. Because.",
        ),
        ({"needed": None}, "Because."),
    ],
)
def test_a_pair_without_verdict_says_what_would_decide(make_records, changes, said):
    section = pairs(Results(make_records(2, 2), {"comparisons": [ENTRY | changes], "margin": 0.01}))
    assert tables(section)[0].rows[0][-1] == said
    assert "smaller than the margin of 0.01" in words(section)


def test_pairs_say_whether_they_are_about_these_weights_only(make_records):
    one = ENTRY | {"verdict": "better", "scope": "these weights only"}
    other = ENTRY | {"verdict": "tie", "scope": "examples and seeds"}
    alone = pairs(Results(make_records(2, 1), {"comparisons": [one]}))
    assert "the verdicts are about these weights only" in words(alone)
    assert tables(alone)[0].rows[0][-1] == "full is better"
    mixed = pairs(Results(make_records(2, 1), {"comparisons": [one, other], "alpha": 0.0226}))
    assert [row[-1] for row in tables(mixed)[0].rows] == [
        "full is better (these weights only)",
        "tie: as good as equal",
    ]
    assert "at a level of 0.023 instead of 0.05" in words(mixed)


def test_pairs_of_each_model_have_their_own_table(make_records):
    entries = [ENTRY | {"model_name": model} for model in ("org/a", "org/b")]
    records = make_records(2, 2, model_name="org/a") + make_records(2, 2, model_name="org/b")
    captions = [table.caption for table in tables(pairs(Results(records, {"comparisons": entries})))]
    assert captions == ["test, org/a: macro f1", "test, org/b: macro f1"]


def test_fronts_list_the_cheapest_first_with_what_more_cost_brings(results):
    section = cost_sections.worth(results)
    time, parameters = tables(section)
    assert [row[0] for row in time.rows] == ["head", "freeze:first=3", "full"]
    assert time.rows[0][-1] == ""
    assert time.rows[1][-1].startswith("+0.07")
    assert parameters.rows[1][-1].endswith(" for 113 times as much")
    assert "without a list: peak memory" in words(section)
    assert "On no list: lora:r=8,lora_alpha=16." in words(section)


def test_fronts_of_several_models(make_records):
    records = make_records(2, 1, model_name="org/a") + make_records(2, 1, model_name="org/b")
    [table] = tables(cost_sections.worth(Results(records, {"pareto": {"fit_seconds": ["head on org/b"]}})))
    assert [row[0] for row in table.rows] == ["head · b"]


def test_time_to_quality_is_sorted_and_says_who_did_not_arrive(results):
    [table] = tables(cost_sections.time_to_quality(results))
    assert [row[:3] for row in table.rows] == [["full", "1 min 10 s", "1 min 1 s"], ["head", "not by all", ""]]
    assert "at least 0.8750, 95 % of the best" in table.caption
    assert table.marked == {(0, 1)}


def test_who_is_first_is_not_marked_within_the_time_between_two_evaluations():
    def at(strategy, seconds):
        times = {"seconds": seconds, "train_seconds": seconds - 3.0, "resolution_seconds": 20.0}
        return {"strategy": strategy, "model_name": "m", **times, "reached": 3, "runs": 3}

    def marked(later):
        found = {"metric": "f1", "share": 0.95, "target": 0.9, "strategies": [at("lora", later), at("full", 70.0)]}
        [table] = tables(cost_sections.time_to_quality(Results([], {"time_to_quality": found})))
        assert [row[0] for row in table.rows] == ["full", "lora"]
        return table.marked

    assert marked(later=89.0) == frozenset()
    assert marked(later=91.0) == {(0, 1)}


def test_costs_split_the_seconds_and_say_what_was_shared(make_records):
    records = make_records(2, 2, save_seconds=4.0, disk_bytes=2_900_000, learning_rate_from="search")
    records[0] = replace(records[0], runs_at_once=2)
    records[-1] = replace(records[-1], processes=4)
    section = cost_sections.costs(Results(records))
    row = by_row(tables(section)[0])["full"]
    assert (row["training"][:5], row["evaluation"], row["saving"], row["on disk"]) == ("6 min", "21 s", "4 s", "2.9 MB")
    assert (row["training time"][:5], row["testing"]) == ("7 min", "8 s")
    assert row["from seed to seed"].count(" min ") == 2 and " to " in row["from seed to seed"]
    assert row["learning rate"] == "5e-05 (search)"
    assert "timed while 2 runs shared the machine: full" in words(section)
    assert "4 processes: head" in words(section)
    assert "process of its own" in tables(section)[0].caption
    assert "shared" not in words(cost_sections.costs(Results(make_records(2, 1, peak_memory_bytes=None))))


def test_learning_rates_warn_at_the_edge_and_mark_the_chosen(results):
    section = learning_rates(results)
    assert "head: 0.005 was best, the highest rate tried." in words(section)
    assert "trained for 1 min 30 s" in words(section)
    chosen, trials = tables(section)
    assert chosen.rows == [["head", "0.005", "0.0005, 0.005, 0.05", "highest tried", "1 min 30 s"]]
    assert trials.folded == "All 4 trials"
    assert trials.marked == {(1, 1)}
    assert [row[2:] for row in trials.rows] == [
        ["0.5000 (40 steps)", ""],
        ["0.7000 (40 steps)", "0.8000 (160 steps)"],
        ["diverged (12 steps)", ""],
    ]


def test_a_search_that_found_nothing(make_records):
    entry = {"strategy": "head", "model_name": "m", "chosen": None, "trials": [], "sentence": "head: nothing trained."}
    section = learning_rates(Results(make_records(1, 1), {"search": [entry]}))
    assert "head: nothing trained." in words(section)
    assert tables(section)[0].rows == [["head", "its own", "", ""]]

    trial = {"learning_rate": 0.1, "share": 0.25, "steps": 9, "score": 0.3, "degenerate": "predicts joy for every text"}
    section = learning_rates(Results(make_records(1, 1), {"search": [entry | {"trials": [trial]}]}))
    assert tables(section)[1].rows == [["head", "0.1", "0.3000 (9 steps, learnt nothing)"]]


def test_more_data_shows_sizes_and_sentences(results):
    section = data_sections.more_data(results)
    assert "full: each doubling changed the score by +0.0205." in words(section)
    [table] = tables(section)
    assert table.header == ["strategy", "4,000 examples", "16,000 examples", "gain"]
    assert table.rows == [["full", "0.8800", "0.9210 (0.9100 to 0.9300)", "+0.0205"]]


def test_plan_against_actual_judges_each_number(make_records, every_key):
    records = make_records(1, 3, train_seconds=600.0, peak_memory_bytes=1_500_000_000, disk_bytes=200_000_000)
    section = plan_against_actual(Results(records, every_key()))
    [table] = tables(section)
    row = by_row(table)["full"]
    assert row["training: planned"] == "5 min 0 s to 8 min 20 s"
    assert row["training: actual"] == "10 min 0 s, 20 % above"
    assert row["peak memory: actual"] == "1.5 GB, inside"
    assert row["on disk: actual"] == "200 MB, 23 % below"
    assert row["steps"] == "1,500, planned 2,000"
    assert row["recorded"] == "31 min 27 s"
    assert "training 0 of 1, peak memory 1 of 1, on disk 0 of 1" in words(section)


def test_a_plan_for_other_runs_is_not_held_against_all(make_records, every_key):
    shared = make_records(1, 2, runs_at_once=2, peak_memory_bytes=None)
    section = plan_against_actual(Results(shared, every_key()))
    assert "recorded" not in tables(section)[0].header
    assert "Some runs shared the machine" in words(section)
    assert not plan_against_actual(Results(make_records(2, 1)[1:], every_key())).blocks


def test_examples_to_read_are_folded_with_their_answers(results):
    divided, suspects, mistakes = tables(data_sections.examples_to_read(results))
    assert mistakes.folded == "Worst mistakes of freeze:first=3 (1)"
    assert mistakes.rows == [["test 3", "i am not sad", "joy", "sadness", "97 %"]]
    assert divided.folded == "Examples on which the strategies disagree (1)"
    assert divided.rows == [["test 7", "i feel fine", "joy", "joy: full;\nanger: head, bitfit", "61 %"]]
    assert suspects.header[1] == "word"
    assert suspects.rows == [["test 9", "Lagos (2)", "I dey Lagos", "NOUN", "PROPN", "98 %"]]
    assert not data_sections.examples_to_read(Results(results.records)).blocks


def test_examples_to_read_name_file_and_line_and_labels_that_are_not_in_training(results):
    [mistake] = results.entries("mistakes")
    mistake |= {"file": "sets/test.csv", "line": 5, "gold_in_training": False}
    section = data_sections.examples_to_read(results)
    divided, suspects, mistakes = tables(section)
    assert mistakes.header[:4] == ["example", "file and line", "text", "label in the data"]
    assert mistakes.rows == [["test 3", "sets/test.csv:5", "i am not sad", "joy (not in training)", "sadness", "97 %"]]
    assert mistakes.texts == frozenset({1, 2, 3, 4})
    assert "file and line" not in divided.header + suspects.header
    assert "A label that is not in training cannot be answered" in words(section)
    mistake["gold_in_training"] = True
    assert "not in training" not in words(data_sections.examples_to_read(results))


def test_labels_of_what_learnt_nothing_count_nowhere(make_records):
    full, head = make_records(2, 1)
    section = background_sections.by_label(Results([full, replace(head, degenerate="predicts joy for every text")]))
    assert tables(section)[0].header == ["label", "n", "full"]


def test_the_matrix_reads_both_ways(make_records):
    def one(a, b, verdict, difference):
        return ENTRY | {"a": a, "b": b, "verdict": verdict, "difference": difference}

    entries = [
        one("full", "head", "better", 0.08),
        one("full", "lora", "tie", 0.0),
        one("head", "lora", "worse", -0.08),
    ]
    matrix, *_ = tables(pairs(Results(make_records(2, 2), {"comparisons": entries})))
    assert matrix.header == ["row against column", "full", "head", "lora"]
    assert matrix.rows[0] == ["full", "", "better\n+0.0800", "tie\n+0.0000"]
    assert by_row(matrix)["head"]["full"] == "worse\n-0.0800"
    assert matrix.rows[2] == ["lora", "tie\n+0.0000", "better\n+0.0800", ""]
    assert (matrix.shades[0, 2], matrix.shades[1, 1], matrix.shades[0, 3]) == ("good", "bad", "even")


def test_the_matrix_of_the_recommended_is_open_and_says_what_is_confused(results):
    section = confusions(results)
    first, *others = tables(section)
    assert [table.folded for table in (first, *others)] == ["", "full", "head"]
    assert first.rows[0][1] == "75"
    assert first.shades[0, 1] == "heat7"
    assert "What freeze:first=3 confuses most: 5 of the 80 labelled " in words(section)
    assert first.caption.endswith("Summed over 3 seeds.")


def test_what_is_confused_most_is_told_of_an_older_comparison_too(results):
    entries = [
        {key: value for key, value in one.items() if key not in ("most", "labels_in_all")}
        for one in results.comparison["confusion"]
    ]
    said = words(confusions(replace(results, comparison=results.comparison | {"confusion": entries})))
    assert said.count("are answered as") == 5


def test_marks_are_for_scores_that_can_be_held_against_each_other(results):
    apart = replace(results, comparison=results.comparison | {"pareto": None, "recommendation": {}})
    for make in (result_sections.scores, every_metric, background_sections.by_label):
        for table in tables(make(apart)):
            assert not table.marked and "arked" not in table.caption
        assert any(table.marked and "arked" in table.caption for table in tables(make(results)))


def test_a_matrix_says_what_is_counted_together(results):
    entry = results.comparison["confusion"][0] | {"labels_in_all": 60}
    [matrix] = tables(confusions(replace(results, comparison=results.comparison | {"confusion": [entry]})))
    assert "The 5 most frequent of 60 labels; the others are counted together" in matrix.caption


def test_a_budget_of_seconds_has_no_number_of_epochs(results):
    entries = [one | {"epochs": None} for one in results.comparison["trained_parts"]]
    grid, _ = tables(what_trains(replace(results, comparison=results.comparison | {"trained_parts": entries})))
    assert "epochs, at most" not in [row[0] for row in grid.rows]
    assert not any("epochs 1-" in cell for row in grid.rows for cell in row)


def test_what_trains_is_drawn_from_the_head_down(results):
    grid, in_words = tables(what_trains(results))
    rows = by_row(grid)
    assert [row[0] for row in grid.rows] == ["head", *(f"layer {i}" for i in range(6, 0, -1)), "embeddings",
                                             "epochs, at most"]  # fmt: skip
    assert rows["layer 3"]["freeze:first=3"] == "·"
    assert rows["layer 4"]["freeze:first=3"] == "5e-05"
    assert rows["layer 4"]["lora:r=8,lora_alpha=16"] == "0.001\n0.35 %"
    assert grid.shades[8 - 1, 1].startswith("heat")
    assert [row[0] for row in in_words.rows] == [group.label for group in results.groups]


def test_epochs_and_rates_are_said_where_they_differ(make_records, every_key):
    keys = every_key()
    records = [
        replace(one, strategy=name)
        for one, name in zip(make_records(2, 1), ("gradual", "llrd:decay=0.95"), strict=True)
    ]
    grid, _ = tables(what_trains(Results(records, {"trained_parts": keys["trained_parts"]})))
    rows = by_row(grid)
    assert rows["layer 4"]["gradual"] == "5e-05\nepochs 2-3"
    assert rows["embeddings"]["llrd:decay=0.95"] == "3.5e-05"


def test_the_same_note_of_many_runs_is_said_once(make_records):
    records = [replace(one, notes=["fp32"]) for one in make_records(2, 2)]
    records[0] = replace(records[0], notes=["fp32", "the batch was halved"])
    said = words(background_sections.data(Results(records)))
    assert "All runs: fp32" in said
    assert "full, seed 0: the batch was halved" in said


def test_every_metric_with_the_best_of_its_column(make_records):
    scores = {"full": {"accuracy": 0.9, "loss": 0.5}, "head": {"accuracy": 0.8, "loss": 0.4}}
    runs = [replace(run, test=scores.get(run.strategy, {"accuracy": 0.7})) for run in make_records(3, 2)]
    runs[0] = replace(runs[0], test={"accuracy": 0.8, "loss": 0.5})
    test, validation = tables(every_metric(Results(runs)))
    assert test.header == ["strategy", "accuracy", "loss"]
    rows = by_row(test)
    assert rows["full"] == {"strategy": "full", "accuracy": "0.8500 ± 0.6353", "loss": "0.5000 ± 0.0000"}
    assert {row["loss"] for name, row in rows.items() if name not in scores} == {""}
    assert {test.rows[row][column] for row, column in test.marked} == {"0.8500 ± 0.6353", "0.4000 ± 0.0000"}
    assert validation.folded and "macro f1" in validation.header
    without = tables(every_metric(Results([replace(run, test={}) for run in runs])))
    assert [table.folded for table in without] == [""]
    assert not every_metric(Results([replace(run, status="failed") for run in runs])).blocks


def test_the_recommended_strategy_is_marked_in_the_leaderboard(results):
    [table] = tables(result_sections.scores(results))
    chosen = results.comparison["recommendation"]["strategy"]
    assert [table.rows[row][0] for row, column in table.marked if column == 0] == [chosen]


def test_what_it_is_reproduced_from_names_weights_and_threads(make_records):
    runs = make_records(1, 1, threads=1, vocabulary_sha256="77aa")
    section = background_sections.reproduce(Results(runs, {"weights": {"org/a": "beef"}, "data": {"sha256": "d0"}}))
    assert tables(section)[0].rows == [
        ["all examples", "d0"], ["weights of org/a", "beef"], [f"vocabulary of {runs[0].model_name}", "77aa"]
    ]  # fmt: skip
    assert "Threads of a run, on which its last digits depend: 1." in words(section)


def test_of_several_test_sets_the_leaderboard_names_its_own(make_records):
    runs = [replace(run, tests={"hausa": {"macro_f1": 0.2}}) for run in make_records(2, 2)]
    sizes = {"train": 9, "validation": 3, "naija": 3, "hausa": 3}
    several = Results(runs, {"data": {"sizes": sizes}})
    assert "Test scores are those on naija, the first test set" in tables(result_sections.scores(several))[0].caption
    [table] = tables(background_sections.further_tests(several))
    assert table.header == ["strategy", "naija", "hausa"]
    assert table.rows[0][2] == "0.2000 ± 0.0000" and table.rows[0][1].count("±") == 1
    assert table.values[0][2] == 0.2 and table.descending == {1, 2} and table.name == "test-sets"
    assert tables(background_sections.by_label(several))[0].caption.startswith("Test (naija) f1")
    one = Results(make_records(2, 2), {"data": {"sizes": {"train": 9, "validation": 3, "test": 3}}})
    assert "Test scores are" not in tables(result_sections.scores(one))[0].caption
