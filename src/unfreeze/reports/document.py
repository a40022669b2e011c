"""One HTML page that holds the whole report: no other file, no script, nothing from the network."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from unfreeze.reports import background_sections, cost_sections, data_sections, quantities, result_sections
from unfreeze.reports.blocks import Section
from unfreeze.reports.figures import draw_figures, write_figures
from unfreeze.reports.leaderboard import write_leaderboard
from unfreeze.reports.pair_section import pairs
from unfreeze.reports.plan_section import plan_against_actual
from unfreeze.reports.results import Results, read_results
from unfreeze.reports.search_section import learning_rates
from unfreeze.storage.atomic import write_text
from unfreeze.storage.folders import refuse_links
from unfreeze.storage.foreign_text import visible

REPORT_FILE = Path("report", "index.html")
FIGURES_FOLDER = Path("report", "figures")

# In order of the page. A new section is one function Results -> Section and one line here.
SECTIONS: tuple[Callable[[Results], Section], ...] = (
    result_sections.verdict,
    result_sections.layers,
    result_sections.scores,
    pairs,
    cost_sections.worth,
    cost_sections.time_to_quality,
    result_sections.figures,
    data_sections.more_data,
    background_sections.by_label,
    background_sections.further_tests,
    data_sections.examples_to_read,
    learning_rates,
    background_sections.what_trains,
    cost_sections.costs,
    plan_against_actual,
    background_sections.data,
    background_sections.reproduce,
)


def write_report(output: Path) -> Path:
    """Write `report/index.html` and `report/figures/` of a comparison; returns the path of the page.

    Raises:
        ValueError: there is no run to report.
        OutputError: a file is not what a comparison writes, or a link leads out of the folder.
    """
    refuse_links(output)
    results = read_results(output)
    results = replace(results, pictures=draw_figures(results))
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
        finalize=_seen,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Where a line may end: behind a sign, but not inside of 66,955,010.
    environment.filters["pieces"] = lambda text: re.split(r"(?<=[,+:/])(?!\d{3})(?=.)", text)
    sections = [section for make in SECTIONS if (section := make(results)).blocks]
    return environment.get_template("template.html").render(
        title=_title(results), facts=_facts(results), sections=sections
    )


def _seen(value: Any) -> Any:
    """What the template writes; a macro's result has been through here piece by piece."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _title(results: Results) -> str:
    name = (results.comparison.get("data") or {}).get("name")
    return f"How much to fine-tune: {name}" if name else "How much to fine-tune"


def _facts(results: Results) -> list[str]:
    """What was compared, in a few words each."""
    records = results.records
    models = list(dict.fromkeys(record.model_name for record in records))
    strategies, seeds = {record.strategy for record in records}, {record.seed for record in records}
    facts = [", ".join(dict.fromkeys(record.task for record in records)), ", ".join(models)]
    facts += [_plural(len(strategies), "strategy", "strategies"), _plural(len(seeds), "seed", "seeds")]
    facts += [f"selected by validation {results.metric.replace('_', ' ')}"] if results.metric else []
    budgets = list(dict.fromkeys(record.budget for record in records if record.budget))
    facts += [f"budget of each run: {', '.join(budgets)}"] if budgets else []
    sizes = (results.comparison.get("data") or {}).get("sizes") or {}
    if sizes.get("train"):
        facts.append(f"{quantities.count(sizes['train'])} training examples")
    return facts


def _plural(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
