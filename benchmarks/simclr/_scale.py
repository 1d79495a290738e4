"""Sizes of the findings: a first try, the committed miniature, and a full run for a GPU."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """How large the images, their number, the network and a training are.

    Parameters
    ----------
    n_train, n_test : int
        Number of images; the linear probe has the labels of all training images.
    epochs, batch_size : int
        Of a training, where the finding does not change them.
    halve : bool
        Whether images have half of their sides, by means of 2 x 2 pixels.
    widths : tuple of int or None
        Widths of the narrow residual network; None is ResNet-18.
    """

    n_train: int
    n_test: int
    epochs: int
    batch_size: int
    halve: bool
    widths: tuple[int, ...] | None


QUICK, MINIATURE, FULL = "quick", "miniature", "full"
SCALES = {
    QUICK: Scale(256, 500, 2, 64, True, (16, 32, 64)),
    MINIATURE: Scale(1024, 2000, 6, 64, True, (16, 32, 64)),
    FULL: Scale(20_000, 10_000, 50, 256, False, None),
}
