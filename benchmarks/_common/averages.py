"""Means and standard errors over draws."""

import numpy as np


def averaged(draws):
    """Mean and its standard error of each number that every draw has.

    Parameters
    ----------
    draws : list of dict of str to float

    Returns
    -------
    average : dict
        "mean" and "standard_error", each name -> number.
    """
    names = [name for name in draws[0] if all(name in draw for draw in draws)]
    values = {name: np.array([draw[name] for draw in draws], float) for name in names}
    return {
        "mean": {name: float(value.mean()) for name, value in values.items()},
        "standard_error": {
            name: float(value.std(ddof=1) / np.sqrt(len(value))) for name, value in values.items()
        },
    }


def with_prefix(average, prefix):
    """The part of an average whose names are `prefix, name`, under the names alone."""
    start = f"{prefix}, "
    return {
        statistic: {
            name.removeprefix(start): value
            for name, value in values.items()
            if name.startswith(start)
        }
        for statistic, values in average.items()
    }


def plus_minus(average, names, digits=3, separator="±"):
    """Cells of a table: mean and standard error of some names of an average."""
    return {
        name: f"{average['mean'][name]:.{digits}f}{separator}"
        f"{average['standard_error'][name]:.{digits}f}"
        for name in names
    }
