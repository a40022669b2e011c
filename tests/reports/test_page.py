"""The page in a real browser, opened from disk: three widths, both schemes, with and without script, on paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unfreeze.reports.document import write_report

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

HOSTILE = "<img src=x onerror=\"document.title='owned'\"></script><script>document.title='owned'</script>\"'&"
VIEWS = [(360, "light"), (360, "dark"), (800, "light"), (800, "dark"), (1280, "light"), (1280, "dark")]
# Before a gradient axe leaves the contrast of words to people.
WITHOUT_SHADOWS = "document.querySelectorAll('.wide').forEach((one) => { one.style.background = 'none'; })"
PAPER = 718  # pixels of the width of A4 between the browser's own margins
Visit = Callable[..., Any]


@pytest.fixture(scope="module")
def address(make_records: Any, write_comparison: Any, every_key: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with every section and figure, with a strategy whose name is hostile."""
    keys = every_key()
    keys["trained_parts"][0]["parts"][0]["part"] = HOSTILE
    records = [
        one if one.strategy != "head" else type(one)(**{**vars(one), "strategy": HOSTILE}) for one in make_records(4, 3)
    ]
    output = write_comparison(tmp_path_factory.mktemp("page"), records, **keys)
    return write_report(output).as_uri()


@pytest.fixture
def visit(open_page: Visit, address: str) -> Visit:
    """`visit(width, scheme)`: the page."""

    def visit_it(width: int = 1280, scheme: str = "light", **options: Any) -> Any:
        return open_page(address, width, scheme, **options)

    return visit_it


def strategies(page: Any, figure: int) -> list[str]:
    """The names of a figure's switches that are on."""
    switches = page.locator("figure").nth(figure).locator(".legend [aria-pressed=true]")
    return list(switches.all_inner_texts())


@pytest.mark.parametrize(("width", "scheme"), VIEWS, ids=str)
def test_nothing_sticks_out_and_axe_finds_nothing(visit: Visit, width: int, scheme: str) -> None:
    page = visit(width, scheme)
    for one in page.locator("details").all():
        one.evaluate("(element) => { element.open = true; }")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    overflowing = page.evaluate(
        """() => [...document.querySelectorAll(".plot svg")].filter((svg) =>
             svg.getBoundingClientRect().right > document.documentElement.clientWidth + 1).length"""
    )
    assert overflowing == 0
    page.evaluate(WITHOUT_SHADOWS)
    found = axe.Axe().run(page).response["violations"]
    assert [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found] == []
    assert page.title().startswith("How much to fine-tune")
    assert page.locator("script").count() == 1


@pytest.mark.parametrize("width", [360, 1280])
def test_no_heading_of_a_column_reaches_into_the_next(
    open_page: Visit, make_records: Any, write_comparison: Any, tmp_path: Path, width: int
) -> None:
    page = open_page(write_report(write_comparison(tmp_path, make_records(12, 1))).as_uri(), width, "light")
    too_wide = page.evaluate(
        """() => [...document.querySelectorAll("thead th")].filter((head) => {
             const words = document.createRange();
             words.selectNodeContents(head);
             return words.getBoundingClientRect().right > head.getBoundingClientRect().right + 1;
           }).map((head) => head.innerText)"""
    )
    assert page.locator("thead th").count() > 40 and too_wide == []


@pytest.mark.parametrize("width", [360, 1280])
def test_values_are_shown_on_hover_and_by_keys(visit: Visit, width: int) -> None:
    page = visit(width)
    for number in range(page.locator("figure.live").count()):
        plot = page.locator("figure.live .plot").nth(number)
        plot.scroll_into_view_if_needed()
        mark = plot.locator("g > .mark, g > .bar").first
        box = mark.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        tip = plot.locator(".tip")
        assert any(sign.isdigit() for sign in tip.inner_text())
        frame, here = page.locator("body").bounding_box(), tip.bounding_box()
        assert here["x"] >= 0
        assert here["x"] + here["width"] <= frame["width"] + 1
        page.mouse.move(0, 0)
        sync_api.expect(tip).to_be_hidden()
        plot.focus()
        page.keyboard.press("ArrowRight")
        first = tip.inner_text()
        page.keyboard.press("ArrowRight")
        assert tip.inner_text() != first
        page.keyboard.press("Escape")
        sync_api.expect(tip).to_be_hidden()


def test_values_are_shown_by_a_tap(visit: Visit) -> None:
    page = visit(360, has_touch=True, is_mobile=True)
    plot = page.locator("figure.live .plot").first
    plot.scroll_into_view_if_needed()
    mark = plot.locator(".mark").first.bounding_box()
    page.touchscreen.tap(mark["x"] + mark["width"] / 2, mark["y"] + mark["height"] / 2)
    assert plot.locator(".tip").is_visible() and plot.locator(".tip").inner_text()


