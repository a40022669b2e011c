"""The page in a real browser: every kind of model by hand, hostile texts, widths, both schemes, no one left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
sync_api = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")

HOSTILE = "<img src=x onerror=\"document.title='owned'\"> anna & <b>karl</b> 🙂 </textarea><script>alert(1)</script>"


class Visit:
    """One page with everything that went wrong on it."""

    def __init__(self, page: Any, port: int) -> None:
        self.page, self.origin = page, f"http://127.0.0.1:{port}"
        self.faults: list[str] = []
        page.on("console", lambda message: message.type in ("error", "warning") and self.faults.append(message.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: (self.faults.append(dialog.message), dialog.dismiss()))
        page.on("request", self._watch)

    def _watch(self, request: Any) -> None:
        if not request.url.startswith((self.origin + "/", "data:")):
            self.faults.append(f"asked {request.url}")

    def open(self, model: str) -> Any:
        self.page.goto(f"{self.origin}/#{model}")
        self.page.reload()  # a change of the part behind # alone loads nothing
        self.page.wait_for_selector("#model:not([disabled])")
        assert self.page.locator("#model").input_value().startswith(model)
        return self.page

    def ask(self, text: str | None = None) -> Any:
        if text is not None:
            self.page.get_by_label("Text", exact=True).fill(text)
        self.page.get_by_role("button", name="Try it").click()
        return self.answered()

    def answered(self) -> Any:
        """What is shown once the server has answered."""
        self.page.wait_for_selector("#go:not([aria-disabled])")
        card = self.page.locator("#result .card")
        card.wait_for()
        return card


@pytest.fixture(params=[(360, "light"), (768, "dark"), (1280, "light"), (360, "dark")], ids=str)
def visit(browser: Any, client: Any, request: pytest.FixtureRequest) -> Iterator[Visit]:
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    context.set_default_timeout(30_000)
    found = Visit(context.new_page(), client.port)
    yield found
    context.close()
    assert found.faults == []


def check_layout(page: Any) -> None:
    """Nothing sticks out to the side, and axe finds nothing serious."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    violations = axe.Axe().run(page).response["violations"]
    assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []


def test_scores_are_bars(visit: Visit) -> None:
    page = visit.open("mood")
    assert page.locator("#facts").inner_text().split("\n")[:2] == ["task classification", "encoder bert"]
    card = visit.ask("the happy day")
    rows = card.locator(".bars li")
    assert sorted(rows.locator(".name").all_inner_texts()) == ["anger", "joy", "sadness"]
    shares = [float(text.rstrip(" %")) for text in rows.locator(".share").all_inner_texts()]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(100, abs=0.2)
    widths = [box["width"] for box in (one.bounding_box() for one in rows.locator(".track > span").all())]
    assert widths == sorted(widths, reverse=True) and widths[0] / widths[1] == pytest.approx(
        shares[0] / shares[1], rel=0.05
    )
    check_layout(page)
    page.get_by_text("The same with curl").click()
    assert "/v1/models/mood/classify" in card.inner_text() and '"label"' in card.inner_text()
    check_layout(page)
    page.get_by_text("Second text").click()
    page.locator("#pair").fill("some grief")
    assert "text_pair" in visit.ask().locator("pre").first.text_content()


def test_entities_are_marked_in_their_text(visit: Visit, client: Any) -> None:
    page = visit.open("names")
    text = "🙂 anna saw karl 👩‍👩‍👧 in the house with maria"
    expected = [text[one["start"] : one["end"]] for one in client.ask("names", "tag", text)[0]]
    card = visit.ask(text)
    shown = card.locator(".text").evaluate(
        "(p) => [...p.querySelectorAll('mark')].map((mark) => mark.firstChild.textContent)"
    )
    assert expected and shown == expected
    assert set(card.locator("mark .kind").all_inner_texts()) <= {
        f"PER {card.locator('mark i').nth(i).inner_text()}" for i in range(len(shown))
    }
    check_layout(page)
    page.get_by_label("What is marked").select_option("each word")
    assert visit.ask().locator("mark .kind").first.inner_text().startswith(("B-PER ", "I-PER "))


