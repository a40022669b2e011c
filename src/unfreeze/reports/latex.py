"""Tables for papers, in the style of the package booktabs. Everything in a cell is text, never a command."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from unfreeze.storage.foreign_text import visible

_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\char96{}",
    # Braces keep neighbours from becoming another sign ("--" a dash) and a cell from being read as an option of the
    # line end before it.
    "'": "{'}",
    "-": "{-}",
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "·": r"$\cdot$",
}

_NEEDS = "% needs \\usepackage{booktabs,graphicx}"
_LONG = 16  # letters: a longer heading of a column stands aslant
# As wide as it is, or as the text where that is narrower.
_NO_WIDER = r"\resizebox{\ifdim\width>\linewidth \linewidth\else \width\fi}{!}{"
# The same from top to bottom, for a table with so many rows that it could be longer than a page.
_NO_HIGHER = r"\resizebox*{!}{\ifdim\totalheight>0.9\textheight 0.9\textheight\else \totalheight\fi}{"
_MANY = 40  # rows
_NEEDS_BEYOND_ASCII = ", \\usepackage[T1]{fontenc}, and for scripts other than Latin lualatex and a font that has them"


def to_latex(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str = "",
    label: str = "",
    texts: Collection[int] = (),
    bold: Collection[tuple[int, int]] = (),
) -> str:
    """A whole `table` environment no wider than the text; it needs `\\usepackage{booktabs,graphicx}`.

    Args:
        label: for `\\ref`; only letters, digits and hyphens of it are kept.
        texts: columns set to the left besides the first.
        bold: (row, column) of the cells to set in bold, counted from 0.
    """
    sides = "".join("l" if i == 0 or i in texts else "r" for i in range(len(header)))
    body = [
        [
            f"\\textbf{{{latex_text(cell)}}}" if (i, j) in bold and cell else latex_text(cell)
            for j, cell in enumerate(row)
        ]
        for i, row in enumerate(rows)
    ]
    long = len(rows) > _MANY
    lines = [
        "\\begin{table}",
        "  \\centering",
        *([f"  \\caption{{{latex_text(caption)}}}"] if caption else []),
        *([f"  \\label{{tab:{name}}}"] if (name := re.sub(r"[^A-Za-z0-9-]+", "-", label)) else []),
        *([f"  {_NO_HIGHER}%"] if long else []),
        f"  {_NO_WIDER}\\begin{{tabular}}{{{sides}}}",
        "    \\toprule",
        "    " + _line([_heading(cell) if i else latex_text(cell) for i, cell in enumerate(header)]),
        "    \\midrule",
        *("    " + _line(row) for row in body),
        "    \\bottomrule",
        "  \\end{tabular}}" + "}" * long,
        "\\end{table}",
    ]
    table = "\n".join(lines) + "\n"
    return _NEEDS + ("" if table.isascii() else _NEEDS_BEYOND_ASCII) + "\n" + table


def latex_text(text: str) -> str:
    """Text on one line in which no character is a command.

    >>> print(latex_text("50 % of \\\\input{x} & $a_1$"))
    50 \\% of \\textbackslash{}input\\{x\\} \\& \\$a\\_1\\$
    >>> print(latex_text("0.9123 ± 0.0040"), latex_text("-0.01"))
    0.9123 $\\pm$ 0.0040 $-$0.01
    """
    line = " ".join(visible(text).split())
    found = "".join(_SIGNS.get(sign, sign) for sign in line)
    return re.sub(r"(?<![\w}])\{-\}(?=[\d.])", "$-$", found)  # before a number it is a minus


def _heading(cell: str) -> str:
    text = latex_text(cell)
    return rf"\rotatebox{{60}}{{{text}}}" if len(cell) > _LONG else text


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
