"""ImageAugmenter: random augmentation of images, as a transformer and as pairs of views."""

import hashlib
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._base import ContrastiveEstimator, fit_progress, fitted_state_kept_on_error
from .._images.containers import unpacked
from .._images.validation import validated_images
from .._sklearn_compat import StrOptions, fit_context
from .._torch_random import seeded_generators
from .._typing import ArrayLike, FloatArray, RandomState
from ._images.by_name import make_augmentation
from ._images.views import two_views

__all__ = ["ImageAugmenter"]

SEEDS = 2**31 - 1


def _seed_of_image(seed: int, image: FloatArray) -> int:
    """Seed from a seed and the values of an image, the same on every machine."""
    digest = hashlib.blake2b(image.tobytes(), digest_size=7, salt=seed.to_bytes(8, "little"))
    return int.from_bytes(digest.digest(), "little")


class ImageAugmenter(OneToOneFeatureMixin, TransformerMixin, ContrastiveEstimator):
    """Augment images at random, as a transformer and as a source of pairs of views.

    :meth:`sample_views` draws the training pairs of contrastive learning: two views of every image,
    each with its own crop, colours and so on.

    :meth:`transform` augments each image once. The seed drawn by :meth:`fit` and the image itself
    determine the augmentation. So each image has its own augmentation, and the result for an image
    does not depend on the other images. In a :class:`~sklearn.pipeline.Pipeline` the transformer
    also changes the test data. Use it there to measure how much a model loses on images that differ
    from the training images.

    Parameters
    ----------
    augmentations : {"simclr", "crop", "crop_flip", "masking", "none"} or callable, \
            default="simclr"
        The augmentation. A callable takes a float32 tensor of shape (n, c, h, w) and a
        torch.Generator, or the tensor alone, as torch.nn.Modules do; the shape must not change.
        With "simclr", rows of features are only cropped and flipped, because they have no colours.
    image_shape : tuple of int, default=None
        (height, width) or (height, width, channels) of images that are rows of X, channels last.
        None reads fewer than 64 features as one row of any real values, and a square number of
        features as a grey square. It is not needed for arrays (n, h, w), (n, h, w, c) and
        (n, c, h, w) of which one axis can be the channels, 1 or 3.
    random_state : int, RandomState instance or None, default=None
        Draws the seed of :meth:`transform` in :meth:`fit`. Pass an int for the same augmentation in
        every fit.

    Attributes
    ----------
    image_shape_ : tuple of int
        Height, width and channels of the images.
    seed_ : int
        Seed of :meth:`transform`, combined with each image.
    n_features_in_ : int
        Number of features seen during :term:`fit`, height times width times channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during :term:`fit`. Defined only when `X` has feature names that are
        all strings.

    See Also
    --------
    MaskedAugmenter : Hide random features.

    Notes
    -----
    Images are bytes (uint8, 0 to 255) or numbers in [0, 1]; other values raise an error. Images of
    one row of pixels may hold any values. :meth:`transform` augments one image at a time, which is
    slow; :meth:`sample_views` augments all at once.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_contrastive.augmentation import ImageAugmenter
    >>> X = load_digits(n_class=2).data / 16
    >>> augmenter = ImageAugmenter("crop", random_state=0).fit(X)
    >>> augmenter.image_shape_
    (8, 8, 1)
    >>> augmenter.transform(X).shape
    (360, 64)
    >>> view_1, view_2 = augmenter.sample_views(X.reshape(-1, 8, 8), random_state=0)
    >>> view_1.shape
    (360, 8, 8)
    """

    _parameter_constraints = {
        "augmentations": [
            StrOptions({"simclr", "crop", "crop_flip", "masking", "none"}),
            callable,
        ],
        "image_shape": ["array-like", None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        augmentations: str | Callable[..., torch.Tensor] = "simclr",
        *,
        image_shape: tuple[int, ...] | None = None,
        random_state: RandomState = None,
    ):
        self.augmentations = augmentations
        self.image_shape = image_shape
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Validate the shape and the values of the images, and draw the seed of transform.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n, h, w), (n, h, w, c) or (n, c, h, w)
            Training images.
        y : Ignored
            Not used, present here for API consistency by convention.

        Returns
        -------
        self : ImageAugmenter
            The fitted augmenter.

        Raises
        ------
        ValueError
            If X and `image_shape` do not determine the shape of the images, if values are not
            finite, or if those of images are neither bytes nor in [0, 1]. An earlier fit stays
            usable.
        """
        with fitted_state_kept_on_error(self), fit_progress(self, X, y):
            c, h, w = validated_images(self, X, self.image_shape, reset=True).shape
            seed = check_random_state(self.random_state).randint(SEEDS)
            self.image_shape_, self.seed_ = (h, w, c), int(seed)
        return self

    def transform(self, X: ArrayLike) -> FloatArray:
        """Augment each image once.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n, h, w), (n, h, w, c) or (n, c, h, w)
            Images; not changed in place.

        Returns
        -------
        X_augmented : ndarray of float32 of the shape of X
            The images, those of files as (n, h, w, c); in [0, 1] unless they are rows of features.
            The result for an image is the same in every call and with any other images.

        Raises
        ------
        ValueError
            If X does not hold images of the shape seen by :meth:`fit`, or has invalid values.
        """
        images = self._validate(X)
        seeds = [_seed_of_image(self.seed_, image) for image in images.numpy()]
        drawn = [
            self._draw(image[None], seed, n_views=1)[0]
            for image, seed in zip(images, seeds, strict=True)
        ]
        return self._in_shape_of(X, np.concatenate(drawn))

    def sample_views(
        self, X: ArrayLike, random_state: RandomState = None
    ) -> tuple[FloatArray, FloatArray]:
        """Draw two views of every image.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n, h, w), (n, h, w, c) or (n, c, h, w)
            Images; not changed in place.
        random_state : int, RandomState instance or None, default=None
            Draws the views. None uses NumPy's global state, that is, new views in each call; an int
            gives the same views in each call.

        Returns
        -------
        view_1, view_2 : ndarray of float32 of the shape of X
            The views, image by image.

        Raises
        ------
        ValueError
            If X does not hold images of the shape seen by :meth:`fit`, or has invalid values.
        """
        images = self._validate(X)
        seed = int(check_random_state(random_state).randint(SEEDS))
        view_1, view_2 = self._draw(images, seed, n_views=2)
        return self._in_shape_of(X, view_1), self._in_shape_of(X, view_2)

    def _validate(self, X: ArrayLike) -> torch.Tensor:
        """Images of shape (n, c, h, w) in float32."""
        check_is_fitted(self)
        source = validated_images(self, X, self.image_shape_, reset=False)
        return next(source.batches([torch.arange(len(source))], "cpu")).contiguous()

    def _draw(self, batch: torch.Tensor, seed: int, n_views: int) -> list[FloatArray]:
        augmentation = self._augmentation()
        generator = torch.Generator().manual_seed(seed)
        # augmentations without a generator argument draw from torch's global state
        with seeded_generators(seed), torch.no_grad():
            if n_views == 2:
                views = two_views(augmentation, batch, generator)
            else:
                views = [augmentation(batch, generator)]
        return [self._as_array(view, batch) for view in views]

    def _augmentation(self) -> Callable[..., torch.Tensor]:
        is_row = self.image_shape_[0] == 1
        without_colours = is_row and self.augmentations == "simclr"
        return make_augmentation("crop_flip" if without_colours else self.augmentations)

    def _as_array(self, view: torch.Tensor, batch: torch.Tensor) -> FloatArray:
        """Views as an array (n, c, h, w)."""
        if not isinstance(view, torch.Tensor):
            raise ValueError(
                f"augmentations={self.augmentations!r} returned {type(view).__name__} for a batch "
                "of images; it must return a Tensor of as many images."
            )
        if view.shape != batch.shape:
            raise ValueError(
                f"augmentations={self.augmentations!r} returned images of shape "
                f"{tuple(view.shape[1:])} (channels, height, width) for images of shape "
                f"{tuple(batch.shape[1:])}; ImageAugmenter needs augmentations that keep the shape."
            )
        images = view.float().numpy()
        # weighted means of values in [0, 1] may exceed 1 in the last digit
        return images if self.image_shape_[0] == 1 else np.clip(images, 0, 1)

    def _in_shape_of(self, X: ArrayLike, images: FloatArray) -> FloatArray:
        """Images (n, c, h, w) in the shape and order of axes of X."""
        X = unpacked(X, self.image_shape_)
        # data frames and other tables have two dimensions
        known = isinstance(X, np.ndarray | torch.Tensor | list | tuple)
        shape = tuple(np.shape(X)) if known else ()
        if len(shape) == 4 and shape[1:] != self.image_shape_:
            return images
        pixels_last = np.ascontiguousarray(images.transpose(0, 2, 3, 1))
        if len(shape) > 2:
            return pixels_last.reshape(shape)
        has_no_pixels = len(shape) == 1 or isinstance(X, torch.utils.data.Dataset)  # as files
        return pixels_last if has_no_pixels else pixels_last.reshape(len(images), -1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
