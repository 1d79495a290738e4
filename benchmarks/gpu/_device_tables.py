"""LinearContrastive of a table on a GPU, against PCA there and one matrix product."""

import numpy as np
import torch
from sklearn import config_context
from sklearn.decomposition import PCA

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive._sklearn_compat import ARRAY_API
from sklearn_contrastive.metrics import sin_theta_distance

from .._common.timing import median_ratio
from ._gpu_sections import Goal, Skipped

N_COMPONENTS = 10
SIZES, QUICK_SIZES = ((1_000_000, 1_000), (200_000, 2_000)), ((500, 20),)
# of a fit over one product of the table with its transpose; only the first table has this goal
PRODUCTS = 1.5
_ROWS = 2**14


def tables_on_device(setting, found):
    """Times of LinearContrastive, PCA and one product; errors of both subspaces."""
    if not ARRAY_API:
        raise Skipped("scikit-learn < 1.9 accepts only NumPy arrays")
    found["tf32"] = torch.backends.cuda.matmul.allow_tf32
    found["tables"] = []
    for n, d in QUICK_SIZES if setting.quick else SIZES:
        with config_context(array_api_dispatch=True):
            found["tables"].append(one_table(setting, n, d))
    first = found["tables"][0]
    return [
        Goal(
            f"LinearContrastive over one product, {first['n']:,} x {first['d']:,}",
            first["over one product"],
            PRODUCTS,
        )
    ]


def one_table(setting, n, d):
    """Times and errors of one table; a fit includes the check of its input."""
    X, loadings = table(n, d, setting.device)
    ours = LinearContrastive(N_COMPONENTS)
    pca = PCA(N_COMPONENTS, svd_solver="covariance_eigh")
    times = setting.times(
        {
            "product": lambda: X.T @ X,
            "LinearContrastive": lambda: ours.fit(X),
            "PCA": lambda: pca.fit(X),
        }
    )
    errors = {
        f"error of {name}": sin_theta_distance(model.components_.cpu().numpy(), loadings)
        for name, model in (("LinearContrastive", ours), ("PCA", pca))
    }
    return {
        "n": n,
        "d": d,
        "dtype": str(X.dtype).removeprefix("torch."),
        **{f"{name} s": float(np.median(seconds)) for name, seconds in times.items()},
        "over one product": median_ratio(times, "LinearContrastive", "product"),
        "over PCA": median_ratio(times, "LinearContrastive", "PCA"),
        "peak memory GB": setting.peak_memory(),
        **errors,
    }


def table(n, d, device):
    """Samples in float32 on a device, factors plus unequal noise; rows of loadings on the host."""
    draws = torch.Generator(device).manual_seed(0)
    options = {"generator": draws, "device": device}
    loadings = torch.randn(d, N_COMPONENTS, **options)
    noise = torch.exp(torch.empty(d, device=device).uniform_(-1, 1, generator=draws))
    X = torch.empty(n, d, device=device)
    for rows in X.split(_ROWS):
        rows.normal_(generator=draws).mul_(noise)
        rows.add_(torch.randn(len(rows), N_COMPONENTS, **options) @ loadings.T)
    return X, loadings.T.cpu().numpy()
