"""Examples of the gallery: their form. The documentation build runs them."""

import ast
import re

import pytest
from helpers.references import ROOT
from sklearn import datasets

FOLDER = ROOT / "examples"
EXAMPLES = sorted(FOLDER.rglob("plot_*.py"))
LONGEST_TITLE = 40  # characters that fit on two lines of a card of the gallery
# datasets of scikit-learn that need a network
ONLINE = {name for name in datasets.__all__ if name.startswith("fetch_")}
WRITERS = {"savefig", "save", "savez", "to_csv", "to_parquet", "write_text", "write_bytes", "dump"}


@pytest.fixture(params=EXAMPLES, ids=lambda path: path.stem)
def example(request):
    return request.param


@pytest.fixture
def text(example):
    return example.read_text(encoding="utf-8")


@pytest.fixture
def tree(text):
    return ast.parse(text)


def name_of(function):
    """Last name of what is called: savefig of figure.savefig(...)."""
    return getattr(function, "attr", getattr(function, "id", ""))


def names_called(tree):
    """Last names of all calls."""
    return [name_of(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_the_gallery_has_its_examples():
    folders = [path.parent.name for path in EXAMPLES]
    assert folders.count("linear") >= 14
    assert folders.count("theory") >= 2


@pytest.mark.parametrize("folder", ["", "images", "linear", "theory"])
def test_each_folder_has_a_header(folder):
    title, line = (FOLDER / folder / "GALLERY_HEADER.rst").read_text("utf-8").splitlines()[:2]
    assert set(line) <= {"=", "-"}
    assert len(line) == len(title)


def test_an_example_has_a_short_title_and_asks_a_question(tree):
    title, line, *rest = ast.get_docstring(tree).splitlines()
    assert set(line) == {"="}
    assert len(line) == len(title) <= LONGEST_TITLE
    assert any("?" in part for part in [title, *rest])


def test_titles_differ():
    titles = [
        ast.get_docstring(ast.parse(path.read_text("utf-8"))).split("\n")[0] for path in EXAMPLES
    ]
    assert len(set(titles)) == len(titles)


def test_an_example_says_what_to_do_before_the_code(tree):
    paragraphs = ast.get_docstring(tree).split("\n\n")
    assert len(paragraphs) >= 3  # title, question, what to do


def test_an_example_has_one_picture_which_is_shown(tree):
    called = names_called(tree)
    assert called.count("show") == 1


def test_text_stands_between_blocks_of_code(text):
    blocks = re.findall(r"(?m)^# %%\n# \S", text)
    assert len(blocks) == text.count("# %%") >= 2


def test_curves_of_a_loop_differ_in_more_than_colour(tree):
    for loop in (node for node in ast.walk(tree) if isinstance(node, ast.For)):
        for call in (node for node in ast.walk(loop) if isinstance(node, ast.Call)):
            keywords = {keyword.arg for keyword in call.keywords}
            if name_of(call.func) in {"plot", "semilogy", "loglog"} and "label" in keywords:
                names = {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}
                assert names & {"style", "marker"} or keywords & {"marker", "linestyle"}


def test_an_example_needs_no_network(tree):
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert not names & ONLINE
    modules = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not modules & {"urllib", "requests", "httpx", "socket"}


def test_an_example_writes_to_temporary_directories_only(text, tree):
    if WRITERS & set(names_called(tree)) or "open" in names_called(tree):
        assert "TemporaryDirectory" in text


def test_an_example_uses_public_names_only(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not any(part.startswith("_") for part in node.module.split("."))
            assert not any(alias.name.startswith("_") for alias in node.names)


def test_warnings_that_an_example_leaves_out_are_named(tree):
    """simplefilter("ignore") without a class would hide warnings of another kind."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name_of(node.func) in {"simplefilter", "filterwarnings"}:
            assert len(node.args) >= 2, ast.unparse(node)
        if isinstance(node, ast.Call) and name_of(node.func) == "catch_warnings":
            values = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert values.get("action") != "'ignore'" or "category" in values
