"""One HTML page that holds the whole report: no other file, no script, nothing from the network."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from unfreeze.reports import background_sections, quantities, result_sections
from unfreeze.reports.blocks import Section
from unfreeze.reports.figures import draw_figures, write_figures
from unfreeze.reports.groups import selection_metric
from unfreeze.reports.leaderboard import write_leaderboard
from unfreeze.reports.results import Results, read_results
from unfreeze.storage.atomic import write_text

REPORT_FILE = Path("report", "index.html")
FIGURES_FOLDER = Path("report", "figures")

# In order of the page. A new section is one function Results -> Section and one line here.
SECTIONS: tuple[Callable[[Results], Section], ...] = (
    result_sections.verdict,
    result_sections.scores,
    result_sections.pairs,
    result_sections.figures,
    background_sections.by_label,
    background_sections.further_tests,
    background_sections.what_trains,
    background_sections.data,
    result_sections.costs,
    background_sections.reproduce,
)


def write_report(output: Path) -> Path:
    """Write `report/index.html` and `report/figures/` of a comparison; returns the path of the page.

    Raises:
        ValueError: there is no run to report.
    """
    results = read_results(output)
    results = replace(results, pictures=draw_figures(results.records))
    write_figures(output / FIGURES_FOLDER, results.pictures)
    write_leaderboard(output)
    page = output / REPORT_FILE
    write_text(page, render_report(results))
    return page


def render_report(results: Results) -> str:
    """The page. Every text in it may come from data or file names; the template escapes all of them."""
    environment = Environment(
        autoescape=True,
        loader=PackageLoader("unfreeze.reports", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Where a line may end: behind a sign, but not inside of 66,955,010.
    environment.filters["pieces"] = lambda text: re.split(r"(?<=[,+:/])(?!\d{3})(?=.)", text)
    sections = [section for make in SECTIONS if (section := make(results)).blocks]
    return environment.get_template("template.html").render(
        title=_title(results), facts=_facts(results), sections=sections
    )


def _title(results: Results) -> str:
    name = (results.comparison.get("data") or {}).get("name")
    return f"How much to fine-tune: {name}" if name else "How much to fine-tune"


def _facts(results: Results) -> list[str]:
    """What was compared, in a few words each."""
    records, metric = results.records, selection_metric(results.records)
    models = list(dict.fromkeys(record.model_name for record in records))
    strategies, seeds = {record.strategy for record in records}, {record.seed for record in records}
    facts = [", ".join(dict.fromkeys(record.task for record in records)), ", ".join(models)]
    facts += [_plural(len(strategies), "strategy", "strategies"), _plural(len(seeds), "seed", "seeds")]
    facts += [f"selected by validation {metric.replace('_', ' ')}"] if metric else []
    sizes = (results.comparison.get("data") or {}).get("sizes") or {}
    if sizes.get("train"):
        facts.append(f"{quantities.count(sizes['train'])} training examples")
    return facts


def _plural(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
