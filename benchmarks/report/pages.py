"""All pages, their overview, and the block of the README."""

from .._common.record import ROOT
from .._common.tables import markdown
from . import (
    page_accuracy,
    page_bad_rows,
    page_batch_sizes,
    page_cifar10,
    page_few_labels,
    page_fine_tuning,
    page_generative,
    page_generative_images,
    page_gpu,
    page_image_settings,
    page_image_speed,
    page_images,
    page_imputation,
    page_install_size,
    page_labels,
    page_large_batches,
    page_memory,
    page_missing_values,
    page_n_components,
    page_neighbours,
    page_numeric_targets,
    page_outlier_scores,
    page_scale,
    page_shared_noise,
    page_simclr_findings,
    page_speed,
    page_subspace,
    page_supcon,
    page_tabular,
    page_theory,
    page_views,
)
from .page import FOLDER, heading, wrapped
from .records import provenance, results
from .sentences import worst_sentence

README = ROOT / "README.md"
BEGIN, END = "<!-- from python -m benchmarks.report -->\n", "<!-- end -->\n"
GROUPS = {
    "Real tables": (
        page_accuracy,
        page_neighbours,
        page_few_labels,
        page_numeric_targets,
        page_tabular,
    ),
    "The model": (
        page_subspace,
        page_n_components,
        page_shared_noise,
        page_labels,
        page_theory,
        page_generative,
    ),
    "Incomplete and wrong data": (
        page_missing_values,
        page_imputation,
        page_bad_rows,
        page_outlier_scores,
    ),
    "Cost": (page_speed, page_memory, page_scale, page_install_size),
    "Images": (
        page_images,
        page_supcon,
        page_fine_tuning,
        page_image_settings,
        page_simclr_findings,
        page_batch_sizes,
        page_views,
        page_generative_images,
        page_large_batches,
        page_image_speed,
        page_gpu,
        page_cifar10,
    ),
}
# their verdicts are below the table of accuracies of the README
ON_README = (
    page_n_components,
    page_missing_values,
    page_imputation,
    page_shared_noise,
    page_bad_rows,
    page_labels,
    page_speed,
    page_images,
)


def all_pages():
    """The pages by their group; a subject without a record has none."""
    pages = {title: [module.page() for module in modules] for title, modules in GROUPS.items()}
    return {title: [page for page in group if page is not None] for title, group in pages.items()}


def overview():
    """The first page: one line for each of the others."""
    groups = all_pages()
    intro = (
        "What was measured, one line for each page; also where rivals are better. Every number on "
        "this site comes from a script in ``benchmarks/``, and its JSON record is committed in "
        "``results/`` beside it. ``python -m benchmarks.report`` writes these pages and draws "
        "their pictures from the records alone."
    )
    parts = [heading("What was measured", "="), wrapped(intro)]
    for title, pages in groups.items():
        parts.append(heading(title, "-"))
        parts += [f":doc:`{page.title} <{page.name}>`\n   {page.headline}" for page in pages]
    names = "".join(f"   {page.name}\n" for pages in groups.values() for page in pages)
    parts.append(f".. toctree::\n   :hidden:\n\n{names}".rstrip())
    return "\n\n".join(parts) + "\n"


def written():
    """Path -> text of every page."""
    pages = {page.path: page.text() for pages in all_pages().values() for page in pages}
    return {FOLDER / "index.rst": overview()} | pages


def pictures():
    """All pictures."""
    return [
        picture for pages in all_pages().values() for page in pages for picture in page.all_pictures
    ]


def with_block(readme):
    """The README with its block written anew."""
    before, _, rest = readme.partition(BEGIN)
    return before + BEGIN + readme_block() + END + rest.partition(END)[2]


def readme_block():
    """Text between the markers of the README."""
    pages = [module.page() for module in ON_README]
    return (
        f"Mean accuracy over {results(page_accuracy.RECORD)['n_tables']} real tables on which no "
        "choice was made (reducer, scaler,\nlogistic regression; as many components as classes; "
        "`auto` chooses its own number):\n\n"
        f"{markdown(*page_accuracy.mean_by_noise('accuracy', page_accuracy.METHODS))}\n\n"
        f"({provenance(page_accuracy.RECORD, quote='`')})\n\n"
        + f"{worst_sentence()}\n\n"
        + "".join(
            f"- **{page.title}.** {page.verdict} (`docs/measured/{page.name}.rst`)\n"
            for page in pages
        )
        + "\nThe pages name the script and the record of each number. `docs/measured/` has more.\n"
    )
