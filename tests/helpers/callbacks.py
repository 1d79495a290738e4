"""scikit-learn callbacks that record their calls."""

import pytest

__all__ = ["recording_callback"]


def recording_callback():
    """Return a callback, and the list of its calls: (event, estimator name, task name).

    The test is skipped where scikit-learn has no callbacks, before 1.9.
    """
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn < 1.9 has no callbacks")
    calls = []

    class RecordingCallback:
        def setup(self, estimator, context):
            calls.append(("setup", type(estimator).__name__, None))

        def on_fit_task_begin(self, estimator, context, **kwargs):
            calls.append(("begin", type(estimator).__name__, context.task_name))

        def on_fit_task_end(self, estimator, context, **kwargs):
            calls.append(("end", type(estimator).__name__, context.task_name))

        def teardown(self, estimator, context):
            calls.append(("teardown", type(estimator).__name__, None))

    assert isinstance(RecordingCallback(), callback.FitCallback)
    return RecordingCallback(), calls
