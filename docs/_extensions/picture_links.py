"""Pictures of examples and benchmarks open in full size, and scroll in a box of their own."""

import re

# what sphinx-gallery writes for one picture: the address before "2.00x" is the sharper file
OF_EXAMPLE = r'<img [^>]*?(?P<sharp>[^" ,]+) 2\.00x"[^>]*class = "sphx-glr-single-img"\s*/>'
# what Sphinx writes for the option :width: of a picture
OF_BENCHMARK = r'<img [^>]*?src="(?P<file>[^"]*_images/[^"]+)" style="width: \d+px;"\s*/>'
PICTURE = re.compile(f"{OF_EXAMPLE}|{OF_BENCHMARK}")


def linked(body):
    """HTML with a link around each of these pictures."""
    return PICTURE.sub(
        lambda found: (
            f'<a class="picture-box" href="{found["sharp"] or found["file"]}">{found[0]}</a>'
        ),
        body,
    )


def link_pictures(app, page, template, context, doctree):
    """Before a page is written."""
    if "body" in context:
        context["body"] = linked(context["body"])


def setup(app):
    app.connect("html-page-context", link_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
