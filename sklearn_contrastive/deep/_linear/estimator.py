"""LinearContrastiveEncoder: linear contrastive learning by stochastic gradients."""

from numbers import Integral, Real
from typing import ClassVar, Self

import numpy as np

from ..._base import fit_progress, fitted_state_kept_on_error
from ..._linear_map import LinearMapTransformer
from ..._signs import fix_signs
from ..._sklearn_compat import Interval, fit_context
from ..._stored_fit import check_arrays
from ..._typing import ArrayLike, FloatArray, RandomState, VectorLike
from .._saving import SavedFitMixin
from .contrastive import train_linear_contrastive_encoder

__all__ = ["LinearContrastiveEncoder"]

_ARRAYS = ("encoder_", "components_", "mean_")


class LinearContrastiveEncoder(SavedFitMixin, LinearMapTransformer):
    """Linear encoder trained by stochastic gradients on the linear contrastive loss.

    It trains a matrix W on complementary views of each sample: one view hides the features that
    the other shows. The loss brings the projections of the two views of a sample together and
    those of different samples apart [1]_. With new masks for every batch, W converges to the
    leading eigenvectors of the covariance without its diagonal, which
    :class:`~sklearn_contrastive.LinearContrastive` computes in closed form. Use it to test the
    training of larger encoders on a problem with a known solution.

    Parameters
    ----------
    n_components : int, default=2
        Number of rows of the encoder, at most min(n_samples, n_features).

    mask_rate : float, default=0.5
        Probability, in (0, 1), that an entry is hidden in the first view and shown in the second.

    n_masks : int or None, default=None
        None draws a new mask for every sample of every batch. An int draws that many masks once,
        and each sample of a batch uses one of them: reused masks leave part of the noise in the
        solution.

    max_epochs : int, default=200
        Passes over the samples; few samples need more passes.

    batch_size : int, default=128
        Largest number of samples in a step, at least 3. The other samples of the batch are the
        negatives.

    learning_rate : float, default=0.01
        First step of Adam, in units of the root mean square of the samples; it falls to 0 as a
        cosine.

    regularization : float, default=1.0
        Weight of the penalty ||W W'||_F^2 / 2. It scales the encoder; it does not change
        its row space.

    device : str, default="cpu"
        Device of the training: "auto" or a PyTorch device string.

    random_state : int, RandomState instance or None, default=None
        Draws weights, batches and masks. PyTorch's global random state does not change.

    Attributes
    ----------
    encoder_ : ndarray of shape (n_components_, n_features)
        The matrix W in a basis with orthogonal rows, the longest first; any rotation of the rows
        has the same loss. The largest entry of each row in absolute value is positive.

    scoring_matrix_ : ndarray of shape (n_components_, n_features)
        The same as `encoder_`: scores are ``(X - mean_) @ scoring_matrix_.T``.

    components_ : ndarray of shape (n_components_, n_features)
        The rows of `encoder_`, each divided by its norm.

    mean_ : ndarray of shape (n_features,)
        Mean of each feature, in float64.

    masks_ : ndarray of bool of shape (n_masks, n_features) or None
        True where the first view hides; None for new masks in every step.

    n_components_ : int
        Number of rows of the encoder.

    n_iter_ : int
        Number of epochs.

    history_ : list of dict
        "epoch" and "loss", penalty included, of each epoch.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    sklearn_contrastive.LinearContrastive : The closed form: faster and exact.
    sklearn_contrastive.augmentation.MaskedAugmenter : Complementary views in NumPy.

    Notes
    -----
    The loss of a batch is an unbiased estimate of the loss of all samples, for any batch size:
    every pair of samples is equally likely to be in a batch. The diagonal of the expected loss
    matrix keeps 1 / n_samples of the variances, as in
    :func:`sklearn_contrastive.linear.expected_loss_matrix`. Smaller batches make noisier steps;
    the falling learning rate removes this noise.

    Before training, samples are centred and divided by their root mean square, one number for all
    features. `encoder_` is in the units of the samples. The training uses single precision.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> from sklearn_contrastive.deep import LinearContrastiveEncoder
    >>> from sklearn_contrastive.metrics import sin_theta_distance
    >>> X, _ = make_spiked_covariance(500, 20, 2, random_state=0)
    >>> trained = LinearContrastiveEncoder(2, random_state=0).fit(X)
    >>> closed_form = LinearContrastive(2, max_iter=0, random_state=0).fit(X)
    >>> round(sin_theta_distance(trained.components_, closed_form.components_), 1)
    0.0
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "mask_rate": [Interval(Real, 0, 1, closed="neither")],
        "n_masks": [Interval(Integral, 1, None, closed="left"), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 3, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "regularization": [Interval(Real, 0, None, closed="neither")],
        "device": [str],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        mask_rate: float = 0.5,
        n_masks: int | None = None,
        max_epochs: int = 200,
        batch_size: int = 128,
        learning_rate: float = 0.01,
        regularization: float = 1.0,
        device: str = "cpu",
        random_state: RandomState = None,
    ):
        self.n_components = n_components
        self.mask_rate = mask_rate
        self.n_masks = n_masks
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.regularization = regularization
        self.device = device
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: VectorLike | None = None) -> Self:
        """Train the encoder on samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training samples, at least two.

        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        with fitted_state_kept_on_error(self), fit_progress(self, X, y) as on_step:
            X = self._validated(X, reset=True)
            self._check_n_components(X)
            network = train_linear_contrastive_encoder(
                X,
                self.n_components,
                mask_rate=self.mask_rate,
                n_masks=self.n_masks,
                max_epochs=self.max_epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                regularization=self.regularization,
                device=self.device,
                random_state=self.random_state,
                on_epoch=lambda record: on_step("epoch"),
            )
            components, norms = _orthogonal_rows(network.encoder)
            self.components_ = components.astype(X.dtype)
            self.encoder_ = (components * norms[:, None]).astype(X.dtype)
            self.mean_, self.masks_ = network.mean, network.masks
            self.history_, self.n_iter_ = network.history, len(network.history)
            self.n_components_ = len(components)
        return self

    @property
    def scoring_matrix_(self) -> FloatArray:
        """Matrix of `transform`: scores are ``(X - mean_) @ scoring_matrix_.T``."""
        return self.encoder_

    def _stored_attributes(self):
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        if self.masks_ is not None:
            arrays["masks_"] = self.masks_
        return {"n_components_": self.n_components_}, arrays

    def _restore(self, stored, attributes):
        n_features = attributes["n_features_in_"]
        rows = attributes.get("n_components_"), n_features
        shapes = {"encoder_": rows, "components_": rows, "mean_": (n_features,)}
        if "masks_" in stored.arrays:
            shapes["masks_"] = (*stored.arrays["masks_"].shape[:1], n_features)
        check_arrays(stored, shapes)
        for name in _ARRAYS:
            setattr(self, name, stored.arrays[name])
        self.masks_ = stored.arrays.get("masks_")
        self.n_components_ = len(self.components_)


def _orthogonal_rows(encoder: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Orthonormal rows with fixed signs, and their norms, such that W'W stays the same."""
    _, norms, components = np.linalg.svd(encoder, full_matrices=False)
    return components * fix_signs(components)[:, None], norms
