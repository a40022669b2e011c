"""The report of a comparison: one HTML page, and the same as Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from unfreeze.reports import background_sections, cost_sections, data_sections, quantities, result_sections
from unfreeze.reports.blocks import Section, Table
from unfreeze.reports.confusion_section import confusions
from unfreeze.reports.figures import draw_figures, write_figures
from unfreeze.reports.latex import to_latex
from unfreeze.reports.leaderboard import write_leaderboard
from unfreeze.reports.markdown import markdown_report
from unfreeze.reports.metrics_section import every_metric
from unfreeze.reports.page import render_page
from unfreeze.reports.pair_section import pairs
from unfreeze.reports.plan_section import plan_against_actual
from unfreeze.reports.results import Results, read_results
from unfreeze.reports.search_section import learning_rates
from unfreeze.reports.speed_section import answering_speed
from unfreeze.reports.trained_section import what_trains
from unfreeze.storage.atomic import write_text
from unfreeze.storage.folders import refuse_links, slug

REPORT_FILE = Path("report", "index.html")
MARKDOWN_FILE = Path("report", "report.md")
FIGURES_FOLDER = Path("report", "figures")
TABLES_FOLDER = Path("report", "tables")

FOOTER = (
    "Written by unfreeze from the records of the runs. Beside this page: report.md, figures/ (SVG and PNG) and tables/ "
    "(LaTeX)."
)

# In order of the page. A new section is one function Results -> Section and one line here.
SECTIONS: tuple[Callable[[Results], Section], ...] = (
    result_sections.verdict,
    result_sections.layers,
    result_sections.scores,
    pairs,
    cost_sections.worth,
    cost_sections.time_to_quality,
    result_sections.figures,
    result_sections.convergence,
    answering_speed,
    data_sections.more_data,
    every_metric,
    background_sections.by_label,
    confusions,
    background_sections.further_tests,
    data_sections.examples_to_read,
    learning_rates,
    what_trains,
    cost_sections.costs,
    plan_against_actual,
    background_sections.data,
    background_sections.reproduce,
)


def write_report(output: Path) -> Path:
    """Write `report/` of a comparison: `index.html`, `report.md`, `figures/` and `tables/`; returns the page's path.

    Raises:
        ValueError: there is no run to report.
        OutputError: a file is not what a comparison writes, or a link leads out of the folder.
    """
    refuse_links(output)
    results = read_results(output)
    results = replace(results, pictures=draw_figures(results))
    write_figures(output / FIGURES_FOLDER, results.pictures)
    write_leaderboard(output, results)
    sections = sections_of(results)
    write_text(output / MARKDOWN_FILE, markdown_report(_title(results), _facts(results), sections))
    for name, text in _tables_for_papers(sections).items():
        write_text(output / TABLES_FOLDER / f"{name}.tex", text)
    page = output / REPORT_FILE
    write_text(page, render_report(results, sections))
    return page


def _tables_for_papers(sections: Sequence[Section]) -> dict[str, str]:
    """File name, without its ending -> LaTeX of each table that has a name."""
    files: dict[str, str] = {}
    for table in (block for section in sections for block in section.blocks if isinstance(block, Table) and block.name):
        kept = table.paper or range(len(table.header))
        name = slug(table.name)
        files[name if name not in files else f"{name}-{len(files) + 1}"] = to_latex(
            [table.header[i] for i in kept],
            [[row[i] for i in kept] for row in table.rows],
            caption=table.heading,
            label=name,
            texts={place for place, i in enumerate(kept) if i in table.texts},
            bold={
                (row, place)
                for place, i in enumerate(kept)
                for row in range(len(table.rows))
                if (row, i) in table.marked
            },
        )
    return files


def render_report(results: Results, sections: Sequence[Section] | None = None) -> str:
    """The page. Every text in it may come from data or file names; the template escapes all of them.

    Args:
        sections: what `sections_of` made of the results, where that is there already.
    """
    sections = sections_of(results) if sections is None else sections
    return render_page(_title(results), _facts(results), sections, FOOTER, "unfreeze comparison")


def sections_of(results: Results) -> list[Section]:
    """The sections that have something to say."""
    return [section for make in SECTIONS if (section := make(results)).blocks]


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
