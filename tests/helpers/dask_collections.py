"""Dask collections of one array, in the forms that users have."""

import pandas as pd
import pytest
from scipy import sparse

da = pytest.importorskip("dask.array", reason="dask is not installed")
dd = pytest.importorskip("dask.dataframe", reason="dask.dataframe is not installed")

__all__ = ["FORMS", "collection_of", "of_unknown_sizes"]

# forms of dense rows; sparse ones have no missing entries
FORMS = [
    "rows",
    "several column chunks",
    "unknown sizes",
    "frame",
    "one chunk",
    "many chunks",
    "empty chunks and one of one row",
]


def of_unknown_sizes(array):
    """The same array, of whose chunks dask does not know the numbers of rows."""
    return array[array[:, 0] != float("inf")]


def collection_of(X, form):
    """A dask array or data frame that holds X."""
    width = X.shape[1]
    if form == "frame":
        names = [f"x{i}" for i in range(width)]
        return dd.from_pandas(pd.DataFrame(X, columns=names), npartitions=4)
    rows = {"one chunk": len(X), "many chunks": 50}.get(form, 130)
    columns = 5 if form in ("several column chunks", "unknown sizes", "sparse columns") else width
    if form == "empty chunks and one of one row":
        rows = (0, 1, 130, 0, len(X) - 131, 0)
    array = da.from_array(X, chunks=(rows, columns))
    if form == "unknown sizes":
        return of_unknown_sizes(array)
    return array.map_blocks(sparse.csr_matrix) if form.startswith("sparse") else array
