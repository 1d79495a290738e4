"""A page of the documentation: a verdict, pictures, conditions, and folded tables."""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

from .._common.plots import save_figure
from .._common.record import ROOT, digest
from .records import provenance, results

FOLDER = ROOT / "docs" / "measured"
WIDTH = 99


@dataclass(frozen=True)
class Section:
    """A heading, the text below it, folded tables and pictures by title, and the record's name."""

    heading: str
    record: str
    text: str = ""
    folded: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """A PNG beside its record: `theory.labels` and `_all` make theory/results/labels_all.png.

    `draw` makes the figure from the committed record alone.
    """

    record: str
    alt: str
    draw: Callable[[], object]
    suffix: str = ""
    width: int = 520

    @property
    def path(self):
        """File of the picture."""
        folder, _, stem = self.record.rpartition(".")
        return ROOT / "benchmarks" / folder / "results" / f"{stem}{self.suffix}.png"

    @property
    def source(self):
        """What the file keeps about its record; a test compares both."""
        return digest(results(self.record))

    def write(self, path=None):
        """Draw the picture and write it."""
        from matplotlib import rc_context

        from .drawing import STYLE

        with rc_context(STYLE):
            save_figure(self.draw(), path or self.path, self.source)


@dataclass(frozen=True)
class Page:
    """One subject: what was found; pictures; conditions; sections with tables.

    The first sentence of the verdict is a line of its own.
    """

    name: str
    title: str
    verdict: str
    pictures: tuple[Picture, ...]
    conditions: str
    sections: tuple[Section, ...]

    @property
    def headline(self):
        """First sentence of the verdict."""
        return self.verdict.partition(". ")[0].removesuffix(".") + "."

    @property
    def details(self):
        """The other sentences."""
        return self.verdict.partition(". ")[2]

    @property
    def path(self):
        """File of the page."""
        return FOLDER / f"{self.name}.rst"

    @property
    def all_pictures(self):
        """Pictures at the top, then the folded ones."""
        parts = [part for section in self.sections for part in section.folded.values()]
        return [*self.pictures, *(part for part in parts if isinstance(part, Picture))]

    @property
    def records(self):
        """Names of the records that the page shows."""
        return {part.record for part in (*self.all_pictures, *self.sections)}

    def text(self):
        """The page as reStructuredText."""
        parts = [heading(self.title, "="), f"**{self.headline}**", wrapped(self.details)]
        parts += [figure(picture) for picture in self.pictures]
        parts += [paragraphs(self.conditions)]
        for section in self.sections:
            parts += [heading(section.heading, "-"), paragraphs(section.text)]
            parts += [folded(title, body) for title, body in section.folded.items()]
            parts += [wrapped(f"({provenance(section.record, quote='``')})")]
        return "\n\n".join(filter(None, parts)) + "\n"


def heading(title, underline):
    """A title with its underline."""
    return f"{title}\n{underline * len(title)}"


def wrapped(text):
    """One paragraph in lines of the usual length."""
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def paragraphs(text):
    """Paragraphs, each wrapped."""
    return "\n\n".join(wrapped(part) for part in text.split("\n\n")) if text else ""


def figure(picture):
    """A picture with its alternative text, at most as wide as the page."""
    path = picture.path.relative_to(ROOT)
    return f".. image:: ../../{path}\n   :width: {picture.width}px\n   :alt: {picture.alt}"


def folded(title, part):
    """A table, text or picture that opens on a click."""
    body = figure(part) if isinstance(part, Picture) else part
    return f".. dropdown:: {title}\n\n" + textwrap.indent(body.strip(), "   ")