def test_a_strategy_is_switched_off_in_all_figures(visit: Visit) -> None:
    page = visit()
    shown = page.locator("figure.live").filter(has=page.get_by_role("button", name="full", exact=True))
    count = shown.count()
    assert count >= 7
    before = [shown.nth(i).locator(".mark, .bar, .line").count() for i in range(count)]
    shown.nth(1).get_by_role("button", name="full", exact=True).click()
    after = [shown.nth(i).locator(".mark, .bar, .line").count() for i in range(count)]
    assert all(now < then for now, then in zip(after, before, strict=True))
    for i in range(count):
        switch = shown.nth(i).get_by_role("button", name="full", exact=True)
        assert switch.get_attribute("aria-pressed") == "false"
    shown.nth(2).get_by_role("button", name="show all").click()
    assert [shown.nth(i).locator(".mark, .bar, .line").count() for i in range(count)] == before
    page.get_by_role("button", name="hide all").first.click()
    assert strategies(page, 1) == []
    # By keys, too.
    page.get_by_role("button", name="full", exact=True).first.focus()
    page.keyboard.press("Space")
    assert strategies(page, 1) == ["full"]


def test_tables_are_sorted_by_any_column(visit: Visit) -> None:
    page = visit()
    table = page.locator("table.sortable").first
    heads = table.locator("thead th")

    def cells(column: int) -> list[str]:
        return list(table.locator(f"tbody tr > :nth-child({column + 1})").all_inner_texts())

    def numbers(column: int) -> list[float]:
        found = table.locator(f"tbody tr > :nth-child({column + 1})").evaluate_all(
            "(all) => all.map((one) => one.dataset.value)"
        )
        return [float(one) for one in found]

    titles = [one.strip() for one in heads.all_inner_texts()]
    time, score = titles.index("training time"), titles.index("test macro f1")
    heads.nth(time).get_by_role("button").click()
    assert numbers(time) == sorted(numbers(time))
    assert heads.nth(time).get_attribute("aria-sort") == "ascending"
    heads.nth(time).get_by_role("button").click()
    assert numbers(time) == sorted(numbers(time), reverse=True)
    heads.nth(score).get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert numbers(score) == sorted(numbers(score), reverse=True)  # where more is better, the most comes first
    assert table.locator("[aria-sort]").count() == 1
    heads.nth(0).get_by_role("button").click()
    assert cells(0)[0].startswith("<img") and cells(0)[1].startswith("freeze")


def test_the_switch_turns_light_to_dark_and_back(visit: Visit) -> None:
    page = visit(scheme="dark")

    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    dark = paper()
    page.get_by_role("button", name="Light page").click()
    assert paper() == "rgb(255, 255, 255)" != dark
    assert page.locator("figure img").first.evaluate("(image) => getComputedStyle(image).filter") == "none"
    page.get_by_role("button", name="Dark page").click()
    assert paper() == dark


def test_the_static_figure_is_one_click_away(visit: Visit) -> None:
    page = visit()
    figure = page.locator("figure.live").first
    sync_api.expect(figure.locator("img")).to_be_hidden()
    figure.get_by_role("button", name="Static figure").click()
    sync_api.expect(figure.locator("img")).to_be_visible()
    sync_api.expect(figure.locator(".plot")).to_be_hidden()
    figure.get_by_role("button", name="Interactive figure").click()
    sync_api.expect(figure.locator(".plot svg .mark").first).to_be_visible()
    with page.expect_download() as caught:
        figure.get_by_role("button", name="Save as SVG").click()
    assert caught.value.suggested_filename == "layers.svg"
    assert Path(caught.value.path()).read_bytes().lstrip().startswith(b"<?xml")


def test_without_script_the_static_figures_are_there(visit: Visit) -> None:
    page = visit(360, java_script_enabled=False)
    images = page.locator("figure img")
    assert images.count() >= 10
    assert all(one.is_visible() for one in images.all())
    assert page.locator("button").count() == 0


def test_on_paper_the_figures_are_static_and_folded_parts_open(visit: Visit) -> None:
    page = visit(scheme="dark")
    page.emulate_media(media="print")
    assert all(one.is_visible() for one in page.locator("figure img").all())
    assert not any(one.is_visible() for one in page.locator(".plot, .legend, .tools, #theme, nav").all())
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()") == "#000"


@pytest.mark.parametrize("strategies", [4, 12])
def test_on_paper_nothing_is_cut(
    open_page: Visit, make_records: Any, write_comparison: Any, every_key: Any, tmp_path: Path, strategies: int
) -> None:
    output = write_comparison(tmp_path, make_records(strategies, 3), **every_key())
    page = open_page(write_report(output).as_uri(), PAPER, "light")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    beyond = page.evaluate(
        """() => [...document.querySelectorAll("body *:not(caption)")].filter((one) =>
             one.getBoundingClientRect().right > document.documentElement.clientWidth + 1
           ).map((one) => `${one.tagName} ${one.innerText.slice(0, 60)}`)"""
    )
    assert beyond == []


def test_no_other_script_can_run(visit: Visit, open_page: Visit) -> None:
    page = visit()
    page.locator("h2").first.evaluate("(head) => head.setAttribute('onclick', 'document.title = `owned`')")
    page.locator("h2").first.click()
    assert page.title() != "owned"
    # The browser says that it refused, and why.
    [refused] = open_page.faults  # type: ignore[attr-defined]
    assert "Content Security Policy" in refused
    open_page.faults.clear()  # type: ignore[attr-defined]


def test_headings_are_in_order_and_cells_have_scopes(visit: Visit) -> None:
    page = visit()
    levels = page.locator("h1, h2, h3, h4").evaluate_all("(all) => all.map((one) => one.tagName)")
    assert levels[0] == "H1" and set(levels[1:]) == {"H2"}
    assert page.locator("th:not([scope])").count() == 0
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
