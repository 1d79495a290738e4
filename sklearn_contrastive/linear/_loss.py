"""Linear contrastive loss: value, matrix, expected matrix under masks, minimiser."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_array

from .._signs import fix_signs
from .._typing import ArrayLike, FloatArray

__all__ = [
    "contrastive_loss_matrix",
    "expected_loss_matrix",
    "linear_contrastive_loss",
    "minimize_linear_contrastive_loss",
]


def contrastive_loss_matrix(view_1: ArrayLike, view_2: ArrayLike) -> FloatArray:
    """Matrix M of the linear contrastive loss of two views.

    The loss of the encoder f(x) = W x is -(1/2n) tr(W M W') plus its penalty. With the views in
    rows, every other sample's views as negatives and 1 the vector of ones,

    M = X1' X2 + X2' X1 - (1/(2(n-1))) (X1 + X2)' (1 1' - I) (X1 + X2).

    It equals (n/2) Cov(X1 + X2) - (1/2) (X1 - X2)' (X1 - X2): the loss favours directions
    in which samples vary and their views agree. This form is the one computed, since it loses no
    digits to means that both views share.

    Parameters
    ----------
    view_1, view_2 : array-like of shape (n_samples, n_features)
        Two views of the same samples, row by row; at least two samples.

    Returns
    -------
    loss_matrix : ndarray of shape (n_features, n_features)
        M, symmetric, in float64 and in squared units of the features times n_samples.

    Raises
    ------
    ValueError
        If the views differ in shape, have fewer than two rows, or are not finite and dense.

    See Also
    --------
    expected_loss_matrix : Its expectation over complementary masks.
    minimize_linear_contrastive_loss : The encoder that minimises the loss of M.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    Without augmentation the matrix is n_samples times twice the covariance, PCA's:

    >>> import numpy as np
    >>> from sklearn_contrastive.linear import contrastive_loss_matrix
    >>> X = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 7.0]])
    >>> contrastive_loss_matrix(X, X)
    array([[24., 36.],
           [36., 72.]])
    >>> 2 * 3 * np.cov(X.T)
    array([[24., 36.],
           [36., 72.]])
    """
    view_1, view_2 = _check_views(view_1, view_2)
    spread, difference = _spread_and_difference(view_1, view_2)
    n_samples = len(view_1)
    # a product A' A alone is symmetric to the last bit, hence the brackets
    return n_samples / (2 * (n_samples - 1)) * (spread.T @ spread) - difference.T @ difference / 2


def expected_loss_matrix(X: ArrayLike, mask_rate: float = 0.5) -> FloatArray:
    """Expectation of the contrastive loss matrix over complementary random masks.

    Let each entry be hidden, that is 0, in the first view with probability p and in the second
    view if the first keeps it, independently of the other features. Whether all samples share a
    mask or each has its own, the matrix of :func:`contrastive_loss_matrix` has the expectation

    E M = 2 p (1-p) Delta(X' X) - (1/(2(n-1))) X' (1 1' - I) X,

    where Delta deletes the diagonal. Of centred samples, 2 E M / n at p = 1/2 is the covariance
    matrix without its diagonal, plus the diagonal divided by n.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples, at least two. Centre them first: a mean m puts -n m_i^2 / 2 on the diagonal (at
        p = 1/2).
    mask_rate : float, default=0.5
        Probability p that an entry is hidden in the first view, in [0, 1].

    Returns
    -------
    loss_matrix : ndarray of shape (n_features, n_features)
        E M, symmetric, in float64.

    Raises
    ------
    ValueError
        If X has fewer than two rows or is not finite and dense, or mask_rate is outside [0, 1].

    See Also
    --------
    contrastive_loss_matrix : The matrix of two given views.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.linear import expected_loss_matrix
    >>> X = np.array([[-2.0, -2.0], [0.0, -2.0], [2.0, 4.0]])
    >>> 2 * expected_loss_matrix(X) / len(X)
    array([[1.33333333, 6.        ],
           [6.        , 4.        ]])
    >>> np.cov(X.T)
    array([[ 4.,  6.],
           [ 6., 12.]])
    """
    X = check_array(X, dtype=np.float64, ensure_min_samples=2, input_name="X")
    if not 0 <= mask_rate <= 1:
        raise ValueError(f"mask_rate={mask_rate!r} is no probability; give a number in [0, 1].")
    n_samples, n_features = X.shape
    mean = X.mean(axis=0)
    centred = X - mean
    scatter = centred.T @ centred
    pair_rate = 2 * mask_rate * (1 - mask_rate)
    # the terms in the mean, n times its square in size, cancel at p = 1/2: they are left out of
    # the scatter and added as what remains of them
    expected = (pair_rate + 1 / (2 * (n_samples - 1))) * scatter
    expected -= n_samples / 2 * (1 - 2 * mask_rate) ** 2 * np.outer(mean, mean)
    diagonal = np.arange(n_features)
    expected[diagonal, diagonal] -= pair_rate * (np.diag(scatter) + n_samples * mean**2)
    return expected


def linear_contrastive_loss(
    encoder: ArrayLike, view_1: ArrayLike, view_2: ArrayLike, regularization: float = 1.0
) -> float:
    """Linear contrastive loss of an encoder on two views.

    L(W) = -(1/2n) tr(W M W') + (lambda/2) ||W W'||_F^2, M as in :func:`contrastive_loss_matrix`.
    Written out, tr(W M W') rewards the inner product of the two projections of a sample and
    subtracts the mean inner product with both projections of every other sample.

    Parameters
    ----------
    encoder : array-like of shape (n_components, n_features)
        The matrix W of f(x) = W x.
    view_1, view_2 : array-like of shape (n_samples, n_features)
        Two views of the same samples, row by row; at least two samples.
    regularization : float, default=1.0
        The weight lambda > 0 of the penalty.

    Returns
    -------
    loss : float
        L(W). It costs n_samples * n_features * n_components operations; M is not formed.

    Raises
    ------
    ValueError
        If shapes do not fit together, there are fewer than two samples, or regularization is not
        positive.

    See Also
    --------
    minimize_linear_contrastive_loss : The encoder of least loss.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.linear import linear_contrastive_loss
    >>> X = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 7.0]])
    >>> linear_contrastive_loss([[0.0, 1.0]], X, X)
    -11.5
    """
    view_1, view_2 = _check_views(view_1, view_2)
    _check_regularization(regularization)
    encoder = check_array(encoder, dtype=np.float64, input_name="encoder")
    n_samples, n_features = view_1.shape
    if encoder.shape[1] != n_features:
        raise ValueError(
            f"encoder has {encoder.shape[1]} columns but the views have {n_features} features; "
            "an encoder has shape (n_components, n_features)."
        )
    spread, difference = _spread_and_difference(view_1, view_2)
    variation = np.sum((spread @ encoder.T) ** 2) * n_samples / (2 * (n_samples - 1))
    disagreement = np.sum((difference @ encoder.T) ** 2) / 2
    penalty = regularization / 2 * np.sum((encoder @ encoder.T) ** 2)
    return float((disagreement - variation) / (2 * n_samples) + penalty)


def minimize_linear_contrastive_loss(
    loss_matrix: ArrayLike, n_samples: int, n_components: int, regularization: float = 1.0
) -> FloatArray:
    """Encoder that minimises the linear contrastive loss, in closed form.

    Let mu_1 >= mu_2 >= ... be the eigenvalues of M and u_1, u_2, ... its eigenvectors. Row j of
    the minimiser is sqrt(max(mu_j, 0) / (2 n lambda)) u_j', and the minimum is
    -(1/(8 n^2 lambda)) sum_j max(mu_j, 0)^2. Any rotation of the rows has the same loss; these
    rows are orthogonal, strongest first, each with its largest entry positive.

    Parameters
    ----------
    loss_matrix : array-like of shape (n_features, n_features)
        M of :func:`contrastive_loss_matrix` or :func:`expected_loss_matrix`.
    n_samples : int
        The number n of samples that M sums over.
    n_components : int
        Number of rows, from 1 to n_features. Rows without a positive eigenvalue are 0.
    regularization : float, default=1.0
        The weight lambda > 0 of the penalty. It scales the encoder but does not change its row
        space.

    Returns
    -------
    encoder : ndarray of shape (n_components, n_features)
        The matrix W of f(x) = W x.

    Raises
    ------
    ValueError
        If M is not symmetric, or a number is out of its range.

    See Also
    --------
    linear_contrastive_loss : The loss of any encoder.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.linear import minimize_linear_contrastive_loss
    >>> minimize_linear_contrastive_loss(np.diag([2.0, 8.0, -3.0]), n_samples=4, n_components=3)
    array([[0. , 1. , 0. ],
           [0.5, 0. , 0. ],
           [0. , 0. , 0. ]])
    """
    loss_matrix = check_array(loss_matrix, dtype=np.float64, input_name="loss_matrix")
    n_features = len(loss_matrix)
    if loss_matrix.shape != (n_features, n_features):
        raise ValueError(f"loss_matrix has shape {loss_matrix.shape}; it must be square.")
    asymmetry = np.abs(loss_matrix - loss_matrix.T).max()
    if asymmetry > 1e-8 * np.abs(loss_matrix).max():
        raise ValueError(
            f"loss_matrix and its transpose differ by {asymmetry:.3g}; it must be symmetric."
        )
    if not isinstance(n_samples, Integral) or n_samples < 2:
        raise ValueError(f"n_samples={n_samples!r} is not allowed; give an integer of at least 2.")
    if not isinstance(n_components, Integral) or not 1 <= n_components <= n_features:
        raise ValueError(
            f"n_components={n_components!r} is not allowed; give an integer from 1 to the number "
            f"of features, {n_features}."
        )
    _check_regularization(regularization)
    eigenvalues, eigenvectors = np.linalg.eigh(loss_matrix)
    scale = np.sqrt(np.maximum(eigenvalues, 0) / (2 * n_samples * regularization))
    # eigh is ascending: the last columns, from the end
    encoder = (eigenvectors * scale).T[::-1][:n_components]
    return encoder * fix_signs(encoder)[:, None]


def _check_views(view_1: ArrayLike, view_2: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return both views as finite float64 matrices of one shape, with at least two rows."""
    view_1 = check_array(view_1, dtype=np.float64, ensure_min_samples=2, input_name="view_1")
    view_2 = check_array(view_2, dtype=np.float64, ensure_min_samples=2, input_name="view_2")
    if view_1.shape != view_2.shape:
        raise ValueError(
            f"view_1 has shape {view_1.shape} and view_2 {view_2.shape}; they must be views of the "
            "same samples, row by row."
        )
    return view_1, view_2


def _check_regularization(regularization: float) -> None:
    """Refuse a penalty under which the loss has no minimum."""
    if not 0 < regularization < np.inf:
        raise ValueError(
            f"regularization={regularization!r} is not allowed; without a positive, finite penalty "
            "the loss has no minimum."
        )


def _spread_and_difference(view_1: FloatArray, view_2: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centred sum and plain difference of two views, each of shape (n_samples, n_features)."""
    spread = view_1 + view_2
    spread -= spread.mean(axis=0)
    return spread, view_1 - view_2
