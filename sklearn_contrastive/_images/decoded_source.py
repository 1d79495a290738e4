"""Base of sources whose images are decoded when a batch needs them, and may be unreadable."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import torch
from torch import Tensor

from .channel_moments import channel_moments
from .source import ImageSource

__all__ = ["DecodedSource", "listed", "refuse"]

_MAX_NAMES = 20


class DecodedSource(ImageSource):
    """Images decoded in each pass; a subclass defines `_decoded`.

    The parameters are those of `ImageSource`.
    """

    plural = "files"

    def check(self) -> None:
        """Decode every image once; one ValueError names all that cannot be read."""
        self.moments()

    def readable(self) -> "DecodedSource":
        """The source of the images that can be read, from one pass; ValueError if there is none."""
        problems: dict[int, str] = {}
        moments = self._scaled(channel_moments(self._kept(problems)))
        source = copy.copy(self)
        if problems:
            kept = [number for number in range(self.n_samples) if number not in problems]
            source.n_samples, source.unreadable = len(kept), problems
            source._select(kept)
        source._moments = moments
        return source

    def _select(self, kept: list[int]) -> None:
        """Keep the images with these indices."""
        raise NotImplementedError

    def _decoded(self, indices: Iterable[Tensor]) -> Iterator[tuple[Tensor, dict[int, str]]]:
        """Yield batches (n, c, h, w), and the problems of unreadable images by their indices."""
        raise NotImplementedError

    @cached_property
    def _moments(self):
        return self._scaled(channel_moments(self._readable()))

    def _readable(self):
        """Yield all images in blocks; at the end raise one error for all unreadable ones."""
        problems = {}
        for block, new in self._decoded(self._blocks()):
            problems |= new
            if not problems:
                yield block
        refuse(problems, self.plural)

    def _kept(self, problems):
        """Yield the readable images in blocks, and collect the problems of the others."""
        for index, (block, new) in zip(self._blocks(), self._decoded(self._blocks()), strict=True):
            problems |= new
            kept = [number not in new for number in index.tolist()]
            if any(kept):
                yield block[torch.tensor(kept)]
        if len(problems) == self.n_samples:
            refuse(problems, self.plural)

    def _stored(self, indices):
        for block, problems in self._decoded(indices):
            if self.skips:
                self.unreadable |= problems
            else:
                refuse(problems, self.plural)
            yield block


def refuse(problems: Mapping[int, str], plural: str) -> None:
    """Raise ValueError if any image cannot be read.

    Parameters
    ----------
    problems : mapping
        Descriptions of the problems by the index of the image.
    plural : str
        What the images come from, such as "files".
    """
    if problems:
        raise ValueError(
            f"{len(problems)} of the {plural} cannot be read as images:{listed(problems)}"
        )


def listed(problems: Mapping[int, str]) -> str:
    """Problems, a line for each, at most twenty.

    Parameters
    ----------
    problems : mapping
        Descriptions of the problems by the index of the image.

    Returns
    -------
    lines : str
        Each begins with a line break.
    """
    lines = [f"\n  {problem}" for problem in list(problems.values())[:_MAX_NAMES]]
    more = len(problems) - _MAX_NAMES
    return "".join(lines) + (f"\n  and {more} more" if more > 0 else "")
