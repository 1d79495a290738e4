"""Rules for the number of components, written from their papers."""

import numpy as np
from sklearn.decomposition import PCA

#: permutations or sign flips of each table
N_NULLS = 19
#: features up to which PCA's "mle" is run
LARGEST_FOR_MLE = 100


def standardised(X):
    """Columns of mean 0 and sum of squares 1, without the constant ones."""
    centred = X - X.mean(axis=0)
    size = np.sqrt(np.sum(centred**2, axis=0))
    live = size > 1e-12 * max(size.max(initial=0.0), 1e-300)
    return centred[:, live] / size[live]


def eigenvalues(Z):
    """Eigenvalues of Z'Z that are not always zero, largest first."""
    gram = Z.T @ Z if Z.shape[0] >= Z.shape[1] else Z @ Z.T
    return np.maximum(np.linalg.eigvalsh(gram)[::-1], 0.0)


def parallel_analysis(X, rng):
    """Leading eigenvalues above the 95 % quantile of those of permuted columns (Horn 1965)."""
    Z = standardised(X)
    nulls = [eigenvalues(rng.permuted(Z, axis=0)) for _ in range(N_NULLS)]
    return leading(eigenvalues(Z) > np.quantile(nulls, 0.95, axis=0))


def flip_pa(X, rng):
    """The same with random signs of the entries (Hong, Sheng and Dobriban 2020)."""
    Z = standardised(X)
    nulls = [eigenvalues(Z * rng.choice([-1.0, 1.0], size=Z.shape)) for _ in range(N_NULLS)]
    return leading(eigenvalues(Z) > np.quantile(nulls, 0.95, axis=0))


def gavish_donoho(X, rng):
    """Singular values above omega(beta) times their median (Gavish and Donoho 2014).

    The polynomial for unknown noise, equal in all entries: columns are standardised.
    """
    Z = standardised(X)
    beta = min(Z.shape) / max(Z.shape)
    omega = 0.56 * beta**3 - 0.95 * beta**2 + 1.82 * beta + 1.43
    values = np.sqrt(eigenvalues(Z))
    return int(np.sum(values > omega * np.median(values)))


def screenot(X, rng):
    """Singular values above ScreeNOT's threshold (Donoho, Gavish and Romanov 2023).

    The upper bound on the number is a fifth of the smaller side. Singular values above it are
    replaced by a continuation of the others; the threshold theta solves Psi(theta) = -4 with
    Psi = theta (phi'/phi + phi~'/phi~) of the D-transform phi phi~ of what is left.
    """
    Z = standardised(X)
    n, p = max(Z.shape), min(Z.shape)
    k = max(1, p // 5)
    values = np.sqrt(eigenvalues(Z))
    top = values[k]
    spread = values[k] - values[2 * k] if 2 * k < p else 0.0
    share = (1 - (np.arange(k) / k) ** (2 / 3)) / (2 ** (2 / 3) - 1)
    bulk = np.concatenate([top + share * spread, values[k:]])
    beta = p / n

    def psi(theta):
        gap = theta**2 - bulk**2
        phi, slope = np.mean(theta / gap), -np.mean((theta**2 + bulk**2) / gap**2)
        other = beta * phi + (1 - beta) / theta
        return theta * (slope / phi + (beta * slope - (1 - beta) / theta**2) / other)

    low, high = bulk.max() * (1 + 1e-9), 100.0 * bulk.max()
    for _ in range(60):  # psi grows with theta
        middle = 0.5 * (low + high)
        low, high = (middle, high) if psi(middle) < -4 else (low, middle)
    return int(np.sum(values > high))


def mle(X, rng):
    """PCA(n_components="mle") of standardised columns (Minka 2000), where it runs.

    It needs n >= d, fails where eigenvalues are equal, and takes time of order d^3 in Python.
    """
    Z = standardised(X)
    if Z.shape[0] < Z.shape[1] or Z.shape[1] > LARGEST_FOR_MLE:
        return None
    try:
        return int(PCA("mle", svd_solver="full").fit(Z).n_components_)
    except ValueError:
        return None


def leading(above):
    """Number of values above their thresholds before the first that is not."""
    return int(np.argmin(np.r_[above, False]))


RIVALS = {
    "parallel analysis": parallel_analysis,
    "FlipPA": flip_pa,
    "Gavish-Donoho": gavish_donoho,
    "ScreeNOT": screenot,
    "PCA mle": mle,
}
