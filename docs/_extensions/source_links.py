"""Pages of highlighted source, links to them, and the tables of the theory page and formula map.

A reference `linear/_loss.py::contrastive_loss_matrix` is a definition in the package. A file
`test_*.py` is in `tests/`; `benchmarks/...` is a path from the root. The build fails on a reference
to nothing.
"""

import inspect
import posixpath
import re
from functools import cache
from importlib import import_module
from pathlib import Path

from docutils import nodes
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective, SphinxRole

ROOT = Path(__file__).parents[2]
FOLDERS = ("sklearn_contrastive", "tests", "benchmarks")
PAGES = "source"  # folder of the pages in the built site


def located(path):
    """Path from the root of the repository, of a path as the documentation writes it."""
    if path.startswith("benchmarks/"):
        return path
    folder = "tests" if posixpath.basename(path).startswith("test_") else "sklearn_contrastive"
    return f"{folder}/{path}"


@cache
def definitions(path):
    """First line of each class, function and method of a file, by its qualified name."""
    code = (ROOT / path).read_text(encoding="utf-8")
    tags = ModuleAnalyzer.for_string(code, path).find_tags()
    return {name: first for name, (_, first, _) in tags.items()}


def page_of(path):
    """Name of the page that shows a file."""
    return f"{PAGES}/{path.removesuffix('.py')}"


class SourceRole(SphinxRole):
    """Link to a file, or to a definition in it: `path` or `path::name`."""

    def run(self):
        path, _, name = self.text.partition("::")
        located_path = located(path)
        if not (ROOT / located_path).is_file():
            return self._problem(f"no file {located_path}")
        if name and name not in definitions(located_path):
            return self._problem(f"no {name} in {located_path}")
        folder = posixpath.dirname(self.env.current_document.docname)
        uri = posixpath.relpath(page_of(located_path), folder or ".") + ".html"
        text = nodes.literal()
        for part in re.split(r"(?<=[_./])(?=\w)", name or path):  # long names break at these
            text += [nodes.Text(part), nodes.raw("", "<wbr>", format="html")]
        target = f"{uri}#{name}" if name else uri
        return [nodes.reference("", "", text, refuri=target, reftitle=located_path)], []

    def _problem(self, what):
        message = self.inliner.reporter.error(f":source: finds {what}", line=self.lineno)
        return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]


class Checks(SphinxDirective):
    """Table of statements with their sources and checks: one line each, cells divided by |."""

    has_content = True

    def run(self):
        return self.parse_text_to_nodes("\n".join(table("Statement", self.content)))


class FormulaMap(SphinxDirective):
    """The tables of the section "Formula map" of CONTRIBUTING.md."""

    def run(self):
        contributing = ROOT / "CONTRIBUTING.md"
        self.env.note_dependency(str(contributing))
        text = contributing.read_text(encoding="utf-8")
        section = re.search(r"(?ms)^## Formula map\n(.*?)(?=^## |\Z)", text)[1]
        lines = []
        for part in section.split("\n### ")[1:]:
            heading, *rest = part.splitlines()
            rows = [line.strip("| ") for line in rest if re.match(r"\| (?!Formula or|---)", line)]
            lines += [heading, "-" * len(heading), "", *table("Formula or algorithm", rows), ""]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def table(subject, rows):
    """Table in reStructuredText, with links, from rows `subject | sources | checks`."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 26 35 39"]
    lines += ["   :class: references", "", f"   * - {subject}", "     - Source", "     - Check"]
    for row in rows:
        statement, sources, checks = (cell.strip() for cell in row.split(" | "))
        lines += [f"   * - {statement}", *as_cell(sources), *as_cell(checks)]
    return lines


def as_cell(references):
    """Cell with a link for each reference between backquotes, and the file below its name."""
    lines = []
    for reference in re.findall(r"`([^`]+)`", references):
        path, _, name = reference.partition("::")
        lines += [f"| :source:`{reference}`", f"| {path}"] if name else [f"| :source:`{path}`"]
    return [f"     {' ' if i else '-'} {line}" for i, line in enumerate(lines)]


def source_pages(app):
    """Yield one page of highlighted code for each file."""
    if app.builder.format != "html":
        return
    for file in sorted(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        code = file.read_text(encoding="utf-8")
        html = app.builder.highlighter.highlight_block(code, "python")
        before, lines = html.split("<pre>", 1)
        lines = lines.split("\n")
        for name, first in definitions(path).items():
            lines[first - 1] = f'<span id="{name}"></span>' + lines[first - 1]
        body = f"<h1>{path}</h1>{before}<pre>" + "\n".join(lines)
        yield page_of(path), {"title": path, "body": body}, "page.html"


def linkcode_resolve(domain, info):
    """Address of the source of an object of the API reference, whose pages lie in api/generated."""
    try:
        found = import_module(info["module"])
        for part in info["fullname"].split("."):
            found = getattr(found, part)
        found = inspect.unwrap(getattr(found, "fget", None) or found)
        path = Path(inspect.getsourcefile(found)).relative_to(ROOT).as_posix()
    except (AttributeError, TypeError, ValueError):  # attributes, and what others have defined
        return None
    if not path.startswith(FOLDERS) or found.__qualname__ not in definitions(path):
        return None
    return f"../../{page_of(path)}.html#{found.__qualname__}"


def setup(app):
    app.add_role("source", SourceRole())
    app.add_directive("checks", Checks)
    app.add_directive("formula-map", FormulaMap)
    app.connect("html-collect-pages", source_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
