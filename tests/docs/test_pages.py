"""The pages of docs: links that lead somewhere, figures that stand in the log, and a site that works offline."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
import yaml

from unfreeze.reports.document import SECTIONS
from unfreeze.reports.results import Results
from unfreeze.storage.records import RunRecord

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
WITHOUT_FENCES = re.compile(r"```.*?```", re.S)


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", WITHOUT_FENCES.sub("", page.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(WITHOUT_FENCES.sub("", page.read_text())):
        if not target.startswith("https://"):
            path, anchor = urldefrag(target)
            file = page.parent / path if path else page
            assert file.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(file), f"{page.name}: {target}"
            assert DOCS in file.resolve().parents, f"{page.name}: {target} is not part of the site"


def test_every_section_of_a_report_is_explained() -> None:
    page = (DOCS / "reading-the-report.md").read_text()
    explained = {line.lstrip("# ") for line in page.splitlines() if line.startswith("#")}
    record = RunRecord(strategy="full", seed=0, model_name="m", task="classification", status="done")
    titles = {make(Results([record])).title for make in SECTIONS}
    # What quality costs is explained under one heading.
    costs = {"Which strategies are worth their cost", "Time to quality", "Costs", "Score against cost"}
    assert "What quality costs" in explained and titles - explained == costs


def test_the_index_leads_to_every_page() -> None:
    linked = {urldefrag(target)[0] for target in LINK.findall((DOCS / "index.md").read_text())}
    assert {page.name for page in DOCS.glob("*.md")} - {"index.md"} <= linked


def test_lists_and_tables_begin_a_paragraph() -> None:
    """On GitHub they may follow a line of text; on the site they would be part of it."""
    for page in PAGES:
        before = ""
        for number, line in enumerate(WITHOUT_FENCES.sub("", page.read_text()).splitlines(), start=1):
            for mark in ("- ", "|"):
                if line.startswith(mark) and before.strip():
                    where = f"{page.name}: line {number} without fences, {line[:60]!r}"
                    assert before.startswith((mark, "  ")), f"{where} follows a line of text"
            before = line


def test_figures_on_performance_stand_in_the_log() -> None:
    """Every row of a table with measured numbers is copied from the log as it is."""
    page, log = ((DOCS / name).read_text() for name in ("performance.md", "log.md"))
    rows = [line for line in page.splitlines() if line.startswith("|") and re.search(r"\d\.\d", line)]
    assert len(rows) >= 9
    assert [row for row in rows if row not in log.splitlines()] == []
    [memory] = re.findall(r"unfreeze: (full \d.*?) \(same command\)", page)
    assert memory in log


class Page(HTMLParser):
    """The ids of a page, where its links lead, and what a browser loads for it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids |= {value for name, value in attrs if name in ("id", "name") and value}
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))
        elif tag == "link" and values.get("rel") != "canonical" and values.get("href"):
            self.loaded.append(str(values["href"]))
        elif values.get("src"):
            self.loaded.append(str(values["src"]))


@pytest.mark.slow
def test_the_site_builds_and_holds_together(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    site = tmp_path / "site"
    pages = {file: Page(file) for file in site.rglob("*.html") if file.name != "404.html"}
    assert len(pages) == len(PAGES)
    for file, page in pages.items():
        for target in [*page.links, *page.loaded]:
            path, anchor = urldefrag(unquote(target))
            if not path.startswith("https://"):
                found = (file.parent / path).resolve() if path else file
                assert found.exists() and site in (found, *found.parents), f"{file.name}: {target}"
                assert not anchor or anchor in pages[found].ids, f"{file.name}: {target}"
        assert [target for target in page.loaded if "//" in target] == []
    styles = "".join(file.read_text(encoding="utf-8") for file in site.rglob("*.css"))
    assert re.findall(r"url\(\s*[\"']?(?:https?:)?//[^)]*|@import[^;]*//[^;]*", styles) == []


def test_the_site_loads_nothing_from_elsewhere_by_its_settings() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert settings["strict"] is True and settings["theme"]["highlightjs"] is False
