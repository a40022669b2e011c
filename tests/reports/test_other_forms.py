"""The report as Markdown and its tables as LaTeX: everything in them is text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt  # comes with rich

from unfreeze.reports.blocks import Section, Table
from unfreeze.reports.document import write_report
from unfreeze.reports.latex import latex_text, to_latex
from unfreeze.reports.markdown import markdown_report

EVIL = "x\\input{/etc/passwd}%$_^~#&\\\\[1em]`?--<b>|*[a](b)\n# h\n- l\u202e"
COMMANDS = {"begin", "end", "centering", "caption", "label", "toprule", "midrule", "bottomrule", "textbf", "pm", "cdot"}
COMMANDS |= {"textbackslash", "textasciicircum", "textasciitilde", "textless", "textgreater", "textbar", "char"}
COMMANDS |= {"resizebox", "ifdim", "width", "linewidth", "else", "fi", "rotatebox"}


@pytest.fixture(scope="module")
def hostile_folder(make_records, write_comparison, every_key, tmp_path_factory):
    records = [
        replace(one, strategy=one.strategy + EVIL, breakdown={EVIL: {"f1": 0.5, "recall": 0.4, "support": 3}})
        for one in make_records(4, 2)
    ]
    keys = every_key()
    keys["recommendation"]["reasons"] = [EVIL]
    output = write_comparison(tmp_path_factory.mktemp("other"), records, **keys)
    write_report(output)
    return output / "report"


def test_markdown_has_the_sections_of_the_page(hostile_folder):
    text = (hostile_folder / "report.md").read_text(encoding="utf-8")
    titles = re.findall(r"<h2>(.*?)</h2>", (hostile_folder / "index.html").read_text(encoding="utf-8"))
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == titles
    for name in re.findall(r"\]\((figures/[a-z-]+\.png)\)", text):
        assert (hostile_folder / name).is_file()
    assert text.count("](figures/") == len(list((hostile_folder / "figures").glob("*.png")))


def test_markdown_sets_words_to_the_left_and_has_no_cell_of_two_lines():
    table = Table(["part", "what", "n"], [["a", "2e-5\n50 %", "7"], ["b", "x" * 200, "8"]], texts=frozenset({1}))
    lines = markdown_report("t", [], [Section("s", [table])]).splitlines()[-4:]
    assert lines[1].split(" | ")[1].startswith(":---") and lines[1].endswith("--: |")
    assert "| 2e-5, 50 % " in lines[2] and len(lines[2]) < 90  # a very long cell makes the others no longer


def test_markdown_from_data_is_text(hostile_folder):
    text = (hostile_folder / "report.md").read_text(encoding="utf-8")
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    inline = {child.type for token in tokens for child in token.children or ()}
    assert inline <= {"text", "text_special", "strong_open", "strong_close", "image", "softbreak"}
    assert {token.type for token in tokens if token.type.startswith(("html", "fence", "ordered"))} == set()
    headings = [token.tag for token in tokens if token.type == "heading_open"]
    assert headings.count("h1") == 1
    assert "\u202e" not in text


def test_latex_from_data_is_text(hostile_folder):
    files = list((hostile_folder / "tables").iterdir())
    assert len(files) >= 4
    for file in files:
        text = file.read_text(encoding="utf-8").split("\n", 1)[1]  # below the line that names the package
        bare = re.sub(r"\\[\\{}$&#%_]", "", text)
        assert set(re.findall(r"\\([A-Za-z]+)", bare)) <= COMMANDS
        assert bare.count("{") == bare.count("}")
        assert "%" not in bare and "#" not in bare and "~" not in bare
        rows = [line for line in text.splitlines() if line.endswith(r" \\")]
        assert len({len(re.findall(r"(?<!\\)&", line)) for line in rows}) == 1


def test_latex_of_a_table():
    made = to_latex(["a", "b"], [["x_1", "0.5 ± 0.1"]], caption="50 %", label="my table", bold={(0, 1)})
    assert made.splitlines()[0] == r"% needs \usepackage{booktabs,graphicx}"
    assert r"\usepackage[T1]{fontenc}" in to_latex(["a"], [["«日本»"]]).splitlines()[0]
    assert made.splitlines()[1:] == [
        r"\begin{table}",
        r"  \centering",
        r"  \caption{50 \%}",
        r"  \label{tab:my-table}",
        r"  \resizebox{\ifdim\width>\linewidth \linewidth\else \width\fi}{!}{\begin{tabular}{lr}",
        r"    \toprule",
        r"    a & b \\",
        r"    \midrule",
        r"    x\_1 & \textbf{0.5 $\pm$ 0.1} \\",
        r"    \bottomrule",
        r"  \end{tabular}}",
        r"\end{table}",
    ]
    assert r" & \rotatebox{60}{a long name of a strategy} & b \\" in to_latex(
        ["", "a long name of a strategy", "b"], [["", "", ""]]
    )


def test_a_cell_is_never_an_option_of_the_line_before():
    assert latex_text("[1em]*").startswith("{[}")
    assert latex_text("a--b") == "a{-}{-}b"
