"""The formula map of CONTRIBUTING.md names what exists, and leaves no file out."""

import re

import pytest
from helpers.references import PACKAGE, ROOT, cells_of, references_in

MATHEMATICS = [
    "augmentation/_masking.py",
    "deep/_diagnostics.py",
    "deep/_fine_tuning/network.py",
    "deep/_fine_tuning/objective.py",
    "deep/_linear/autoencoder.py",
    "deep/_linear/contrastive.py",
    "deep/_linear/gan.py",
    "deep/_log_sum_exp.py",
    "deep/_losses.py",
    "deep/_redundancy_losses.py",
    "deep/_reconstruction/decoders.py",
    "deep/_reconstruction/objective.py",
    "deep/_sigreg.py",
    "deep/_sogclr.py",
    "deep/_supcon_loss.py",
    "deep/_training/balanced_batches.py",
    "deep/_training/checkpoint.py",
    "deep/_training/chunks.py",
    "deep/_training/fingerprint.py",
    "deep/_training/optimizers.py",
    "deep/_training/processes.py",
    "deep/_training/schedule.py",
    "deep/_training/synchronized_batch_norm.py",
    "evaluation/_neighbours.py",
    "generative/_closed_form.py",
    "linear/_covariance/*.py",
    "linear/_factor/*.py",
    "linear/_loss.py",
    "linear/_solvers/*.py",
    "metrics.py",
    "theory/*.py",
]
# names, parameters and storage: nothing that a formula stands for
NO_MATHEMATICS = {
    "linear/_covariance/base.py",
    "linear/_covariance/blocks.py",
    "linear/_covariance/read.py",
    "linear/_covariance/samples.py",
    "linear/_covariance/supervised.py",
    "linear/_covariance/targets.py",
    "linear/_factor/options.py",
    "theory/_checks.py",
    "theory/risk.py",
}


def rows_of_the_map():
    """Return the rows as (formula, sources, tests)."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = re.search(r"(?ms)^## Formula map\n(.*?)(?=^## |\Z)", text)[1]
    return [cells_of(row) for row in re.findall(r"(?m)^\| (?!Formula or|---)(.*) \|$", section)]


ROWS = rows_of_the_map()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_row_names_sources_and_tests_that_exist(row):
    formula, sources, tests = row
    assert formula
    assert [each for each in references_in(sources) if not each.exists] == []
    assert [each for each in references_in(tests) if not each.exists] == []
    assert all(each.name for each in references_in(sources))
    assert all(each.name.startswith("test_") for each in references_in(tests))


def test_no_formula_has_two_rows():
    formulas = [formula for formula, _, _ in ROWS]
    assert len(formulas) >= 60
    assert len(formulas) == len(set(formulas))


def test_no_file_with_mathematics_is_left_out():
    files = {
        path.relative_to(PACKAGE).as_posix()
        for pattern in MATHEMATICS
        for path in PACKAGE.glob(pattern)
        if path.name != "__init__.py"
    }
    named = {each.path for _, sources, _ in ROWS for each in references_in(sources)}
    assert not files - named - NO_MATHEMATICS
