"""The README and docs/measured.rst show the committed records of the benchmarks."""

from benchmarks.report.pages import BEGIN, MEASURED, README, measured_page, with_block


def test_readme_shows_the_committed_results():
    readme = README.read_text(encoding="utf-8")
    assert BEGIN in readme
    assert readme == with_block(readme)


def test_measured_page_shows_the_committed_results():
    assert MEASURED.read_text(encoding="utf-8") == measured_page()
