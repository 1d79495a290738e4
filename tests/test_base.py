"""Fitted state after errors and interruptions."""

import sys

import numpy as np
import pytest

from sklearn_contrastive import LinearContrastive, _base


@pytest.mark.parametrize("n_lines", range(1, 9))
def test_a_second_interruption_leaves_all_attributes(n_lines):
    """The second one comes at one of the first lines that undo the first."""

    def trace(frame, event, argument):
        if frame.f_code.co_filename == _base.__file__ and undoing and event == "line":
            undoing.append(frame.f_lineno)
            if len(undoing) == n_lines:
                sys.settrace(None)
                raise KeyboardInterrupt
        if event == "exception":
            undoing.append(frame.f_lineno)
        return trace

    undoing = []
    model = LinearContrastive(2, random_state=0).fit(np.random.default_rng(0).normal(size=(50, 6)))
    before = dict(vars(model))
    sys.settrace(trace)
    try:
        with pytest.raises((KeyboardInterrupt, ValueError)):
            model.fit(np.full((5, 3), np.inf))
    finally:
        sys.settrace(None)
    assert set(vars(model)) >= set(before)
    assert model.get_params() == LinearContrastive(2, random_state=0).get_params()
