"""Rates of errors, up to an unspecified constant."""

import numpy as np

from ._checks import check_size

__all__ = [
    "contrastive_rate",
    "generative_rate",
    "in_domain_rate",
    "transfer_rate",
]


def contrastive_rate(n_features: int, n_components: int, n_samples: int) -> float:
    """Rate of the contrastive components' error, up to an unspecified constant.

    With d features, r components and n samples it is r^3/2 log(d) / d + sqrt(d r / n) [1]_: a bias
    that vanishes as features are added, and a sampling error that vanishes with more samples.
    Compare rates at two sizes with each other; do not compare a rate with an error.

    It needs signals of equal strength, noise of the order of the signal, and an incoherence of
    order r log(d) / d. The condition on the incoherence is recalled from [1]_ and was not compared
    with its text; random subspaces meet it.

    Parameters
    ----------
    n_features : int
        Number of features d.
    n_components : int
        Dimension r of the signal subspace, at most n_features.
    n_samples : int
        Number of samples n.

    Returns
    -------
    rate : float
        The error, up to an unspecified constant factor.

    Raises
    ------
    ValueError
        If a number is no positive integer, or there are more components than features.

    See Also
    --------
    contrastive_bias_bound : A bound with all its constants.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> from sklearn_contrastive.theory.bounds import contrastive_rate
    >>> ratio = contrastive_rate(100, 5, 10**4) / contrastive_rate(100, 5, 10**8)
    >>> round(ratio, 2)
    1.43
    """
    _check_sizes(n_features, n_components)
    check_size("n_samples", n_samples)
    bias = n_components**1.5 * np.log(n_features) / n_features
    return float(bias + np.sqrt(n_features * n_components / n_samples))


def generative_rate(n_components: int) -> float:
    """Rate of the error of autoencoders, GANs and PCA under unequal noise.

    It is sqrt(n_components), up to an unspecified constant: where the noise is unequal and the
    signal weak, the error is a fixed share of the largest possible one for any number of samples
    [1]_. It does not hold under equal noise, nor for autoencoders that see few of the features at a
    time (:meth:`SpikedCovarianceModel.autoencoder_encoder` with a small keep probability), nor
    behind a StandardScaler.

    Parameters
    ----------
    n_components : int
        Dimension of the signal subspace.

    Returns
    -------
    rate : float
        The lower bound on the error, up to an unspecified constant factor.

    Raises
    ------
    ValueError
        If n_components is no positive integer.

    See Also
    --------
    pca_lower_bound : A bound for PCA with all its constants.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> from sklearn_contrastive.theory.bounds import generative_rate
    >>> generative_rate(9)
    3.0
    """
    check_size("n_components", n_components)
    return float(np.sqrt(n_components))


def in_domain_rate(
    n_features: int, n_components: int, n_samples: int, n_labelled: int, alpha: float
) -> float:
    """Rate of the error with labels of the task at hand, up to an unspecified constant.

    A mean of two errors, with weights 1 and alpha: that of :func:`contrastive_rate`, and
    sqrt(d r / m) of m labelled samples, which have no bias. The classes are of the task at hand and
    their means span the subspace. This form is recalled from [1]_ and was not compared with its
    text.

    Parameters
    ----------
    n_features : int
        Number of features d.
    n_components : int
        Dimension r of the signal subspace, at most n_features.
    n_samples : int
        Number of samples n without labels.
    n_labelled : int
        Number of samples m with labels.
    alpha : float
        Weight of the labels, at least 0; infinity for labels alone.

    Returns
    -------
    rate : float
        The error, up to an unspecified constant factor.

    Raises
    ------
    ValueError
        If a size is no positive integer, there are more components than features, or alpha is
        negative.

    See Also
    --------
    transfer_rate : The error that labels of too few classes cause.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> from sklearn_contrastive.theory.bounds import in_domain_rate
    >>> few, many = (in_domain_rate(100, 5, 2000, m, alpha=1.0) for m in (100, 10_000))
    >>> few > in_domain_rate(100, 5, 2000, 100, alpha=0.0) > many
    True
    """
    unlabelled = contrastive_rate(n_features, n_components, n_samples)
    check_size("n_labelled", n_labelled)
    if not alpha >= 0:
        raise ValueError(f"alpha={alpha!r} is not allowed; give a number of at least 0.")
    # not alpha / (1 + alpha), which is NaN for infinity
    share = 1 / (1 + alpha)
    labelled = np.sqrt(n_features * n_components / n_labelled)
    return float(share * unlabelled + (1 - share) * labelled)


def transfer_rate(
    n_features: int,
    n_components: int,
    n_samples: int,
    n_labelled: int,
    n_classes: int,
    alpha: float,
) -> float:
    """Rate of the error where labels have too few classes, up to an unspecified constant.

    With d features, r components, m labelled samples and K classes, it is that of
    :func:`in_domain_rate`, plus

    sqrt(max(r - (K - 1), 0)) min(1, alpha d / m).

    The means of K classes have at most K - 1 directions. In the population labels of any finite
    weight alpha keep the other r - (K - 1), because the loss of the samples finds them. The
    supervised matrix of m samples has noise of order d / m outside the class means, which hides
    these directions from alpha of order m / d on: with them the tasks that need them are lost.
    This is an upper rate: class means without noise are lost later, from alpha of order m on.

    That labels of one task harm another is a result of [1]_. This form is derived here, for a
    fixed number of classes and noise of the order of the signal; it is not that of [1]_.

    Parameters
    ----------
    n_features : int
        Number of features d.
    n_components : int
        Dimension r of the signal subspace, at most n_features.
    n_samples : int
        Number of samples n without labels.
    n_labelled : int
        Number of samples m with labels.
    n_classes : int
        Number of classes K, at least 2.
    alpha : float
        Weight of the labels, at least 0; infinity for labels alone.

    Returns
    -------
    rate : float
        The error, up to an unspecified constant factor.

    Raises
    ------
    ValueError
        If a size is no positive integer, there are more components than features, n_classes is
        below 2, or alpha is negative.

    See Also
    --------
    in_domain_rate : With enough classes.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> from sklearn_contrastive.theory.bounds import transfer_rate
    >>> for m in (600, 60_000):  # few labels lose directions at a weight at which many do not
    ...     print(round(transfer_rate(40, 5, 10**6, m, n_classes=2, alpha=100.0), 1))
    2.6
    0.2
    """
    rate = in_domain_rate(n_features, n_components, n_samples, n_labelled, alpha)
    check_size("n_classes", n_classes, at_least=2)
    lost = max(n_components - (n_classes - 1), 0)
    return float(rate + np.sqrt(lost) * min(1.0, alpha * n_features / n_labelled))


def _check_sizes(n_features: int, n_components: int) -> None:
    check_size("n_features", n_features)
    check_size("n_components", n_components, at_most=n_features)
