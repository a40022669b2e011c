"""Take the pictures of a report beside this file, and write what axe-core finds on it at each width and scheme.

    python docs/images/report_pictures.py path/to/report/index.html

Needs playwright, axe-playwright-python and Debian's chromium, as the tests of the page do.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
# Picture -> width, height, scheme, and the heading of the section that it begins with; empty: the top of the page.
PICTURES = {
    "report-wide-light": (1280, 960, "light", ""),
    "report-wide-dark": (1280, 960, "dark", "Which strategies are worth their cost"),
    "report-middle-light": (800, 1000, "light", "Confusion"),
    "report-middle-dark": (800, 1000, "dark", "Leaderboard"),
    "report-phone-light": (360, 960, "light", "How many layers need to train"),
    "report-phone-dark": (360, 780, "dark", ""),
}


def main(page_file: Path) -> None:
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, (width, height, scheme, heading) in PICTURES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            page = context.new_page()
            page.goto(page_file.resolve().as_uri())
            if heading:
                page.get_by_role("heading", name=heading).evaluate("(one) => one.scrollIntoView({behavior: 'instant'})")
            page.wait_for_timeout(300)
            page.screenshot(path=HERE / f"{name}.png")
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            page.evaluate("document.querySelectorAll('.wide').forEach((one) => { one.style.background = 'none'; })")
            found.append({"width": width, "scheme": scheme, **_axe(page)})
            context.close()
        browser.close()
    (HERE / "report-axe.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _axe(page: Any) -> dict[str, Any]:
    result = Axe().run(page).response
    return {
        "axe": result["testEngine"]["version"],
        "passes": len(result["passes"]),
        "violations": [{"id": one["id"], "impact": one["impact"]} for one in result["violations"]],
        "incomplete": [
            {"id": one["id"], "of": sorted({node["target"][0] for node in one["nodes"]})}
            for one in result["incomplete"]
        ],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
