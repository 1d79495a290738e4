"""Links around pictures: to the full size, once each."""

import importlib.util

from helpers.references import ROOT

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
