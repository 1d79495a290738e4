"""Checkpoints that are held until the whole fit ends: removed, kept after errors, never mixed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from filelock import FileLock, Timeout

from sklearn_contrastive.deep._training.held_checkpoints import held_checkpoints

STATE = {"weight": torch.ones(2)}


def saved(held, folder, name):
    """Open a checkpoint, save a state, and report that the training has finished."""
    checkpoint = held.open(folder, 3, name)
    checkpoint.save(STATE)
    held.finish(checkpoint)


def states(folder):
    return len(list(folder.glob("*/state.pt")))


def test_checkpoints_of_inner_fits_are_removed_with_the_outer_one(tmp_path):
    with held_checkpoints() as outer:
        with held_checkpoints() as inner:
            assert inner is outer
            saved(inner, tmp_path, "first")
        assert states(tmp_path) == 1
        for path in tmp_path.glob("*.lock"):
            with pytest.raises(Timeout):
                FileLock(path).acquire(timeout=0)
        saved(outer, tmp_path, "second")
        assert states(tmp_path) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_keeps_all_and_unlocks_them(error, tmp_path):
    with pytest.raises(error), held_checkpoints() as outer:  # noqa: PT012
        with held_checkpoints() as inner:
            saved(inner, tmp_path, "first")
        saved(outer, tmp_path, "second")
        raise error
    assert states(tmp_path) == 2
    for path in tmp_path.glob("*.lock"):
        with FileLock(path).acquire(timeout=0):
            pass
    # the next fit is one of its own
    with held_checkpoints() as held:
        assert held is not outer
        assert torch.equal(held.open(tmp_path, 3, "first").load()["weight"], STATE["weight"])


def test_a_training_that_has_not_finished_is_kept(tmp_path):
    with held_checkpoints() as held:
        held.open(tmp_path, 3, "first").save(STATE)
        saved(held, tmp_path, "second")
    assert states(tmp_path) == 1


def test_fits_in_threads_hold_their_own():
    def held_in_thread():
        with held_checkpoints() as held:
            return held

    with held_checkpoints() as held, ThreadPoolExecutor(1) as pool:
        assert pool.submit(held_in_thread).result() is not held
