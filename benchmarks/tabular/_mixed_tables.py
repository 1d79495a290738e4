"""Tables of numbers and categories with missing entries, for tuning and for reports.

The rule, written before any network was compared on the reported tables: the classification tables
of `r_tables`, with all their columns, that have at least 1000 rows with a class of at least ten
rows. Its final ones are reported. Settings were chosen on twelve of its tuning ones, whatever their
size. Columns of text with more than 30 values, such as names, are left out. Four tables of
`real_tables` are reported too.
"""

import numpy as np

from .._common import r_tables, real_tables

__all__ = ["REPORTED", "TUNING", "load"]

MAX_ROWS = 1200
MAX_GENES = 200
MAX_TEXTS = 30

TUNING = (
    "ISLR/College",
    "modeldata/attrition",
    "mosaicData/HELPmiss",
    "mlmRev/star",
    "Ecdat/Crime",
    "modeldata/leaf_id_flavia",
    "ggplot2/diamonds",
    "openintro/epa2021",
    "stevedata/USFAHR",
    "Stat2Data/NCbirths",
    "Ecdat/Kakadu",
    "MASS/biopsy",
)
REPORTED = (
    "digits",
    "breast_cancer",
    "olive",
    "pbmc",
    "Ecdat/Computers",
    "Ecdat/Fishing",
    "Ecdat/MedExp",
    "Ecdat/VietNamH",
    "ISLR/OJ",
    "ISLR/Weekly",
    "modeldata/ames",
    "modeldata/credit_data",
    "modeldata/mlc_churn",
    "mosaicData/Births",
    "mosaicData/BirthsSSA",
    "mosaicData/Weather",
    "openintro/epa2012",
    "openintro/labor_market_discrimination",
    "Stat2Data/MathPlacement",
    "stevedata/ESS10NO",
)


def load(name):
    """One table: at most 1200 random rows.

    Returns
    -------
    X : DataFrame of shape (n_samples, n_features)
        Numbers and text, with missing entries.
    y : ndarray of int of shape (n_samples,)
        Class numbers from 0.
    """
    import pandas as pd
    from pandas.api.types import is_numeric_dtype

    if name in real_tables.LOADERS:
        X, y = real_tables.LOADERS[name]()
        largest = np.sort(np.argsort(X.var(axis=0))[::-1][:MAX_GENES])
        X, y = pd.DataFrame(X[:, largest]).add_prefix("column "), pd.Series(y)
    else:
        frame = real_tables.read_rdataset(name)
        target = (r_tables.TUNING | r_tables.FINAL)[name]
        X, y = frame.drop(columns=target), frame[target].astype(object)
    counts = y.value_counts()
    kept = y.isin(counts[counts >= 10].index).to_numpy()
    X, y = X[kept], y[kept]
    usable = [
        X[column].nunique() > 1
        and (is_numeric_dtype(X[column]) or X[column].nunique() <= MAX_TEXTS)
        for column in X
    ]
    rows = np.sort(np.random.default_rng(0).permutation(len(X))[:MAX_ROWS])
    X = X.loc[:, usable].iloc[rows].reset_index(drop=True)
    return X, np.unique(y.to_numpy(str)[rows], return_inverse=True)[1]
