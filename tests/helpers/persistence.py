"""The ways in which an estimator is saved and returns."""

import io
import pickle

import joblib
import skops.io

__all__ = ["by_joblib", "by_pickle", "by_skops"]


def by_pickle(estimator):
    """Return what pickle makes of it."""
    return pickle.loads(pickle.dumps(estimator))


def by_joblib(estimator):
    """Return what joblib makes of it."""
    file = io.BytesIO()
    joblib.dump(estimator, file)
    file.seek(0)
    return joblib.load(file)


def by_skops(estimator):
    """Return what skops makes of it, all types trusted."""
    data = skops.io.dumps(estimator)
    return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
