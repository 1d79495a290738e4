"""The figures in the README and the documentation are those that the benchmarks printed."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[1]


def load_figures():
    """Import benchmarks/figures.py, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("figures", ROOT / "benchmarks" / "figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_readme_shows_the_committed_results():
    figures, readme = load_figures(), (ROOT / "README.md").read_text()
    assert figures.BEGIN in readme
    assert readme == figures.with_block(readme)


def test_the_page_of_measurements_shows_the_committed_results():
    figures = load_figures()
    assert figures.MEASURED.read_text() == figures.measured_page()
