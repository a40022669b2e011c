"""The page on data in a real browser, opened from disk: three widths, both schemes, with and without script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from unfreeze.data.findings import DataError
from unfreeze.data.sources import DataRequest, load_corpus, report, report_of_faults
from unfreeze.reports.data_page import write_data_page

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

HOSTILE = "<img src=x onerror=\"document.title='owned'\"></script><script>document.title='owned'</script>\"'&"
VIEWS = [(360, "light"), (360, "dark"), (800, "light"), (1280, "light"), (1280, "dark")]
Visit = Callable[..., Any]


def hostile() -> dict[str, Any]:
    """Errors, warnings and notes, repeats, long names and markup everywhere."""
    rows = [(f"{HOSTILE} {'a long text ' * (i % 9)} {i}", f"{HOSTILE} {i % 3}") for i in range(60)]
    more = [(rows[0][0], rows[1][1]), rows[2]]
    try:
        load_corpus(DataRequest(data={"train": [*rows, *more], "test": [*rows[:4], ("new", "unseen")]}))
    except DataError as error:
        return report_of_faults(HOSTILE, error)
    raise AssertionError("a label that training does not have is an error")


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Name -> a page: of each sample, and of hostile data."""
    folder, found = tmp_path_factory.mktemp("pages"), {}
    summaries = {
        name: report(load_corpus(DataRequest(data=f"sample:{name}"))) for name in ("emotion", "ner", "pos", "qa")
    }
    for name, summary in {**summaries, "hostile": hostile()}.items():
        page = folder / f"{name}.html"
        write_data_page(page, summary | {"made": {"command": ["unfreeze", "inspect"], "versions": {"unfreeze": "1"}}})
        found[name] = page.as_uri()
    return found


@pytest.fixture
def visit(open_page: Visit, addresses: dict[str, str]) -> Visit:
    """`visit(name, width, scheme)`: the page."""

    def visit_it(name: str, width: int = 1280, scheme: str = "light", **options: Any) -> Any:
        return open_page(addresses[name], width, scheme, **options)

    return visit_it


@pytest.mark.parametrize(("width", "scheme"), VIEWS, ids=str)
@pytest.mark.parametrize("name", ["emotion", "ner", "pos", "qa", "hostile"])
def test_nothing_sticks_out_and_axe_finds_nothing(visit: Visit, name: str, width: int, scheme: str) -> None:
    page = visit(name, width, scheme)
    for one in page.locator("details").all():
        one.evaluate("(element) => { element.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    found = axe.Axe().run(page).response["violations"]
    assert [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found] == []
    assert page.title().startswith("Data: ")
    assert page.locator("script").count() == 1


def test_figures_are_live_and_findings_are_sorted(visit: Visit) -> None:
    page = visit("hostile")
    figures = page.locator("figure.live")
    assert figures.count() == 2
    for number in range(2):
        plot = figures.nth(number).locator(".plot")
        plot.focus()
        page.keyboard.press("ArrowRight")
        assert any(sign.isdigit() for sign in plot.locator(".tip").inner_text())
    table = page.locator("section", has=page.locator("h2", has_text="Findings")).locator("table")
    severities = table.locator("tbody tr td:nth-child(2)")
    before = severities.all_inner_texts()
    assert before[0] == "error" and before[-1] == "note"
    for _ in range(2):
        table.locator("thead th").nth(1).get_by_role("button").click()
    assert severities.all_inner_texts()[0] == "note"


def test_without_script_the_static_figures_are_there(visit: Visit) -> None:
    page = visit("emotion", 360, java_script_enabled=False)
    images = page.locator("figure img")
    assert images.count() == 2 and all(one.is_visible() for one in images.all())
