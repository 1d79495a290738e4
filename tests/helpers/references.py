"""References of the documentation to code: `linear/_loss.py::contrastive_loss_matrix`."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import sklearn_contrastive

ROOT = Path(__file__).parents[2]
PACKAGE = Path(sklearn_contrastive.__file__).parent  # of the checkout, or installed


class Reference(NamedTuple):
    """A file, and the qualified name of a definition in it, "" for the whole file."""

    path: str
    name: str

    @property
    def file(self):
        """Where the file is: tests are in tests/, benchmarks in benchmarks/, the rest is ours."""
        if self.path.startswith("benchmarks/"):
            return ROOT / self.path
        is_test = Path(self.path).name.startswith("test_")
        return (ROOT / "tests" if is_test else PACKAGE) / self.path

    @property
    def exists(self):
        """Whether the file is there and defines the name."""
        return self.file.is_file() and (not self.name or self.name in defined_in(self.file))


def cells_of(row):
    """Return the cells of a row, divided by " | "."""
    return [cell.strip() for cell in row.split(" | ")]


def references_in(cell):
    """Return the references between backquotes; the cell must hold nothing else."""
    assert re.fullmatch(r"(`[^`]+` ?)+", cell), cell
    return [Reference(*text.partition("::")[::2]) for text in re.findall(r"`([^`]+)`", cell)]


@cache
def defined_in(file):
    """Return the qualified names of the functions, classes and methods of a file."""
    names = set()

    def visit(node, prefix):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                names.add(prefix + child.name)
                visit(child, f"{prefix}{child.name}.")

    visit(ast.parse(file.read_text(encoding="utf-8")), "")
    return names
