"""Named code of the pages of the guide, which tests run."""

import re

from .references import ROOT

__all__ = ["code_of_page"]


def code_of_page(page, kind):
    """Code blocks of a page that are named `kind`-something: something -> code."""
    text = (ROOT / "docs" / "guide" / f"{page}.rst").read_text(encoding="utf-8")
    blocks = rf"(?m)^\.\. code-block:: python\n   :name: {kind}-(\w+)\n\n((?:   .*\n|\n(?=   ))+)"
    return {name: re.sub(r"(?m)^   ", "", code) for name, code in re.findall(blocks, text)}
