"""Estimates and progress of long trainings."""

import sys
from types import SimpleNamespace

import pytest
import torch
from tqdm.auto import tqdm

from sklearn_contrastive.deep._training import progress
from sklearn_contrastive.deep._training.batches import TensorSource
from sklearn_contrastive.deep._training.progress import TrainingProgress

N_EPOCHS, N_BATCHES = 10, 4


class Clock:
    """A clock that the steps of a training move."""

    now = 0.0

    def perf_counter(self):
        return self.now


@pytest.fixture
def train(monkeypatch):
    """Function that runs a training whose steps take so many seconds."""
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)

    def run(seconds_of_step, done=0, stop_after=None):
        report = TrainingProgress("Embedder", "10 epochs", "To shorten it: wait. ")
        n_steps = N_EPOCHS * N_BATCHES
        watched = report.watching(
            TensorSource(torch.arange(8)), n_epochs=N_EPOCHS, n_steps=n_steps, done=done
        )
        with watched as source:
            assert len(source) == 8
            for _ in range(done // N_BATCHES, N_EPOCHS):
                for _ in source.batches(torch.arange(8).split(2), torch.device("cpu")):
                    clock.now += seconds_of_step
                    if stop_after is not None and clock.now > stop_after:
                        raise KeyboardInterrupt

    return run


@pytest.fixture
def terminal(monkeypatch):
    """Bars of tqdm that were made, as if stderr were a terminal."""
    monkeypatch.setattr(progress, "_shows_bars", lambda: True)
    made = []
    monkeypatch.setattr(
        progress, "_bar", lambda total, done: made.append(tqdm(total=total)) or made[0]
    )
    return made


@pytest.mark.parametrize("seconds_of_step", [0.0, 0.1, 0.8])
def test_a_training_of_less_than_half_a_minute_is_silent(train, seconds_of_step, capsys):
    train(seconds_of_step)
    assert capsys.readouterr() == ("", "")


def test_a_long_training_says_how_long_it_takes_and_then_how_long_is_left(train, capsys):
    train(60)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[0] == (
        "Embedder: this training takes about 40 minutes (10 epochs). To shorten it: wait. "
        "verbose=0 hides this."
    )
    assert lines[2] == "Embedder: epoch 3 of 10, about 31 minutes left"
    assert len(lines) <= 11


def test_a_log_gets_a_line_after_a_minute_and_not_later_than_after_ten(train, capsys):
    train(2.0)
    lines = capsys.readouterr().err.splitlines()
    assert "about 1.5 minutes (" in lines[0]
    assert len(lines) == 2
    train(300.0)
    lines = capsys.readouterr().err.splitlines()
    assert "about 3.5 hours (" in lines[0]
    assert len(lines) == 20


def test_a_resumed_training_counts_the_epochs_before(train, capsys):
    train(60, done=5 * N_BATCHES)
    lines = capsys.readouterr().err.splitlines()
    assert "takes about 20 minutes" in lines[0]
    assert lines[1].startswith("Embedder: epoch 6 of 10, about 1")


def test_a_terminal_has_a_bar_instead_of_lines(train, terminal, capsys):
    train(60)
    (bar,) = terminal
    assert bar.desc == "Embedder, epoch 10 of 10: "
    assert bar.n == bar.total - 1  # the step before the estimate is in its initial value
    assert bar.disable  # closed
    assert capsys.readouterr().err.count("Embedder: ") == 1


def test_the_bar_is_closed_after_an_interruption(train, terminal, capsys):
    with pytest.raises(KeyboardInterrupt):
        train(60, stop_after=200)
    assert terminal[0].disable


def test_the_bar_of_tqdm_has_the_time_left(capsys):
    with progress._bar(10, 5) as bar:
        bar.set_description("Embedder", refresh=False)
        bar.refresh()
    assert "Embedder:   50% |" in capsys.readouterr().err


def test_a_notebook_has_a_bar_and_a_thread_has_none(monkeypatch):
    assert not progress._shows_bars()
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    assert progress._shows_bars()
    monkeypatch.setattr(progress.threading, "current_thread", lambda: None)
    assert not progress._shows_bars()


def test_a_terminal_has_a_bar_and_its_worker_processes_have_none(monkeypatch):
    monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda: True))
    assert progress._shows_bars()
    monkeypatch.setattr(progress.multiprocessing, "parent_process", lambda: "the search")
    assert not progress._shows_bars()
