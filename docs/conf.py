"""Sphinx configuration; the site builds without a network."""

import re
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

from source_links import linkcode_resolve  # noqa: F401

project = "sklearn-contrastive"
author = "The sklearn-contrastive developers"
copyright = f"2026, {author}"
release = version = installed_version("sklearn-contrastive")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.linkcode",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "mathml",
    "picture_links",
    "source_links",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "_extensions"]

autosummary_generate = True
autosummary_imported_members = False
autodoc_typehints = "none"  # the docstrings say it, with the shapes
autodoc_member_order = "groupwise"
numpydoc_show_class_members = False
numpydoc_use_plots = False
suppress_warnings = ["ref.term"]  # :term:`fit` is in scikit-learn's glossary, not in ours

html_math_renderer = "mathml"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "reset_modules": ("matplotlib", "gallery_style.okabe_ito"),
    "subsection_order": ["../examples/linear", "../examples/images", "../examples/theory"],
    "within_subsection_order": "FileNameSortKey",
    "parallel": 2,
    "abort_on_example_error": True,
    "doc_module": ("sklearn_contrastive",),
    "reference_url": {"sklearn_contrastive": None},
    "backreferences_dir": "auto_examples/backreferences",
    "image_srcset": ["2x"],
    "thumbnail_size": (480, 336),
    "remove_config_comments": True,
    "capture_repr": ("_repr_html_",),
    "show_signature": False,
    "download_all_examples": False,
    "write_computation_times": False,
    "min_reported_time": 3600,  # seconds: no times, which differ from build to build
}

highlight_language = "none"  # formulas stand in literal blocks; code says that it is Python
smartquotes = False  # the types of parameters name strings, as {"auto", "gram"}
toc_object_entries_show_parents = "hide"  # methods by their own names in "On this page"

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["references.css", "site.css"]
html_context = {"default_mode": "auto"}  # without it each first visit logs a warning
html_title = f"sklearn-contrastive {release}"
html_favicon = "_static/logo.svg"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {
        "image_light": "_static/logo.svg",
        "image_dark": "_static/logo.svg",
        "text": "sklearn-contrastive",
    },
    "navbar_start": ["navbar-logo", "version"],
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "show_toc_level": 2,
    "primary_sidebar_end": [],
    "footer_start": ["copyright"],
    "footer_end": ["version"],
}
NO_SIDEBAR = ["index", "auto_examples/index", "theory", "when_not", "comparison", "faq"]
NO_SIDEBAR += ["formula_map", "contributing", "changes", "source/**"]
html_sidebars = {page: [] for page in NO_SIDEBAR}

# scikit-learn's own methods: its docstrings refer to labels of its own site
INHERITED = re.compile(
    r"set_\w+_request|get_metadata_routing|set_output|get_params|set_params|set_callbacks"
)


def leave_out_inherited(app, what, name, obj, skip, options):
    """Skip what scikit-learn documents; None leaves the decision to Sphinx."""
    return True if INHERITED.fullmatch(name.rpartition(".")[2]) else None


def names_in_shapes_are_no_links(app, what, name, obj, options, lines):
    """Escape the underscore that ends a name: in "of shape (n_components_,)" it makes no link."""
    for number, line in enumerate(lines):
        if " of shape (" in line:
            lines[number] = re.sub(r"(?<=[(, ])(\w+)_(?=[,) ])", r"\1\\_", line)


def setup(app):
    app.connect("autodoc-skip-member", leave_out_inherited)
    # before numpydoc, which connects with the default priority of 500
    app.connect("autodoc-process-docstring", names_in_shapes_are_no_links, priority=400)
