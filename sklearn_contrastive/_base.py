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
        try:
            _restore(estimator, kept)
        finally:  # a second interruption may have come in between
            _restore(estimator, kept)
        raise


def _restore(estimator, kept):
    """Replace all attributes, in one assignment, which an interruption cannot divide."""
    # scikit-learn tears its callbacks down after the error; they are not fitted state
    callbacks = {name: value for name, value in vars(estimator).items() if "callback" in name}
    estimator.__dict__ = kept | callbacks


@contextmanager
def fit_progress(estimator, X=None, y=None, n_steps=None):
    """Report the steps of a fit to scikit-learn's callbacks, if any are set.

    Parameters
    ----------
    estimator : estimator instance
        The estimator being fitted.
    X, y : object
        The arguments of ``fit``, passed on to the callbacks.
    n_steps : int or None
        Number of steps, if it is known.

    Yields
    ------
    on_step : callable
        Takes the name of a finished step, such as a block of rows or an eigenproblem.
    """
    start = estimator._init_callback_context
    context = start(max_subtasks=n_steps) if start is not None else None

    def on_step(name):
        if context is not None:
            step = context.subcontext(task_name=name)
            step.call_on_fit_task_begin(estimator=estimator)
            step.call_on_fit_task_end(estimator=estimator)

    if context is not None:
        context.call_on_fit_task_begin(estimator=estimator, X=X, y=y)
    yield on_step
    if context is not None:  # an error does not come here: scikit-learn ends the context then
        context.call_on_fit_task_end(estimator=estimator, X=X, y=y)
