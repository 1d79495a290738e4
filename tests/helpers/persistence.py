"""Estimators that are saved and loaded."""

import io
import pickle

import joblib
import skops.io

__all__ = ["by_joblib", "by_pickle", "by_skops"]


def by_pickle(estimator):
    """Return the estimator after a round trip through pickle."""
    return pickle.loads(pickle.dumps(estimator))


def by_joblib(estimator):
    """Return the estimator after a round trip through joblib."""
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


def by_skops(estimator):
    """Return the estimator after a round trip through skops, all types trusted."""
    data = skops.io.dumps(estimator)
    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
