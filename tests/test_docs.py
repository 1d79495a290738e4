"""Documentation: examples run, statements have checks, and the API reference is complete."""

import doctest
import importlib.util
import re

import pandas as pd
import pytest
from helpers.public_api import public_classes, public_objects
from helpers.references import ROOT, cells_of, references_in
from sklearn.base import clone
from sklearn.decomposition import PCA

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance

BUILT = ("_build", "generated", "auto_examples")
PAGES = sorted(
    path
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.rst")]
    if not set(BUILT) & set(path.parts)
)


README = ROOT / "README.md"
PAGES_WITH_PROMPTS = [page for page in PAGES if page != README]


def examples_of(page):
    """Return the examples of a page."""
    name = str(page.relative_to(ROOT))
    text = page.read_text(encoding="utf-8")
    return doctest.DocTestParser().get_doctest(text, {}, name, str(page), 0)


@pytest.mark.parametrize("page", PAGES_WITH_PROMPTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_on_the_page_run(page, capsys):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    results = doctest.DocTestRunner(optionflags=flags).run(examples_of(page), clear_globs=True)
    assert results.failed == 0, capsys.readouterr().out


# without prompts, so that GitHub's copy button copies code; each block runs on its own
READMES_BLOCKS = re.findall(
    r"(?ms)^```python\n(.*?)^```\n.*?^```text\n(.*?)^```", README.read_text(encoding="utf-8")
)


@pytest.mark.parametrize(("code", "printed"), READMES_BLOCKS, ids=["table", "comparison", "images"])
def test_examples_of_the_readme_print_what_it_says(code, printed, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("page", ["docs/index.rst", "docs/guide/replace_pca.rst"])
def test_introductory_pages_have_examples(page):
    assert len(examples_of(ROOT / page).examples) >= 5


def named_on(page, pattern):
    """Return all matches of a pattern on a page."""
    return re.findall(pattern, page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tests_and_benchmarks_that_a_page_names_exist(page):
    for file, name in named_on(page, r"(test_\w+\.py)::(test_\w+)"):
        found = list((ROOT / "tests").rglob(file))
        assert any(f"def {name}(" in path.read_text(encoding="utf-8") for path in found), name
    for file in named_on(page, r"benchmarks/[\w/]+\.\w+"):
        assert (ROOT / file).is_file(), file
    for module in named_on(page, r"\bbenchmarks(?:\.\w+)+"):
        assert importlib.util.find_spec(module), module


THEORY = (ROOT / "docs" / "theory.rst").read_text(encoding="utf-8")


def statements_of_the_theory():
    """Return the rows of the tables of the theory page as (statement, sources, checks)."""
    tables = re.findall(r"(?m)^\.\. checks::\n\n((?: {3}\S.*\n)+)", THEORY)
    return [cells_of(row) for table in tables for row in table.splitlines()]


@pytest.mark.parametrize("row", statements_of_the_theory(), ids=lambda row: row[0])
def test_sources_and_checks_of_the_theory_page_exist(row):
    statement, sources, checks = row
    assert statement
    assert [each for each in references_in(sources) if not each.exists] == []
    assert [each for each in references_in(checks) if not each.exists] == []
    for each in references_in(checks):
        assert each.name.startswith("test_") or each.path.startswith("benchmarks/theory/")


def test_the_theory_page_names_tests_in_tables_only():
    assert len(statements_of_the_theory()) >= 25
    assert "::test_" not in re.sub(r"(?m)^ {3}.*\|.*$", "", THEORY)
    named = set(re.findall(r"benchmarks[./]theory[./](\w+)", THEORY))
    assert named >= {"recovery", "downstream_risk", "labels", "limits", "real_data"}


def listed_in_the_reference():
    """Return the qualified names that the autosummary tables of the API reference list."""
    text = (ROOT / "docs" / "api.rst").read_text(encoding="utf-8")
    entries = re.findall(r"(?m)^ {3}([A-Za-z_]+(?:\.[A-Za-z_]+)*)$", text)
    return {f"sklearn_contrastive.{entry}" for entry in entries}


def test_the_reference_lists_every_public_object_and_nothing_else():
    assert listed_in_the_reference() == set(public_objects())


@pytest.mark.parametrize(
    "name", [name for name, offered in public_classes().items() if hasattr(offered, "fit")]
)
def test_the_html_view_links_to_a_page_of_the_reference(name):
    address = public_classes()[name]()._get_doc_link()
    assert address.endswith(f"/api/generated/{name}.html")
    assert name in listed_in_the_reference()


def surface(estimator):
    """Return the parameters, fitted attributes and public methods of an estimator."""
    X, _ = make_spiked_covariance(200, 10, 2, signal=3.0, random_state=0)
    fitted = clone(estimator).fit(pd.DataFrame(X, columns=list("abcdefghij")))
    methods = {
        name
        for name in dir(estimator)
        if not name.startswith("_")
        and callable(getattr(type(estimator), name, None))
        and not re.fullmatch(r"set_\w+_request|get_metadata_routing|set_callbacks", name)
    }
    attributes = {name for name in vars(fitted) if re.fullmatch(r"[a-z]\w*_", name)}
    return set(estimator.get_params()) | attributes | methods


@pytest.mark.parametrize("estimator", [PCA(2), LinearContrastive(2)], ids=["PCA", "ours"])
def test_the_migration_guide_covers_every_parameter_attribute_and_method(estimator):
    guide = (ROOT / "docs" / "guide" / "replace_pca.rst").read_text(encoding="utf-8")
    missing = {name for name in surface(estimator) if f"``{name}``" not in guide}
    assert not missing
