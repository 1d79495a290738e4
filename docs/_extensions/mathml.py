"""Mathematics as MathML, which browsers draw themselves: no script and no network."""

import html

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)


def mathml(node, **options):
    """MathML of a node; a warning with the place, and the source itself, where it is not known."""
    formula = node.astext()
    try:
        return tex2mathml(formula, **options)
    except MathError as error:
        logger.warning("%s in the formula %s", error, formula, location=node)
        return html.escape(formula)


def visit_inline(writer, node):
    """Write `:math:` in its line."""
    writer.body.append(mathml(node))
    raise nodes.SkipNode


def visit_block(writer, node):
    """Write a `math` directive in a block of its own, which scrolls on narrow screens."""
    writer.body.append('<div class="math-block" tabindex="0">')
    writer.body.append(mathml(node, as_block=True))
    writer.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
