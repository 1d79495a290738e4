"""Links around pictures: to the full size, once each."""

import importlib.util

from helpers.references import ROOT
from PIL import Image

SPEC = importlib.util.spec_from_file_location(
    "picture_links", ROOT / "docs" / "_extensions" / "picture_links.py"
)
picture_links = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(picture_links)

EXAMPLE = (
    '<img src="../_images/p_001.png" srcset="../_images/p_001.png, ../_images/p_001_2_00x.png '
    '2.00x" alt="two, curves" class = "sphx-glr-single-img"/>'
)
BENCHMARK = '<img alt="one curve" src="../_images/speed.png" style="width: 520px;" />'
OTHER = '<a href="x.html"><img alt="a figure" src="_images/p_001.png" /></a>'


def test_a_picture_of_an_example_links_to_its_sharper_file():
    link = f'<a class="picture-box" href="../_images/p_001_2_00x.png">{EXAMPLE}</a>'
    assert picture_links.linked(f"<p>{EXAMPLE}</p>{EXAMPLE}") == f"<p>{link}</p>{link}"


def test_a_picture_of_a_benchmark_links_to_its_file():
    link = f'<a class="picture-box" href="../_images/speed.png">{BENCHMARK}</a>'
    assert picture_links.linked(BENCHMARK + OTHER) == link + OTHER


def test_wide_pictures_of_the_gallery_are_marked():
    wide, narrow = (f'<img alt="" src="../_images/sphx_glr_plot_{n}_001.png" />' for n in "ab")
    widths = {"sphx_glr_plot_a_001.png": 900, "sphx_glr_plot_b_001.png": 650}
    marked = picture_links.marked(wide + narrow + BENCHMARK, widths)
    assert marked == wide.replace("<img ", "<img data-wide ") + narrow + BENCHMARK


def test_widths_are_read_from_the_files(tmp_path):
    folder = tmp_path / "auto_examples" / "linear" / "images"
    folder.mkdir(parents=True)
    Image.new("RGB", (700, 20)).save(folder / "plot.png")
    assert picture_links.widths_in(tmp_path) == {"plot.png": 700}


def test_a_marked_picture_of_an_example_is_still_linked():
    marked = picture_links.marked(EXAMPLE, {})
    wide = EXAMPLE.replace("<img ", "<img data-wide ")
    assert marked == EXAMPLE
    assert picture_links.linked(wide).endswith(f"{wide}</a>")
