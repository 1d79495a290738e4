"""The block of the README, and docs/measured.rst."""

from .._common.record import ROOT
from .._common.tables import markdown
from . import (
    tables_accuracy,
    tables_cost,
    tables_images,
    tables_missing_values,
    tables_n_components,
    theory_findings,
)
from .records import provenance, results
from .sentences import (
    groups_sentence,
    images_sentence,
    labels_sentence,
    large_means_sentence,
    missing_values_sentence,
    n_components_sentence,
    speed_sentence,
    worst_sentence,
)

README, MEASURED = ROOT / "README.md", ROOT / "docs" / "measured.rst"
BEGIN, END = "<!-- from python -m benchmarks.report -->\n", "<!-- end -->\n"


def with_block(readme):
    """The README with its block written anew."""
    before, _, rest = readme.partition(BEGIN)
    return before + BEGIN + readme_block() + END + rest.partition(END)[2]


def readme_block():
    """Text between the markers of the README."""
    sentences = (
        worst_sentence(),
        speed_sentence(),
        n_components_sentence(),
        large_means_sentence(),
        missing_values_sentence(),
        groups_sentence(),
        labels_sentence(),
        images_sentence(),
    )
    return (
        f"Mean accuracy over {results('linear.downstream')['n_tables']} real tables on which no "
        "choice was made (reducer, scaler,\nlogistic regression; as many components as classes; "
        "`auto` chooses its own number):\n\n"
        f"{markdown(*tables_accuracy.accuracy())}\n\n"
        f"({provenance('linear.downstream', quote='`')})\n\n"
        + "".join(f"- {sentence}\n" for sentence in sentences)
        + "\nAll tables, also those where rivals are better: `docs/measured.rst`.\n"
    )


def measured_page():
    """The page of the documentation with all tables."""
    sections = [
        *tables_accuracy.sections(),
        *tables_n_components.sections(),
        *tables_missing_values.sections(),
        *theory_findings.sections(),
        *tables_images.sections(),
        *tables_cost.sections(),
    ]
    slow = "".join(f"- {cell}\n" for cell in tables_cost.above_target()) or "- none\n"
    title = "Benchmark results"
    text = f"{title}\n{'=' * len(title)}\n\n" + (
        "Every number on this site comes from a script in ``benchmarks/``. Its JSON record is\n"
        "committed in ``results/`` beside it. ``python -m benchmarks.report`` writes this page.\n"
        "Times are medians of ratios within one run. A ratio above 1 means slower or less\n"
        f"accurate than the rival. Above the allowed time:\n\n{slow}\n"
    )
    for section in sections:
        text += f"{section.heading}\n{'-' * len(section.heading)}\n\n"
        text += f"{section.body}({provenance(section.record, quote='``')})\n\n"
    return text.rstrip() + "\n"
