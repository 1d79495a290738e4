"""Tables as text, Markdown and reStructuredText."""

import csv
import io
import textwrap


def text_table(rows, columns=None):
    """Text table of a list of dicts, numbers to three decimals, numbers flushed right."""
    columns = columns or list(rows[0])
    cells = [[cell(row.get(column)) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    right = [isinstance(rows[0].get(column), int | float) for column in columns]
    lines = [columns, ["-" * width for width in widths], *cells]
    return "\n".join(
        "  ".join(
            text.rjust(width) if flush else text.ljust(width)
            for text, width, flush in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def markdown_table(rows, columns=None):
    """Markdown table of a list of dicts, numbers to three decimals."""
    columns = columns or list(rows[0])
    lines = [[cell(row.get(column)).replace("|", "\\|") for column in columns] for row in rows]
    return markdown(columns, lines)


def markdown(columns, lines):
    """Markdown table of lines of strings."""
    rows = [columns, ["---"] * len(columns), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def restructured(columns, lines):
    """reStructuredText table of lines of strings, one line each."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *lines])
    head = ".. csv-table::\n   :class: measured\n   :header-rows: 1\n   :widths: auto\n\n"
    return head + textwrap.indent(text.getvalue(), "   ") + "\n"


def print_targets(missed):
    """Print each target, and the cells that miss it."""
    for target, cells in missed.items():
        print(f"{target}: {'NO: ' + '; '.join(cells) if cells else 'yes'}")


def cell(value):
    """One cell: None is empty, a float has three decimals."""
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
