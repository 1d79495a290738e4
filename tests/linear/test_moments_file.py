"""Files of moments: round trips, and damaged, altered or malicious files."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sklearn_contrastive.linear import Moments

X = np.random.default_rng(0).normal(5.0, size=(100, 4))


@pytest.mark.parametrize(
    "moments",
    [
        Moments.from_array(X),
        Moments.from_array(X[:10].astype(np.float32)),
        Moments.from_array(np.where(X > 6, np.nan, X)),
        Moments.from_array(1e200 * X),
        Moments.from_array(pd.DataFrame(X, columns=["a", "b", "é", "日本"])),
        Moments.from_covariance(np.cov(X.T), None, 100),
        Moments.from_array(X, np.full(100, 0.3)),
        Moments.from_array(np.empty((0, 4))),
    ],
    ids=["dense", "few rows", "NaN", "unit", "names", "covariance", "weights", "nothing"],
)
def test_loaded_moments_are_equal_to_the_last_bit(moments, tmp_path):
    moments = moments + Moments.from_array(np.empty((0, 4)))  # few rows become their scatter
    moments.save(tmp_path / "moments")  # no suffix is added
    loaded = Moments.load(str(tmp_path / "moments"))
    assert [path.name for path in tmp_path.iterdir()] == ["moments"]
    assert (loaded.n_samples, loaded.unit, loaded.dtype) == (
        moments.n_samples,
        moments.unit,
        moments.dtype,
    )
    assert_array_equal(loaded.mean, moments.mean)
    assert_array_equal(loaded.covariance, moments.covariance)
    assert_array_equal(loaded.feature_names, moments.feature_names)
    kurtosis = moments.stored.kurtosis()
    assert_array_equal(loaded.stored.kurtosis(), kurtosis)
    assert (loaded + moments).n_samples == pytest.approx(2 * moments.n_samples)


def arrays_of(folder):
    """Return the arrays of a good file by name."""
    Moments.from_array(X).save(folder / "good")
    with np.load(folder / "good") as file:
        return dict(file)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": np.array(2)}, "has version 2 of the format, and this one reads version 1"),
        ({"format": np.array("other")}, "format is 'other'"),
        ({"kind": np.array("class")}, "kind is 'class'"),
        ({"dtype": np.array("int8")}, "dtype is 'int8'"),
        ({"scatter": np.eye(3)}, r"scatter.npy has shape \(3, 3\), where \(4, 4\) is needed"),
        ({"scatter": np.eye(4, dtype=np.float32)}, "not finite numbers in float64"),
        ({"scatter": -np.eye(4)}, "sum of squares is negative"),
        ({"mean": np.full(4, np.nan)}, "mean has entries that are not finite"),
        ({"mean": np.zeros((2, 2))}, r"mean has shape \(2, 2\)"),
        ({"mean": np.zeros(0)}, r"mean has shape \(0,\)"),
        ({"n_samples": np.array(-1.0)}, "number of samples or a sum of squares is negative"),
        ({"unit": np.array(0.0)}, "unit is 0"),
        ({"feature_names": np.array(["a"])}, r"feature_names.npy has shape \(1,\)"),
        ({"feature_names": np.array([1, 2, 3, 4])}, "feature_names.npy has the type int64"),
        ({"third": None}, "it has no array 'third'"),
        ({"../outside": np.zeros(1)}, r"it has an unknown array '\.\./outside'"),
        ({"scatter": None}, "it has no array 'scatter'"),
    ],
)
def test_files_of_other_arrays_are_refused_with_the_reason(changes, message, tmp_path):
    arrays = arrays_of(tmp_path) | changes
    arrays = {name: array for name, array in arrays.items() if array is not None}
    with open(tmp_path / "changed", "wb") as file:
        np.savez(file, **arrays)
    with pytest.raises(ValueError, match=message):
        Moments.load(tmp_path / "changed")


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        Moments.load(tmp_path / "none")
    with pytest.raises(OSError, match="none"):
        Moments.from_array(X).save(tmp_path / "none" / "file")
