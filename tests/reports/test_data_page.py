"""The page on data: whole, self-contained, and nothing from data becomes markup."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from unfreeze.data.findings import DataError
from unfreeze.data.sources import DataRequest, load_corpus, report, report_of_faults
from unfreeze.reports.data_page import MAKER, SECTIONS, render_data_page, write_data_page
from unfreeze.reports.document import render_report
from unfreeze.reports.page import made_by
from unfreeze.reports.results import Results
from unfreeze.storage.folders import OutputError

MARKUP = "<script>alert(1)</script>\"><img src=x onerror=alert(1)>'&{{ 7 * 7 }}"
FORMULA = '=HYPERLINK("http://evil.example","x")'
UNSEEN = "a\x1b[31m\x00\x9b\u202eb\u2066\r"
SAMPLES = ("emotion", "ner", "pos", "qa")


def described(data: Any, **request: Any) -> dict[str, Any]:
    try:
        return report(load_corpus(DataRequest(data=data, **request)))
    except DataError as error:
        return report_of_faults("mine", error)


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_fill_every_section(page_of: Callable[[str], Any], name: str) -> None:
    summary = described(f"sample:{name}")
    text = render_data_page(summary | {"made": {"command": ["unfreeze", "inspect"], "versions": {"unfreeze": "1"}}})
    page = page_of(text)
    assert text.count("<section ") == len(SECTIONS)
    figures = [a for tag, a in page.tags if tag == "figure"]
    assert len(figures) == (1 if name == "qa" else 2)
    for figure in figures:
        chart = json.loads(str(figure["data-chart"]))
        assert all(
            chart["x"]["low"] <= point[0] <= chart["x"]["high"] for one in chart["series"] for point in one["points"]
        )
    assert "None" not in page.text and len(text) < 2_000_000
    for split, one in summary["splits"].items():
        assert f"{one['examples']:,} {split}" in page.text
    assert all(str(one["label"]) in page.text for one in summary["examples"])
    assert summary["sha256"] in page.text and "unfreeze inspect" in page.text


def test_nothing_comes_from_outside(page_of: Callable[[str], Any]) -> None:
    text = render_data_page(described("sample:ner"))
    page = page_of(text)
    [policy] = [a["content"] for tag, a in page.tags if "http-equiv" in a]
    [program] = page.programs
    assert b64encode(sha256(program.encode()).digest()).decode("ascii") in str(policy)
    addresses = [a[key] for _, a in page.tags for key in ("src", "href") if key in a]
    assert all(str(one).startswith(("data:image/svg+xml;base64,", "#")) for one in addresses)


def tagged(evil: str) -> Any:
    return [([evil, "word", f"w{i}"], [f"B-{evil}", "O", "O"]) for i in range(9)]


def texts(evil: str) -> Any:
    rows = [(f"{evil} {i}", f"{evil}{i % 2}") for i in range(12)]
    return {"train": [*rows, (f"{evil} 1", f"{evil}0")], "validation": rows[:2], f"{evil}": rows[:3]}


def questions(evil: str) -> Any:
    context = f"{evil} is the answer"
    return [
        {"question": f"{evil}? {i}", "context": context, "answers": {"text": [evil], "answer_start": [0]}, "id": str(i)}
        for i in range(9)
    ]


@pytest.mark.parametrize("evil", [MARKUP, FORMULA, UNSEEN], ids=["markup", "formula", "unseen"])
@pytest.mark.parametrize("make", [texts, tagged, questions])
def test_hostile_data_are_shown_and_do_nothing(page_of: Callable[[str], Any], make: Any, evil: str) -> None:
    text = render_data_page(described(make(evil)))
    page = page_of(text)
    assert text.count("<script") == 1 and "<img src=x" not in text
    assert text.replace("\n", "").isprintable()
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert [a["http-equiv"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a] == [
        "Content-Security-Policy"
    ]
    shown = {MARKUP: "<script>alert(1)</script>", FORMULA: "=HYPERLINK", UNSEEN: "a\\x1b[31m"}[evil]
    assert page.text.count(shown) >= 5
    for tag, attributes in page.tags:
        if tag == "img":
            svg = b64decode(str(attributes["src"]).partition(",")[2])
            assert not any(one.tag.endswith(("script", "foreignObject")) for one in ElementTree.fromstring(svg).iter())
        if tag == "figure":
            assert str(json.loads(str(attributes["data-chart"]))).isprintable()


def test_every_text_of_the_summary_is_escaped(page_of: Callable[[str], Any]) -> None:
    """Also what no data can hold today: each string of a summary with all keys becomes markup."""

    def poisoned(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: poisoned(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [poisoned(one, key) for one in value]
        return (
            MARKUP if isinstance(value, str) and key not in ("severity", "unit", "tag_scheme", "split", "in") else value
        )

    summary = described(texts("plain"))
    summary["tokens"] = {
        "model": "m",
        "lengths": {
            "edges": [0, 5, 10],
            "max_length": 8,
            "splits": {"train": {"counts": [3, 4], "median": 4.0, "p95": 9.0, "longest": 10}},
        },
        "reading": {"train": dict.fromkeys(READING, 3)},
    }
    summary["made"] = {"command": ["unfreeze"], "versions": {"unfreeze": "1"}}
    text = render_data_page(poisoned(summary))
    assert text.count("<script") == 1 and "<img src=x" not in text
    assert page_of(text).text.count("<script>alert(1)</script>") > 20


READING = (
    *("examples", "windows", "examples_in_several_windows", "tokens", "truncated_examples", "truncated_tokens"),
    *("unknown_words", "lost_words"),
)


def test_errors_come_first_and_are_shaded() -> None:
    rows = [(f"text {i}", "ab"[i % 2]) for i in range(9)]
    text = render_data_page(described({"train": [*rows, rows[0]], "test": [("x", "c"), rows[1]]}))
    assert "11 examples with 3 labels" not in text and "12 examples with 3 labels: 1 error, 1 warning." in text
    assert "Nothing trains on these data" in text
    [found] = re.findall(r"<h2>Findings</h2>.*?</table>", text, re.DOTALL)
    assert re.findall(r'<td class="words (\w+)"[^>]*>(\w+)</td>', found) == [
        ("bad", "error"),
        ("even", "warning"),
        ("off", "note"),
    ]


def test_errors_alone_make_a_short_page(page_of: Callable[[str], Any]) -> None:
    fault = {"severity": "error", "code": "c", "message": "m", "file": "f", "line": 3, "advice": None}
    summary = {
        "name": "x",
        "splits": {},
        "lengths": {},
        "repeats": [],
        "examples": [],
        "inferred": [],
        "found": [fault],
    }
    text = render_data_page(summary)
    page = page_of(text)
    assert (
        re.findall(r"<h2>(.*?)</h2>", text) == ["What was found", "Findings"]
        and "f:3" in page.text
        and "None" not in page.text
    )


def test_a_page_knows_its_maker(make_records: Any, tmp_path: Path) -> None:
    ours = render_data_page(described("sample:pos") | {"name": '<meta name="generator" content="x">'}).encode()
    assert made_by(MAKER, ours) and not made_by("x", ours)
    comparison = render_report(Results(make_records(2, 1)))
    assert not made_by(MAKER, comparison.encode())
    (tmp_path / "index.html").write_text(comparison)
    with pytest.raises(OutputError, match="is no page that `unfreeze inspect` wrote"):
        write_data_page(tmp_path / "index.html", described("sample:pos"))


def test_equal_data_make_equal_pages() -> None:
    assert render_data_page(described("sample:emotion")) == render_data_page(described("sample:emotion"))
