"""All of scikit-learn's estimator checks: those it generates, and those it keeps for itself."""

import warnings
from typing import NamedTuple
from unittest import SkipTest

import sklearn
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimator,
    check_get_feature_names_out_error,
    check_global_output_transform_pandas,
    check_global_set_output_transform_polars,
    check_inplace_ensure_writeable,
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
)

__all__ = ["assert_first_class"]

# scikit-learn runs these on its own estimators only; `check_estimator` leaves them out
EXTRA_CHECKS = [
    check_dataframe_column_names_consistency,
    check_param_validation,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    check_get_feature_names_out_error,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_global_output_transform_pandas,
    check_global_set_output_transform_polars,
    check_inplace_ensure_writeable,
]


class CheckResult(NamedTuple):
    """What one check said: its name, "passed", "failed" or "skipped", and the exception if any."""

    name: str
    status: str
    exception: Exception | None


def run_all_checks(estimator):
    """Run every generated check and the extra ones, and return a list of CheckResult.

    Parameters
    ----------
    estimator : estimator instance
        Checks run on clones of it.
    """
    generated = check_estimator(estimator, on_skip=None, on_fail=None)
    results = [CheckResult(r["check_name"], r["status"], r["exception"]) for r in generated]
    return results + [_run_extra(check, estimator) for check in EXTRA_CHECKS]


def _run_extra(check, estimator):
    try:
        with warnings.catch_warnings():
            # the set_output checks fit on a data frame and transform an array, and the reverse
            warnings.filterwarnings("ignore", "X .* feature names", UserWarning)
            check(type(estimator).__name__, estimator)
    except SkipTest as reason:
        return CheckResult(check.__name__, "skipped", reason)
    except Exception as error:  # whatever a failing check raises is its result
        return CheckResult(check.__name__, "failed", error)
    return CheckResult(check.__name__, "passed", None)


def assert_first_class(estimator, n_checks):
    """Assert that every check passes or is one of the array API's, and how many there are.

    Parameters
    ----------
    estimator : estimator instance
        Checks run on clones of it.
    n_checks : int
        Number of checks under scikit-learn 1.9, the extra ones included.
    """
    results = run_all_checks(estimator)
    assert [result for result in results if result.status == "failed"] == []
    # these run in a process of their own, where SCIPY_ARRAY_API=1: see test_array_api.py
    skipped = {result.name for result in results if result.status == "skipped"}
    assert all(name.startswith("check_array_api") for name in skipped)
    assert len(EXTRA_CHECKS) == 11
    if sklearn.__version__.startswith("1.9."):
        assert len(results) == n_checks
    else:
        assert len(results) >= 50
