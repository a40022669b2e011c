"""The page: whole, self-contained, and nothing from data becomes markup."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256

import pytest

from unfreeze.reports.document import SECTIONS, render_report, write_report
from unfreeze.reports.figures import FIGURES, draw_figures
from unfreeze.reports.results import Results, read_results
from unfreeze.storage.folders import OutputError
from unfreeze.storage.records import RunRecord

EVIL = "<script>alert(1)</script>"
OURS = "<script>(() => {"  # how the page's own script begins


@pytest.fixture(scope="module")
def whole_report(make_records, write_comparison, every_key, tmp_path_factory):
    """The text of a page with all sections and figures."""
    output = write_comparison(tmp_path_factory.mktemp("whole"), make_records(4, 3), **every_key())
    path = write_report(output)
    assert path == output / "report" / "index.html"
    assert len(list((output / "report" / "figures").iterdir())) == 2 * len(FIGURES)
    assert {one.name for one in (output / "report" / "tables").iterdir()} == {
        "leaderboard.tex",
        "labels.tex",
        "metrics-test.tex",
        "metrics-validation.tex",
        "pairs-test.tex",
        "pairs-validation.tex",
        "speeds.tex",
    }
    return path.read_text(encoding="utf-8")


def test_the_whole_report(page_of, whole_report):
    page = page_of(whole_report)
    assert sum(tag == "img" for tag, _ in page.tags) == len(FIGURES)
    # No further test sets, and figures against costs stand beside their lists.
    assert sum(tag == "section" for tag, _ in page.tags) == len(SECTIONS) - 2
    assert len(whole_report) < 8_000_000
    for words in ("Use freeze:first=3.", "not enough data", "anger", "'my data/x.csv'", "12 texts of test"):
        assert words in page.text


def test_the_first_figure_stands_under_the_verdict(whole_report):
    verdict, first, *_ = whole_report.split("<section ")[1:]
    assert "<h2>Verdict</h2>" in verdict
    assert "<img" not in verdict
    assert "<h2>How many layers need to train</h2>" in first
    assert first.count("<img") == 1
    assert first.index("3 of 6 layers tie with full.") < first.index("<img")


def test_nothing_comes_from_outside(page_of, whole_report):
    page = page_of(whole_report)
    [policy] = [a["content"] for tag, a in page.tags if "http-equiv" in a]
    [program] = page.programs  # one script, and no other can run
    digest = b64encode(sha256(program.encode("utf-8")).digest()).decode("ascii")
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert [a for tag, a in page.tags if tag == "script"] == [{}]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|fetch|import", program)
    addresses = [a[key] for _, a in page.tags for key in ("src", "href") if key in a]
    assert all(address.startswith(("data:image/svg+xml;base64,", "#")) for address in addresses)
    assert not re.search(r"url\(|@import", whole_report)


def test_every_figure_can_be_looked_into(page_of, whole_report):
    charts = [json.loads(str(a["data-chart"])) for tag, a in page_of(whole_report).tags if tag == "figure"]
    assert len(charts) == len(FIGURES)
    for chart in charts:
        points = [point for series in chart["series"] for point in series["points"]]
        assert any(point[2] for point in points)
        assert all(chart["x"]["low"] <= point[0] <= chart["x"]["high"] for point in points)
        assert chart["x"]["ticks"]
        assert bool(chart["y"]) != bool(chart["rows"])


def test_tables_that_can_be_sorted_say_by_what(whole_report):
    [leaderboard] = re.findall(r"<h2>Leaderboard</h2>.*?</table>", whole_report, re.DOTALL)
    assert '<table class="sortable "' in leaderboard
    assert 'data-order="descending"' in leaderboard
    values = re.findall(r'data-value="([^"]*)"', leaderboard)
    assert len(values) == 4 * (leaderboard.count('scope="col"') - 1)
    assert 592130.0 in [float(one) for one in values if one.replace(".", "").isdigit()]


def test_everything_from_data_is_escaped(page_of, make_records, write_comparison, tmp_path):
    records = [
        replace(
            record,
            strategy=record.strategy + EVIL,
            model_name=EVIL,
            task=EVIL,
            trains=EVIL,
            precision=EVIL,
            notes=[EVIL, '"><img src=x onerror=alert(1)>'],
            breakdown={EVIL: {"f1": 0.5, "support": 3}},
            tests={EVIL: {"macro_f1": 0.5}},
        )
        for record in make_records(3, 2)
    ]
    records.append(replace(records[0], seed=9, status="failed", error=EVIL))
    data = {"name": EVIL, "sha256": EVIL, "sizes": {EVIL: 3}, "checks": [EVIL], "notes": [EVIL]}
    write_comparison(tmp_path, records, data=data)
    text = render_report(read_results(tmp_path))
    assert text.count("<script") == 1
    assert OURS in text
    assert "<img src=x" not in text
    # A line may end behind a sign of a name; apart from that the words are there as they were written.
    assert text.replace("<wbr>", "").count("&lt;script&gt;alert(1)&lt;/script&gt;") > 20
    page_of(text)


def test_everything_in_the_comparison_is_escaped(page_of, make_records, every_key):
    """Every text of every key is replaced by markup, and half a character that no file can hold is added."""
    evil = f'{EVIL}"><img src=x onerror=alert(1)>\ud800'

    def poisoned(value):
        if isinstance(value, dict):
            return {key: poisoned(one) for key, one in value.items()}
        if isinstance(value, list):
            return [poisoned(one) for one in value]
        return evil if isinstance(value, str) else value

    records = [replace(one, model_name=evil, strategy=evil, degenerate=evil) for one in make_records(1, 2)]
    keys = poisoned(every_key())
    keys["disagreements"][0]["answers"] = {evil: evil}
    keys["pareto"] = {"fit_seconds": [evil]}
    results = Results([*records, replace(records[0], degenerate=None)], keys)
    text = render_report(replace(results, pictures=draw_figures(results)))
    assert text.count("<script") == 1
    assert OURS in text
    assert "<img src=x" not in text
    assert text.encode("utf-8")
    assert text.replace("<wbr>", "").count("&lt;script&gt;alert(1)&lt;/script&gt;") > 30
    charts = [
        json.loads(str(a["data-chart"])) for tag, a in page_of(text).tags if tag == "figure" and "data-chart" in a
    ]
    assert len(charts) > 5
    assert all(str(one).isprintable() for one in charts)
    assert any(EVIL in str(one) for one in charts)


def test_characters_that_act_unseen_are_written_out(page_of, make_records):
    evil = "a\x1b[31m\x00\x9b\u202eb\u2066\r\ud800"
    records = [replace(one, strategy=evil, notes=[evil], trains=evil) for one in make_records(1, 2)]
    results = Results(records)
    text = render_report(replace(results, pictures=draw_figures(results)))
    assert text.replace("\n", "").isprintable()
    assert "a\\x1b[31m\\x00\\x9b\\u202eb\\u2066\\r\\ud800" in page_of(text).text
    # What joins letters of a script stays, and so does what only looks strange.
    persian = "می\u200cروم \u200f"
    assert persian in render_report(Results([replace(records[0], notes=[persian])]))


def test_figures_of_hostile_names_are_whole(make_records, every_key):
    """A control character would make a figure that no program opens."""
    evil = f"{EVIL}-->]]>\x1b[31m\x00\x0b\x9b\u202e\ufffe\ud800\n&"
    records = [replace(one, strategy=evil + one.strategy, model_name=evil) for one in make_records(4, 2)]
    keys = every_key(evil)
    for sweep in keys["sweep"]:
        for point in sweep["points"]:
            point["strategy"] += evil
    pictures = draw_figures(Results(records, keys))
    assert len(pictures) > 5
    for picture in pictures:
        for element in ElementTree.fromstring(picture.svg).iter():
            assert not element.tag.endswith(("script", "foreignObject"))
            assert not any(name.startswith("on") for name in element.attrib)


@pytest.mark.parametrize("seeds", [1, 2])
def test_every_key_may_be_missing_or_null(page_of, make_records, every_key, seeds):
    keys = every_key()
    whole = render_report(Results(make_records(4, seeds), keys)).count("<section ")
    for key in keys:
        rest = {name: value for name, value in keys.items() if name != key}
        for comparison in (rest, rest | {key: None}):
            text = render_report(Results(make_records(4, seeds), comparison))
            assert whole - 1 <= text.count("<section ") <= whole
            assert "None" not in page_of(text).text


def test_an_unfinished_comparison_has_no_empty_sections(page_of, make_records):
    text = render_report(Results(make_records(4, 1)))
    assert text.count("<section ") == 7  # verdict, leaderboard, metrics, labels, what trains, costs, how to reproduce
    assert "None" not in page_of(text).text


def test_records_with_nothing_in_them(page_of):
    bare = RunRecord(strategy="full", seed=0, model_name="m", task="classification", status="done")
    text = render_report(Results([bare, replace(bare, seed=1, status="failed")]))
    assert "None" not in page_of(text).text
    assert "not finished" in text


@pytest.mark.parametrize(("to_come", "said"), [(10, ": 10 runs were"), (1, ": 1 run was"), (0, ".")])
def test_a_stopped_comparison_recommends_nothing(page_of, make_records, write_comparison, tmp_path, to_come, said):
    keys = {"comparisons": [], "confusion": None, "to_come": to_come}
    output = write_comparison(tmp_path, make_records(2, 1), **keys)
    text = page_of(write_report(output).read_text()).text
    assert f"The comparison was not finished{said}" in text and "So far: " in text
    assert "Use " not in text and "goes on" in text


def test_comparison_with_nothing_in_it(page_of, make_records):
    comparison = {"recommendation": None, "data": None, "comparisons": [{"a": "x", "b": "y", "split": "test"}]}
    text = render_report(Results(make_records(2, 1), comparison))
    assert "No strategy can be recommended" in text
    assert "None" not in page_of(text).text


def test_many_pairs_are_folded_except_with_the_recommended(make_records, write_comparison, tmp_path):
    write_comparison(tmp_path, make_records(12, 2))
    text = render_report(read_results(tmp_path))
    assert text.count("<details>") == 4  # and all scores of each label, and all metrics on validation
    assert "The other 55 pairs on test" in text


def test_one_seed_is_said(make_records, write_comparison, tmp_path):
    write_comparison(tmp_path, make_records(2, 1))
    text = render_report(read_results(tmp_path))
    assert text.count("these weights only") == 2  # in the reasons and above the pairs


def test_several_models_are_named(make_records, write_comparison, tmp_path):
    records = make_records(2, 2, model_name="org/a") + make_records(2, 2, model_name="org/b")
    write_comparison(tmp_path, records, recommendation={"strategy": "head", "model_name": "org/b", "reasons": []})
    assert "Use head on org/b." in render_report(read_results(tmp_path))


def test_a_folder_without_runs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no run recorded"):
        write_report(tmp_path)


def test_a_link_out_of_the_folder_is_not_written_through(make_records, write_comparison, tmp_path):
    output = write_comparison(tmp_path / "out", make_records(2, 1))
    (victim := tmp_path / "victim").mkdir()
    (output / "report").symlink_to(victim)
    with pytest.raises(OutputError, match="leads out of the folder"):
        write_report(output)
    assert not any(victim.iterdir())


@pytest.mark.parametrize("runs", [[3], ["head"], [{"strategy": "head"}], [{"strategy": 3, "seed": "x"}]], ids=repr)
def test_runs_that_no_comparison_wrote_are_refused_with_the_file(make_records, write_comparison, tmp_path, runs):
    write_comparison(tmp_path, make_records(2, 1), runs=runs)
    with pytest.raises(OutputError, match=r"comparison\.json: .*Move it out of the folder"):
        write_report(tmp_path)
