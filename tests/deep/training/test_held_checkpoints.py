"""Checkpoints that are held until the whole fit ends: removed, kept after errors, never mixed."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from filelock import FileLock, Timeout

from sklearn_contrastive.deep._training.held_checkpoints import held_checkpoints

STATE = {"weight": torch.ones(2)}


def saved(held, name):
    """Open a checkpoint, save a state, and report that the training has finished."""
    checkpoint = held.open(3, name)
    checkpoint.save(STATE)
    held.finish(checkpoint)


def states(folder):
    return len(list(folder.glob("*/state.pt")))


def test_checkpoints_of_inner_fits_are_removed_with_the_outer_one(tmp_path):
    with held_checkpoints(tmp_path) as outer:
        with held_checkpoints(None) as inner:
            assert inner is outer
            saved(inner, "first")
        assert states(tmp_path) == 1
        for path in tmp_path.glob("*.lock"):
            with pytest.raises(Timeout):
                FileLock(path).acquire(timeout=0)
        saved(outer, "second")
        assert states(tmp_path) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_keeps_all_and_unlocks_them(error, tmp_path):
    with pytest.raises(error), held_checkpoints(tmp_path) as outer:  # noqa: PT012
        with held_checkpoints(None) as inner:
            saved(inner, "first")
        saved(outer, "second")
        raise error
    assert states(tmp_path) == 2
    for path in tmp_path.glob("*.lock"):
        with FileLock(path).acquire(timeout=0):
            pass
    # the next fit is one of its own
    with held_checkpoints(tmp_path) as held:
        assert held is not outer
        assert torch.equal(held.open(3, "first").load()["weight"], STATE["weight"])


def test_a_training_that_has_not_finished_is_kept(tmp_path):
    with held_checkpoints(tmp_path) as held:
        held.open(3, "first").save(STATE)
        saved(held, "second")
    assert states(tmp_path) == 1


def test_an_inner_fit_may_have_a_folder_of_its_own(tmp_path):
    with held_checkpoints(tmp_path / "outer") as outer:
        with held_checkpoints(tmp_path / "inner") as inner:
            saved(inner, "first")
        with held_checkpoints(None) as other:
            saved(other, "second")
        saved(outer, "third")
        assert (states(tmp_path / "inner"), states(tmp_path / "outer")) == (1, 2)
    assert list(tmp_path.glob("*/*")) == []


def test_a_relative_folder_stays_where_it_was_at_the_start(tmp_path, monkeypatch):
    for name in ("start", "end"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "start")
    with held_checkpoints("checkpoints") as held:
        monkeypatch.chdir(tmp_path / "end")
        saved(held, "first")
        assert states(tmp_path / "start" / "checkpoints") == 1


def test_fits_in_threads_hold_their_own():
    def held_in_thread():
        with held_checkpoints(None) as held:
            return held

    with held_checkpoints(None) as held, ThreadPoolExecutor(1) as pool:
        assert pool.submit(held_in_thread).result() is not held
