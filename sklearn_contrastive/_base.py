"""Base class of all estimators, fitted state that survives a failed refit, progress callbacks."""

from contextlib import contextmanager

from sklearn.base import BaseEstimator

from ._sklearn_compat import CallbackSupportMixin

__all__ = ["ContrastiveEstimator", "fit_progress", "fitted_state_kept_on_error"]


class ContrastiveEstimator(CallbackSupportMixin, BaseEstimator):
    """Base of the library's estimators: documentation links of the HTML view, callbacks."""

    _doc_link_module = "sklearn_contrastive"
    _doc_link_url_param_generator = None

    @property
    def _doc_link_template(self):
        return (
            "https://sklearn-contrastive.readthedocs.io/en/latest/api/generated/"
            "{estimator_module}.{estimator_name}.html"
        )


@contextmanager
def fitted_state_kept_on_error(estimator):
    """Put an estimator's attributes back as they were if the body raises.

    scikit-learn's ``validate_data(reset=True)`` overwrites ``n_features_in_`` before it checks
    the values, so that a refit that fails would otherwise leave a broken estimator.

    Parameters
    ----------
    estimator : estimator instance
        The estimator whose ``__dict__`` is kept. Attributes are replaced by fits, never changed
        in place, hence the shallow copy.
    """
    kept = dict(vars(estimator))
    try:
        yield
    except BaseException:
        # scikit-learn tears its callbacks down after the error; they are not fitted state
        callbacks = {name: value for name, value in vars(estimator).items() if "callback" in name}
        vars(estimator).clear()
        vars(estimator).update(kept, **callbacks)
        raise


class fit_progress:
    """Report the steps of a fit to scikit-learn's callbacks, if any are set.

    Parameters
    ----------
    estimator : estimator instance
        The estimator being fitted.

    X, y : object
        Arguments of ``fit``; passed to the callbacks.

    n_steps : int or None
        Number of steps, None where it is not known in advance.
    """

    def __init__(self, estimator, X=None, y=None, n_steps=None):
        self._arguments = {"estimator": estimator, "X": X, "y": y}
        start = estimator._init_callback_context
        self._context = start(max_subtasks=n_steps) if start is not None else None

    def __enter__(self):
        if self._context is not None:
            self._context.call_on_fit_task_begin(**self._arguments)
        return self

    def step(self, name):
        """Report that one step, a block of rows or an eigenproblem, is done."""
        if self._context is not None:
            estimator = self._arguments["estimator"]
            step = self._context.subcontext(task_name=name)
            step.call_on_fit_task_begin(estimator=estimator)
            step.call_on_fit_task_end(estimator=estimator)

    def __exit__(self, kind, error, traceback):
        if self._context is not None and error is None:
            self._context.call_on_fit_task_end(**self._arguments)
