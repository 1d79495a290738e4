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
    [1]_. Under equal noise it does not hold.

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
    sqrt(d r / m) of m labelled samples, which have no bias [1]_. The classes are of the task at
    hand and their means span the subspace.

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


def transfer_rate(n_components: int, n_classes: int) -> float:
    """Rate of the error that labels of too few classes cause, up to an unspecified constant.

    The means of K classes have at most K - 1 directions. As the weight of the labels grows, the
    other r - (K - 1) of the r components are lost, and with them the tasks that need them [1]_:
    the error is of order sqrt(max(r - (K - 1), 0)).

    Parameters
    ----------
    n_components : int
        Dimension r of the signal subspace.
    n_classes : int
        Number of classes K, at least 2.

    Returns
    -------
    rate : float
        The error, up to an unspecified constant factor.

    Raises
    ------
    ValueError
        If n_components is no positive integer or n_classes is below 2.

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
    >>> [transfer_rate(5, n_classes) for n_classes in (2, 5, 6, 10)]
    [2.0, 1.0, 0.0, 0.0]
    """
    check_size("n_components", n_components)
    check_size("n_classes", n_classes, at_least=2)
    return float(np.sqrt(max(n_components - (n_classes - 1), 0)))


def _check_sizes(n_features: int, n_components: int) -> None:
    check_size("n_features", n_features)
    check_size("n_components", n_components, at_most=n_features)
