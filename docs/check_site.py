"""Check the built site: links and pictures lead to files, anchors exist, pictures have a text.

python docs/check_site.py docs/_build/html
"""

import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# pages of code, which are targets of links without links of their own, and templates of the theme
NOT_WALKED = ("source", "_static")


class References(HTMLParser):
    """Collect the links and the pictures of one page."""

    def __init__(self):
        super().__init__()
        self.addresses, self.pictures = [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        for name in ("href", "src"):
            if attributes.get(name):
                self.addresses.append(attributes[name])
        for candidate in (attributes.get("srcset") or "").split(","):
            if candidate.strip():
                self.addresses.append(candidate.split()[0])
        if tag == "img":
            self.pictures.append((attributes.get("src", ""), attributes.get("alt")))


@cache
def anchors(page):
    """Names that an address can end with, after the #."""
    return set(re.findall(r'\b(?:id|name)="([^"]+)"', page.read_text(encoding="utf-8")))


def broken_address(page, address):
    """Say what is wrong with an address on a page, or return None."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None  # another site: the check needs no network
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return f"{address}: no such file"
    if (
        parts.fragment
        and target.suffix == ".html"
        and unquote(parts.fragment) not in anchors(target)
    ):
        return f"{address}: no such anchor"
    return None


def without_text(source, text):
    """Whether a picture lacks a text for those who do not see it.

    An empty text marks decoration, such as the logo and thumbnails, which have their title beside
    them. Pictures of the pages are in the folder _images.
    """
    decoration = "_images/" not in source or "_thumb" in source
    return text is None or not (text.strip() or decoration)


def problems_of(site):
    """Yield a line for each problem of a built site."""
    for page in sorted(site.rglob("*.html")):
        name = page.relative_to(site)
        if name.parts[0] in NOT_WALKED:
            continue
        found = References()
        found.feed(page.read_text(encoding="utf-8"))
        for address in dict.fromkeys(found.addresses):
            if problem := broken_address(page, address):
                yield f"{name}: {problem}"
        for source, text in found.pictures:
            if without_text(source, text):
                yield f"{name}: {source}: no alternative text"


def main(folder):
    """Print the problems; the exit status is 1 if there are any."""
    site = Path(folder).resolve()
    if not (site / "index.html").is_file():
        print(f"{folder} has no index.html; build the site with: make docs")
        return 1
    problems = list(problems_of(site))
    print("\n".join(problems) or "Links, anchors and pictures of the site: no problem")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
