"""Two random views of a batch of images."""

from torch import Generator, Tensor

from .batch import Augmentation

__all__ = ["two_views"]


def two_views(
    augmentation: Augmentation, batch: Tensor, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Draw two views of every image.

    Parameters
    ----------
    augmentation : callable
        Takes ``(batch, generator)``. If it has a method ``views``, as :class:`PatchMasking`, this
        method draws the pair; otherwise the augmentation is called twice. One call on the doubled
        batch is not faster on a CPU, slower for large batches, and needs more memory.
    batch : Tensor of shape (n_images, n_channels, height, width)
        Images.
    generator : torch.Generator
        Draws the parameters; on the device of the batch.

    Returns
    -------
    view_1, view_2 : Tensor of shape (n_images, n_channels, height, width)
        The views, image by image.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.augmentation import PatchMasking
    >>> from sklearn_contrastive.augmentation._images.views import two_views
    >>> images = torch.ones(1, 1, 8, 8)
    >>> view_1, view_2 = two_views(PatchMasking(), images, torch.Generator().manual_seed(0))
    >>> torch.equal(view_1 + view_2, images)
    True
    """
    if hasattr(augmentation, "views"):
        return augmentation.views(batch, generator)
    return augmentation(batch, generator), augmentation(batch, generator)
