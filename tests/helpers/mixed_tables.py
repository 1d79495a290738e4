"""A table of numbers, booleans and categories with missing entries, in several containers."""

import numpy as np
import pandas as pd
import polars as pl

__all__ = ["CATEGORICAL", "as_objects", "as_pandas", "as_polars", "mixed_columns"]

# those of mixed_columns
CATEGORICAL = [False, False, False, True, True, True, False, False]


def mixed_columns(n_rows, seed=0):
    """Columns by name, with None for missing entries."""
    rng = np.random.default_rng(seed)

    def with_missing(values, rate=0.1):
        hidden = rng.random(n_rows) < rate
        # the first rows are complete, so that every seed has every category
        hidden[:5] = False
        return [None if gone else each for each, gone in zip(values, hidden, strict=True)]

    def chosen(values):
        return [values[j] for j in (*range(len(values)), *rng.integers(len(values), size=n_rows))]

    return {
        "length": with_missing(rng.normal(3e6, 1.0, n_rows).tolist()),
        "income": np.exp(rng.normal(0, 3, n_rows)).tolist(),
        "member": with_missing((rng.random(n_rows) < 0.5).tolist()),
        "colour": with_missing(chosen(["red", "green", "blue"])[:n_rows]),
        "size": chosen(["S", "M", "L", "XL"])[:n_rows],
        "nothing": [None] * n_rows,
        "constant": [7] * n_rows,
        "count": with_missing(rng.integers(0, 9, n_rows).tolist()),
    }


def as_pandas(columns):
    """Data frame of pandas with a nullable, a categorical and an object column."""
    frame = pd.DataFrame({name: pd.Series(each, dtype=object) for name, each in columns.items()})
    types = {"length": float, "income": float, "member": "boolean", "size": "category"}
    return frame.astype(types | {"constant": int, "count": "Int64"})


def as_polars(columns):
    """Data frame of polars with an Enum and a Categorical column."""
    frame = pl.DataFrame(columns)
    sizes = pl.Enum(sorted(set(columns["size"])))
    return frame.with_columns(pl.col("size").cast(sizes), pl.col("colour").cast(pl.Categorical))


def as_objects(columns):
    """Array of objects."""
    return np.array(list(columns.values()), dtype=object).T
