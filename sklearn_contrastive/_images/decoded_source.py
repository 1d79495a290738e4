"""Base of sources whose images are decoded when a batch needs them, and may be unreadable."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from torch import Tensor

from .channel_moments import channel_moments
from .source import ImageSource

__all__ = ["DecodedSource", "refuse"]

_MAX_NAMES = 20


class DecodedSource(ImageSource):
    """Images decoded in each pass; a subclass defines `_decoded`.

    The parameters are those of `ImageSource`.
    """

    # what an image comes from, for error messages
    _plural = "files"

    def check(self) -> None:
        """Decode every image once; one ValueError names all that cannot be read."""
        self.moments()

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
        refuse(problems, self._plural)

    def _stored(self, indices):
        for block, problems in self._decoded(indices):
            refuse(problems, self._plural)
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
        named = "\n".join(f"  {problem}" for problem in list(problems.values())[:_MAX_NAMES])
        more = len(problems) - _MAX_NAMES
        raise ValueError(
            f"{len(problems)} of the {plural} cannot be read as images:\n{named}"
            + (f"\n  and {more} more" if more > 0 else "")
        )
