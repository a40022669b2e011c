"""Hostile texts in everything that a comparison names, and what its outputs make of them: trial 20."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from markdown_it import MarkdownIt  # comes with rich

from soak.hostile_comparison import card_of, hostile_comparison
from soak.injections import ALL, FORGED, MARK
from soak.trial import Figure, Ground, Tally, Trial
from unfreeze.cli import main
from unfreeze.cli.evaluate import print_scores
from unfreeze.cli.live import LiveTable
from unfreeze.cli.result import print_result
from unfreeze.cli.tables import print_table
from unfreeze.cli.terminal import json_text
from unfreeze.evaluation.evaluate import Evaluation
from unfreeze.experiments.cell import Cell
from unfreeze.experiments.conclude import Comparison
from unfreeze.reports.document import FIGURES_FOLDER, MARKDOWN_FILE, REPORT_FILE, TABLES_FOLDER, write_report
from unfreeze.tasks import Classification

TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "h1",
        "h2",
        "ul",
        "li",
        "nav",
        "a",
        "main",
        "section",
    ),
    *("p", "details", "summary", "pre", "figure", "img", "div", "table", "thead", "tbody", "tr", "th", "td", "wbr"),
    *("caption", "footer", "script"),
}
POLICY = (
    "default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
COMMANDS = {"begin", "end", "centering", "caption", "label", "toprule", "midrule", "bottomrule", "textbf", "pm", "cdot"}
COMMANDS |= {"textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar", "char"}
# Commands that the tables themselves hold, each where it stands: a table no wider than the text, headings aslant.
WIDTH = r"\resizebox{\ifdim\width>\linewidth \linewidth\else \width\fi}{!}{"
ASLANT = r"\rotatebox{60}{"
REPORT_TOKENS = {"text", "strong_open", "strong_close", "text_special", "image"}
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe]")  # but for tab and line end
TABLE_TOKENS = {"text", "strong_open", "strong_close", "text_special"}
CARD_TOKENS = {*TABLE_TOKENS, "softbreak", "code_inline"}


class Page(HTMLParser):
    """The tags of a page with their attributes, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.programs: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] and self.tags[-1][0] == "script" and not self.programs:
            self.programs.append(data)
        else:
            self.words += data


def injections(ground: Ground) -> Figure:
    """Each text as label, text, file, data set, model, strategy, note and error; every output is parsed."""
    tally = Tally()
    # Drawing takes most of the time, and most texts are alike to it.
    harmless = {drawn: _outputs(ground.folder / f"harmless-{drawn}", f"plain {MARK}", drawn) for drawn in (True, False)}
    for number, text in enumerate(ALL[:: ground.times(12, 1)]):
        drawn = number % 8 == 0 or UNSEEN.search(text) is not None
        made = _outputs(ground.folder / f"{number}", text, drawn)
        for kind, check in CHECKS.items():
            if drawn or kind != "figures":
                wrong = check(made[kind], harmless[drawn][kind])
                tally.add(wrong is None, f"{kind} of {text!r}: {wrong}")
    return tally.figure(f"{len(ALL)} texts in {len(CHECKS)} outputs: 0 scripts, formulas, commands to a terminal")


def _outputs(folder: Path, text: str, drawn: bool) -> dict[str, Any]:
    comparison = hostile_comparison(folder, text)
    with contextlib.nullcontext() if drawn else patch("unfreeze.reports.document.draw_figures", return_value=[]):
        said = _terminal(comparison, text)  # this also writes the report
    read = {name: (folder / name).read_text(encoding="utf-8") for name in ("leaderboard.csv", "leaderboard.md")}
    return {
        "page": (folder / REPORT_FILE).read_text(encoding="utf-8"),
        "figures": [one.read_bytes() for one in sorted((folder / FIGURES_FOLDER).glob("*.svg"))],
        "csv": read["leaderboard.csv"],
        "markdown": read["leaderboard.md"],
        "report": (folder / MARKDOWN_FILE).read_text(encoding="utf-8"),
        "latex": {one.name: one.read_text(encoding="utf-8") for one in sorted((folder / TABLES_FOLDER).iterdir())},
        "card": card_of(text),
        "terminal": said,
    }


