"""Pictures of examples and benchmarks open in full size; wide ones scroll on a phone."""

import re
from functools import cache
from pathlib import Path

# what sphinx-gallery writes for one picture: the address before "2.00x" is the sharper file
OF_EXAMPLE = r'<img [^>]*?(?P<sharp>[^" ,]+) 2\.00x"[^>]*class = "sphx-glr-single-img"\s*/>'
# what Sphinx writes for the option :width: of a picture
OF_BENCHMARK = r'<img [^>]*?src="(?P<file>[^"]*_images/[^"]+)" style="width: \d+px;"\s*/>'
PICTURE = re.compile(f"{OF_EXAMPLE}|{OF_BENCHMARK}")
OF_GALLERY = re.compile(r'<img (?=[^>]*src="[^"]*_images/(?P<name>sphx_glr_plot_\w+?\.png)")')
# pixels at 100 to the inch: letters of a wider picture are too small on a phone
WIDE = 750


def linked(body):
    """HTML with a link around each of these pictures."""
    return PICTURE.sub(
        lambda found: (
            f'<a class="picture-box" href="{found["sharp"] or found["file"]}">{found[0]}</a>'
        ),
        body,
    )


def marked(body, widths):
    """HTML with an attribute at each wide picture of the gallery; widths by the name of the file.

    An attribute and not a class: sphinx-gallery has written one already.
    """
    return OF_GALLERY.sub(
        lambda found: f"<img {'data-wide ' * (widths.get(found['name'], 0) > WIDE)}", body
    )


@cache
def widths_in(folder):
    """Width in pixels of each PNG of the gallery, which its header has in bytes 16 to 19."""
    files = Path(folder).glob("auto_examples/*/images/*.png")
    return {file.name: int.from_bytes(file.read_bytes()[16:20], "big") for file in files}


def change_pictures(app, page, template, context, doctree):
    """Before a page is written."""
    if "body" in context:
        context["body"] = linked(marked(context["body"], widths_in(app.srcdir)))


def setup(app):
    app.connect("html-page-context", change_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
