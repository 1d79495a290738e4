"""The README and docs/measured show the committed records of the benchmarks."""

import json
import re

import pytest
from PIL import Image

from benchmarks._common.record import ROOT
from benchmarks.report import page as report_page
from benchmarks.report import page_cifar10, page_gpu, records
from benchmarks.report.page import FOLDER, Section
from benchmarks.report.pages import BEGIN, README, all_pages, pictures, with_block, written
from benchmarks.report.records import against, results, span

PAGES = [page for pages in all_pages().values() for page in pages]
PICTURES = pictures()
RECORDS = {
    f"{path.parts[-3]}.{path.stem}"
    for path in (ROOT / "benchmarks").glob("*/results/*.json")
    if not path.stem.endswith("_quick")
}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
each_picture = pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.path.stem)


def test_readme_shows_the_committed_results():
    readme = README.read_text(encoding="utf-8")
    assert BEGIN in readme
    assert readme == with_block(readme)


def test_readme_has_the_measured_sizes_of_the_installation():
    readme = README.read_text(encoding="utf-8")
    for row in results("images.install_size")["rows"]:
        assert f"{row['total'] / 1000:.1f} GB" in readme


def test_pages_are_those_that_the_report_writes():
    pages = {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.rst")}
    assert pages == written()


def test_every_record_is_on_a_page():
    shown = [record for page in PAGES for record in page.records]
    assert set(shown) == RECORDS
    assert set(shown) == {section.record for page in PAGES for section in page.sections}


@each_page
def test_pages_begin_with_a_verdict_and_a_picture(page):
    title, underline, _, verdict, *_ = page.text().split("\n")
    assert (title, set(underline)) == (page.title, {"="})
    assert verdict.startswith("**")
    before_conditions = page.text().partition(page.conditions[:20])[0]
    assert 1 <= before_conditions.count(".. image::") <= 2


@each_page
def test_the_first_sentence_of_a_verdict_has_numbers_and_fits_on_a_line(page):
    assert re.search(r"\d", page.headline)
    assert len(page.headline) <= 95
    assert page.headline.endswith(".")
    assert page.verdict.endswith(".")
    assert len(page.verdict) <= 330


@each_page
def test_pages_are_short(page):
    assert len(page.text().splitlines()) <= 400


@each_page
def test_tables_are_folded(page):
    for line in page.text().splitlines():
        if line.lstrip().startswith(".. csv-table::"):
            assert line.startswith("   ")


@each_picture
def test_pictures_have_the_numbers_of_their_record(picture):
    with Image.open(picture.path) as image:
        assert image.info["Source"] == picture.source
        assert image.width <= 1000
    assert picture.path.stat().st_size < 100_000


@each_picture
def test_pictures_have_an_alternative_text(picture):
    assert len(picture.alt) > 40
    assert "\n" not in picture.alt


def test_no_two_pictures_are_one_file():
    paths = [picture.path for picture in PICTURES]
    assert len(set(paths)) == len(paths)


def test_a_picture_drawn_twice_has_the_same_bytes(tmp_path):
    picture = PAGES[0].pictures[0]
    for name in ("first.png", "second.png"):
        picture.write(tmp_path / name)
    first, second = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert first == second


def test_every_page_is_in_the_overview():
    overview = written()[FOLDER / "index.rst"]
    for page in PAGES:
        assert f":doc:`{page.title} <{page.name}>`\n   {page.headline}\n" in overview
        assert overview.count(f"\n   {page.name}\n") == 1 or overview.endswith(f"   {page.name}\n")


@pytest.mark.parametrize(
    ("ours", "rival", "higher", "word"),
    [
        (0.7, 0.6, True, "ahead of"),
        (0.7, 0.6, False, "behind"),
        (0.6, 0.7, True, "behind"),
        (0.6, 0.7, False, "ahead of"),
        (0.6001, 0.6004, True, "level with"),
    ],
)
def test_words_follow_the_rounded_numbers(ours, rival, higher, word):
    found, numbers = against(ours, rival, higher=higher)
    assert found == word
    assert numbers == f"({ours:.3f} against {rival:.3f})"


def card_record(results, **settings):
    """A record as one of a GPU, to be read by a page."""
    return {
        "command": "python -m benchmarks.some",
        "date": "2026-01-01",
        "versions": {"numpy": "2.4", "scikit-learn": "1.9", "torch": "2.14"},
        "machine": {"processor": "A processor", "cores": 2, "gpu": "A card"},
        "settings": settings,
        "seeds": [0],
        "results": results,
    }


GOAL = {"section": "SimCLR epoch", "what": "seconds of an epoch", "target": 6.0, "at_most": True}
EPOCH = {"status": "done", "seconds": 40.0, "epoch s": 2.5, "step over encoder": 1.1}
FAILED = {"status": "failed", "seconds": 1.0, "reason": "an error"}
CARD_RECORDS = {
    (page_gpu, "gpu", "gpu_a_card"): card_record(
        {
            "goals": [
                GOAL | {"measured": 2.5, "met": True},
                GOAL | {"what": "accuracy", "measured": 0.9, "at_most": False, "met": False},
                GOAL | {"what": "waits", "measured": 0.0, "target": 0, "met": True},
            ],
            "sections": {"SimCLR epoch": EPOCH, "tests": FAILED},
        }
    ),
    (page_gpu, "gpu", "gpu_b_card"): card_record({"goals": [], "sections": {"tests": FAILED}}),
    (page_cifar10, "images", "cifar10_a_card"): card_record(
        {
            "scores": {"SimCLREmbedder": [{"kNN": 0.83, "linear": 0.85, "epoch s": 3.0}]},
            "published": {"kNN": 0.832},
        },
        epochs=100,
    ),
}


@pytest.fixture
def card_records(tmp_path, monkeypatch):
    """The folder of records of GPUs, in place of the committed ones."""
    for (_, folder, stem), record in CARD_RECORDS.items():
        path = tmp_path / "benchmarks" / folder / "results" / f"{stem}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))
        path.with_name(f"{stem}_quick.json").write_text("{}")
    for module in (records, report_page):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    records.read.cache_clear()
    yield tmp_path
    records.read.cache_clear()


@pytest.mark.parametrize("module", [page_gpu, page_cifar10])
def test_a_record_of_a_gpu_makes_a_page(module, card_records):
    page = module.page()
    of_module = {f"{folder}.{stem}" for each, folder, stem in CARD_RECORDS if each is module}
    assert page.records == of_module
    test_the_first_sentence_of_a_verdict_has_numbers_and_fits_on_a_line(page)
    test_pages_begin_with_a_verdict_and_a_picture(page)
    test_tables_are_folded(page)
    assert "A card, A processor, 2 cores" in page.text().replace("\n", " ")
    for picture in page.pictures:
        picture.write()
        test_pictures_have_the_numbers_of_their_record(picture)


@pytest.mark.parametrize("module", [page_gpu, page_cifar10])
def test_without_a_record_of_a_gpu_there_is_no_page(module, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "ROOT", tmp_path)
    assert module.page() is None


def test_a_span_of_equal_values_is_one_value():
    assert span([1.001, 1.0]) == "1.00"
    assert span([1.2, 0.9]) == "0.90 to 1.20"


def test_sections_have_no_folded_parts_unless_given():
    assert Section("A heading", "linear.speed").folded == {}
