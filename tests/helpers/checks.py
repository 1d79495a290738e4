"""All of scikit-learn's estimator checks: check_estimator, and those that it leaves out."""

import re
import warnings
from contextlib import nullcontext
from importlib.util import find_spec
from typing import NamedTuple
from unittest import SkipTest, mock

import sklearn
from sklearn.utils import get_tags
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

# of these, the checks that call transform
OF_TRANSFORMERS = re.compile("output_transform|feature_names_out")
# reasons for which a check of device arrays may skip: absent hardware or its library, but
# never torch on the CPU or array-api-strict, nor SCIPY_ARRAY_API, which conftest.py sets
ABSENT = re.compile(
    r"(cupy|dpnp) is not installed: not checking array_api input"
    r"|(PyTorch|CuPy) test requires cuda, which is not available"
    r"|Skipping MPS device test because PYTORCH_ENABLE_MPS_FALLBACK is not set\."
    r"|MPS is not available because the current PyTorch install was not built with MPS enabled\."
    r"|XPU is not available because the current PyTorch install was not built with XPU support\."
    r"|Skipping XPU device test because no XPU device is available"
    r"|Skipping dpnp test because no .*found"
)
# NumPy, array-api-strict on two devices, torch on the CPU in two precisions, two libraries at once,
# and another library after the fit; the others need hardware
N_ARRAY_CHECKS = 7


class CheckResult(NamedTuple):
    """Result of one check: its name, "passed", "failed" or "skipped", and the exception if any."""

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
    with _cuda_is_a_gpu():
        generated = check_estimator(estimator, on_skip=None, on_fail=None)
    if not get_tags(estimator).input_tags.sparse:
        # scikit-learn 1.6.0 generates it whatever the tags say
        wrong = "check_sample_weight_equivalence_on_sparse_data"
        generated = [each for each in generated if each["check_name"] != wrong]
    results = [CheckResult(r["check_name"], r["status"], r["exception"]) for r in generated]
    is_transformer = hasattr(estimator, "transform")
    extra = [
        check
        for check in EXTRA_CHECKS
        if is_transformer or not OF_TRANSFORMERS.search(check.__name__)
    ]
    return results + [_run_extra(check, estimator) for check in extra]


def _cuda_is_a_gpu():
    """Context in which PyTorch counts as built with CUDA only where there is a GPU.

    scikit-learn tests how PyTorch was built, and fails where a CUDA build finds no GPU.
    """
    if find_spec("torch") is None:
        return nullcontext()
    import torch

    return mock.patch.object(torch.backends.cuda, "is_built", torch.cuda.is_available)


def _run_extra(check, estimator):
    try:
        with warnings.catch_warnings():
            # the set_output checks fit on a data frame and transform an array, and the reverse
            warnings.filterwarnings("ignore", "X .* feature names", UserWarning)
            check(type(estimator).__name__, estimator)
    except SkipTest as reason:
        return CheckResult(check.__name__, "skipped", reason)
    except Exception as error:  # any exception of a failing check is its result
        return CheckResult(check.__name__, "failed", error)
    return CheckResult(check.__name__, "passed", None)


def assert_first_class(estimator, n_checks):
    """Assert that every check passes, except those of absent hardware, and how many ran.

    Parameters
    ----------
    estimator : estimator instance
        Checks run on clones of it.
    n_checks : int
        Number of checks under scikit-learn 1.9, the extra ones included.
    """
    results = run_all_checks(estimator)
    assert [result for result in results if result.status == "failed"] == []
    skipped = [result for result in results if result.status == "skipped"]
    passed = [result for result in results if result.status == "passed"]
    assert all(result.name.startswith("check_array_api") for result in skipped)
    assert [r.exception for r in skipped if not ABSENT.fullmatch(str(r.exception))] == []
    assert len(EXTRA_CHECKS) == 11
    if sklearn.__version__.startswith("1.9."):
        assert len(results) == n_checks
        n_array_checks = sum(result.name.startswith("check_array_api") for result in passed)
        assert n_array_checks >= (N_ARRAY_CHECKS if get_tags(estimator).array_api_support else 1)
    else:
        assert len(results) >= 50