class Screen(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@contextlib.contextmanager
def _screen() -> Iterator[Screen]:
    screen = Screen()
    # Colours are the program's own; without them every control character is one from the data.
    environment = {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "1000"}
    with patch.dict(os.environ, environment), contextlib.redirect_stdout(screen), contextlib.redirect_stderr(screen):
        yield screen


def _terminal(comparison: Comparison, text: str) -> str:
    """What the commands print; some of it to a terminal, where they draw tables."""
    data = comparison.output.with_name(f"{comparison.output.name}.jsonl")
    rows = [{"text": f"{text} {i}", "label": text if i % 2 else "other"} for i in range(30)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    # A shell cannot give everything to a program.
    typed = text.replace("\0", "").replace("\ud800", "")
    with _screen() as screen:
        print_result(comparison, write_report(comparison.output))
        _call("runs", comparison.output)
        _call("runs", comparison.output, "--json")
        _call("report", comparison.output)
        _call("inspect", "--data", data)
        _call("inspect", "--data", data, "--json")
        _call("inspect", f"--data={data}{typed}")
        _call("compare", f"--model={typed}", "--data", data, f"--strategy={typed}", f"--metric-for-best-model={typed}")
        _call(typed)
        listener = LiveTable()
        listener.said(text)
        listener.metric, listener.models = text, {text, "other"}
        for record in comparison.records:
            cell = Cell(text, record.strategy, record.seed)  # type: ignore[arg-type]
            listener.remaining.started(cell)
            listener.console.print(listener.drawn())
            listener.run_finished(cell, record)
        print_table(text, ["a", text], [[text, text]])
        scores = Evaluation({"f1": 0.5}, {text: {"f1": 0.5}}, [], 0.0, Classification())
        print_scores({text: scores, "other": scores})
        print(json_text({text: [text]}, 2))
    return screen.getvalue()


def _call(*arguments: object) -> None:
    with contextlib.suppress(SystemExit):
        main([str(one) for one in arguments])


def _page(made: str, harmless: str) -> str | None:
    page, model = Page(made), Page(harmless)
    attributes = [(name, value or "") for _, found in page.tags for name, value in found.items()]
    policies = [found["content"] for tag, found in page.tags if tag == "meta" and "http-equiv" in found]
    sources = [value for name, value in attributes if name in ("src", "href", "action", "data", "srcdoc", "content")]
    policy = POLICY.format(digest=b64encode(sha256("".join(page.programs).encode()).digest()).decode())
    allowed = ("#section-", "data:image/svg+xml;base64,", "width=device-width", "light dark", "no-referrer", policy)
    allowed += ("unfreeze comparison",)  # what made the page, as it says itself
    charts = [str(json.loads(value)) for name, value in attributes if name == "data-chart"]
    wrong = {
        "tags": sorted({tag for tag, _ in page.tags} - TAGS),
        "attributes": [name for name, _ in attributes if name.startswith("on") or name in ("style", "srcdoc")],
        "addresses": [value for value in sources if not value.startswith(allowed)],
        "policy": [] if policies == [policy] else policies,
        "programs": [] if page.programs == model.programs and len(page.programs) == 1 else page.programs,
        "unseen characters of figures": [found for chart in charts for found in UNSEEN.findall(chart)],
        "other elements": _differ(_count(page), _count(model)),
        "unseen characters": UNSEEN.findall(made),
        "words lost": [] if page.words.count(MARK) >= 40 else [str(page.words.count(MARK))],
    }
    return next((f"{what}: {found}" for what, found in wrong.items() if found), None)


def _count(page: Page) -> Counter[str]:
    return Counter(tag for tag, _ in page.tags if tag != "wbr")


def _differ(one: Counter[str], other: Counter[str]) -> list[str]:
    return [f"{tag} {one[tag]} for {other[tag]}" for tag in one | other if one[tag] != other[tag]]


def _figures(made: list[bytes], harmless: list[bytes]) -> str | None:
    for svg in made:
        for element in ET.fromstring(svg).iter():
            names = [name.rpartition("}")[2] for name in element.attrib]
            links = [value for name, value in element.attrib.items() if name.endswith("href")]
            if element.tag.endswith(("script", "foreignObject")) or any(name.startswith("on") for name in names):
                return f"{element.tag} {names}"
            if not all(link.startswith(("#", "data:image/png")) for link in links):
                return f"links {links}"
    return None if len(made) == len(harmless) > 0 else f"{len(made)} figures for {len(harmless)}"


def _csv(made: str, harmless: str) -> str | None:
    rows, expected = _rows(made, ","), _rows(harmless, ",")
    if [len(row) for row in rows] != [len(row) for row in expected]:
        return f"{[len(row) for row in rows]} cells a row for {[len(row) for row in expected]}"
    for delimiter in ",;\t":
        for cell in (cell for row in _rows(made, delimiter) for cell in row):
            if FORMULA.match(cell.lstrip('"')) and not _is_number(cell):
                return f"formula {cell!r}"
    unseen = UNSEEN.findall(made)
    return f"unseen characters {unseen}" if unseen else None


def _rows(text: str, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _markdown(made: str, harmless: str) -> str | None:
    found, expected = _blocks(made), _blocks(harmless)
    wrong = _inline(made, TABLE_TOKENS) or UNSEEN.findall(made) or re.findall(r"https?://|www\.", made)
    if found != expected or found.count("table_open") != 1:
        return f"{len(found)} blocks for {len(expected)}"
    return f"markup {wrong}" if wrong else None


def _report(made: str, harmless: str) -> str | None:
    shown = re.sub("^    .*$", "", made, flags=re.MULTILINE)  # the command, as code
    wrong = _inline(made, REPORT_TOKENS) or UNSEEN.findall(made) or re.findall(r"https?://|www\.", shown)
    if _blocks(made) != _blocks(harmless):
        return f"{len(_blocks(made))} blocks for {len(_blocks(harmless))}"
    return f"markup {wrong}" if wrong else None


def _latex(made: dict[str, str], harmless: dict[str, str]) -> str | None:
    for name, text in made.items():
        body = text.partition("\n")[2]  # below the line that names the package
        plain = body.replace(WIDTH, "{", 1)
        plain = re.sub(r"(?<=\\toprule\n).*", lambda header: header[0].replace(ASLANT, "{"), plain, count=1)
        bare = re.sub(r"\\[\\{}$&#%_]", "", plain)
        commands = set(re.findall(r"\\([A-Za-z]+)", bare)) - COMMANDS
        if commands or re.search("[%#~^]", bare) or bare.count("{") != bare.count("}") or UNSEEN.search(body):
            return f"{name}: {sorted(commands)}"
        if len({len(re.findall(r"(?<!\\)&", line)) for line in body.splitlines() if line.endswith(r" \\")}) != 1:
            return f"{name}: rows of other lengths"
    return None if len(made) == len(harmless) > 0 else f"{len(made)} files for {len(harmless)}"


def _card(made: str, harmless: str) -> str | None:
    _, front, body = made.split("---\n", 2)
    values, expected = yaml.safe_load(front), yaml.safe_load(harmless.split("---\n", 2)[1])
    if list(values) != list(expected) or MARK not in values["base_model"]:
        return f"front matter {values}"
    if _blocks(body) != _blocks(harmless.split("---\n", 2)[2]):
        return f"blocks {_blocks(body)}"
    wrong = (
        _inline(body, CARD_TOKENS) or UNSEEN.findall(made) or re.findall(r"https?://|www\.", re.sub("`.*`", "", body))
    )
    return f"markup {wrong}" if wrong else None


def _parsed(text: str) -> list[Any]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def _blocks(text: str) -> list[str]:
    return [token.type for token in _parsed(text)]


def _inline(text: str, allowed: set[str]) -> list[str]:
    children = (child.type for token in _parsed(text) for child in token.children or ())
    return sorted(set(children) - allowed)


def _said(made: str, harmless: str) -> str | None:
    unseen = sorted({one for one in made if not one.isprintable() and one != "\n"})
    forged = [line for line in made.split("\n") if line.lstrip().startswith(FORGED)]
    if unseen or forged:
        return f"characters {unseen}, lines {forged[:2]}"
    return None if made.count(MARK) >= 20 else f"{made.count(MARK)} of the names"


CHECKS: dict[str, Callable[[Any, Any], str | None]] = {
    "page": _page, "figures": _figures, "csv": _csv, "markdown": _markdown, "report": _report,
    "latex": _latex, "card": _card, "terminal": _said,
}  # fmt: skip
TRIALS = (Trial(20, "P8", "hostile texts in reports, tables, model cards and terminals", injections),)