def test_the_answer_is_marked_in_its_context(visit: Visit) -> None:
    page = visit.open("reader")
    page.get_by_label("Question").fill("where?")
    page.get_by_label("Context").fill("🙂 anna saw karl in berlin and lima")
    card = visit.ask()
    answer = card.locator("mark.found").inner_text()
    assert answer and answer == card.locator(".bars .name").first.inner_text()
    assert card.locator(".text").inner_text() == "🙂 anna saw karl in berlin and lima"
    assert card.locator(".bars li").count() == 5
    check_layout(page)


def test_masks_have_alternatives(visit: Visit) -> None:
    page = visit.open("filler")
    page.get_by_label("Text with a mask").fill("the day and ")
    page.get_by_role("button", name="Insert [MASK]").click()
    page.get_by_label("Alternatives shown").select_option("3")
    page.keyboard.press("Tab")
    page.get_by_label("Text with a mask").press("Control+Enter")
    card = visit.answered()
    assert card.locator(".bars li").count() == 3
    filled = card.locator("mark.found").inner_text()
    assert card.locator(".text").inner_text() == f"the day and {filled}"
    page.get_by_label("Text with a mask").fill("[MASK] in [MASK]")
    assert visit.ask().locator(".bars").count() == 2
    check_layout(page)
    page.get_by_label("Text with a mask").fill("nothing hidden")
    page.get_by_role("button", name="Try it").click()
    assert "there is no [MASK] in it" in page.get_by_role("alert").inner_text()
    visit.faults = [one for one in visit.faults if "409" not in one]  # the browser notes what was refused
    check_layout(page)


def test_texts_are_never_read_as_html(visit: Visit) -> None:
    page = visit.open("names")
    card = visit.ask(HOSTILE)
    plain = card.locator(".text").evaluate(
        "(p) => [...p.childNodes].map((n) => n.nodeName === 'MARK' ? n.firstChild.textContent : n.textContent).join('')"
    )
    assert plain == HOSTILE
    assert page.locator("#result img, #result b b, #result script").count() == 0
    page = visit.open("reader")
    page.get_by_label("Question").fill(HOSTILE)
    page.get_by_label("Context").fill(HOSTILE)
    assert visit.ask().locator(".text").inner_text() == HOSTILE
    page = visit.open("filler")
    page.get_by_label("Text with a mask").fill(HOSTILE[:40] + " [MASK]")
    assert HOSTILE[:40] in visit.ask().locator(".text").inner_text()
    assert page.title() == "Try a model – unfreeze"
    check_layout(page)


def test_the_keyboard_is_enough(visit: Visit) -> None:
    page = visit.open("mood")
    page.locator("body").press("Tab")
    reached = []
    for _ in range(8):
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        page.keyboard.press("Tab")
    assert reached[:5] == ["API description", "model", "text", "Second text, for models of pairs", "go"]
    page.locator("#go").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#result .bars")
    page.locator("#model").focus()
    page.keyboard.press("ArrowDown")
    sync_api.expect(page.locator("#facts")).to_contain_text("tagging")
    assert page.locator("#result").inner_text() == ""


def test_a_server_that_has_gone_is_said(browser: Any, serving: Any, loaded_models: dict[str, Any]) -> None:
    context = browser.new_context()
    page = context.new_page()
    with serving([loaded_models["mood"]]) as client:
        page.goto(f"http://127.0.0.1:{client.port}/")
        page.wait_for_selector("#model:not([disabled])")
    page.get_by_role("button", name="Try it").click()
    assert "Is it still running?" in page.get_by_role("alert").inner_text()
    context.close()


def test_its_policy_lets_only_its_own_script_run(client: Any) -> None:
    first, second = (client.call("GET", "/") for _ in range(2))
    policies = [heard.headers["content-security-policy"] for heard in (first, second)]
    assert policies[0] != policies[1]
    nonce = policies[0].partition("'nonce-")[2].partition("'")[0]
    assert len(nonce) >= 20 and first.body.count(nonce.encode()) == 2 and b"{nonce}" not in first.body
    assert "unsafe" not in policies[0] and policies[0].startswith("default-src 'none'; ")
    assert first.headers["x-content-type-options"] == "nosniff" and first.headers["cache-control"] == "no-store"
    assert b"http://" not in first.body.replace(b"http://www.w3.org/2000/svg", b"") and b"https://" not in first.body
