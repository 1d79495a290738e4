"""The check of the built site finds broken links, missing anchors and pictures without a text."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "check_site.py"


@pytest.fixture(scope="module")
def check_site():
    specification = importlib.util.spec_from_file_location("check_site", SCRIPT)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def site(tmp_path):
    (tmp_path / "_images").mkdir()
    (tmp_path / "guide").mkdir()
    (tmp_path / "_images" / "plot.png").touch()
    (tmp_path / "guide" / "page.html").write_text('<h2 id="part">Part</h2>')
    return tmp_path


def problems(check_site, site, body):
    (site / "index.html").write_text(body)
    return list(check_site.problems_of(site))


@pytest.mark.parametrize(
    "body",
    [
        '<a href="guide/page.html#part">part</a>',
        '<a href="#top" id="top">top</a>',
        '<a href="https://example.org/nothing">elsewhere</a>',
        '<img src="_images/plot.png" alt="scores">',
        '<img src="_images/plot.png" srcset="_images/plot.png, _images/plot.png 2x" alt="scores">',
        '<img src="_images/plot.png" alt="scores"><img src="guide/page.html" alt="">',
    ],
)
def test_a_sound_page_has_no_problem(check_site, site, body):
    assert problems(check_site, site, body) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="nowhere.html">x</a>', "nowhere.html: no such file"),
        ('<a href="guide/page.html#other">x</a>', "guide/page.html#other: no such anchor"),
        ('<script src="missing.js"></script>', "missing.js: no such file"),
        ('<img src="_images/lost.png" alt="x">', "_images/lost.png: no such file"),
        (
            '<img src="_images/plot.png" srcset="_images/lost.png 2x" alt="x">',
            "_images/lost.png: no such file",
        ),
        ('<img src="_images/plot.png">', "_images/plot.png: no alternative text"),
        ('<img src="_images/plot.png" alt=" ">', "_images/plot.png: no alternative text"),
    ],
)
def test_a_problem_is_named_with_its_page(check_site, site, body, problem):
    assert problems(check_site, site, body) == [f"index.html: {problem}"]


def test_pages_of_code_are_targets_only(check_site, site):
    (site / "source").mkdir()
    (site / "source" / "module.html").write_text('<span id="fit"></span><a href="lost.html">x</a>')
    assert problems(check_site, site, '<a href="source/module.html#fit">fit</a>') == []


def test_a_folder_without_a_site_says_how_to_build_it(check_site, tmp_path, capsys):
    assert check_site.main(tmp_path) == 1
    assert "make docs" in capsys.readouterr().out


def test_the_exit_status_counts(check_site, site):
    problems(check_site, site, "<p>sound</p>")
    assert check_site.main(site) == 0
    problems(check_site, site, '<a href="lost.html">x</a>')
    assert check_site.main(site) == 1
