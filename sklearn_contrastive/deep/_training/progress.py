"""How long a training will take, and how far it is: nothing for a short one."""

import multiprocessing
import sys
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ..._warnings import first_of_search, search_of_this_fit
from .batches import SampleSource

__all__ = ["CountedSource", "TrainingProgress", "duration"]

# seconds before the first estimate, and that must be left for a report
_MEASURED, _LONG = 3.0, 30.0
# a log gets a line after this share of the whole time, but after one minute at least, ten at most
_SHARE_OF_LINE, _SOONEST_LINE, _LATEST_LINE = 0.1, 60.0, 600.0


class TrainingProgress:
    """Reports a training that takes long, on stderr: an estimate, then the time left.

    The estimate comes three seconds after the start, or after the first step if that takes
    longer, and only if more than 30 seconds are left. A progress bar follows on a terminal and in
    a notebook, and otherwise a line now and then. In a search there is one estimate for all fits,
    and no more.

    Parameters
    ----------
    name : str
        Name of the estimator.
    what : str
        What is trained, for the estimate.
    advice : str
        How to shorten it.
    """

    def __init__(self, name: str, what: str, advice: str):
        self._name, self._what, self._advice = name, what, advice

    @contextmanager
    def watching(
        self, source: SampleSource, *, n_epochs: int, n_steps: int, done: int
    ) -> Iterator["CountedSource"]:
        """Report the training that the body of the context runs.

        Parameters
        ----------
        source : SampleSource
            The samples.
        n_epochs, n_steps : int
            Numbers of epochs and steps of the whole training.
        done : int
            Number of steps that a checkpoint holds.

        Yields
        ------
        CountedSource
            The samples, to train on.
        """
        self._n_epochs, self._n_steps, self._first = n_epochs, n_steps, done
        self._done = done
        self._is_long, self._in_search, self._bar = False, False, None
        self._began = self._next_line = time.perf_counter()
        try:
            yield CountedSource(source, self)
        finally:
            if self._bar is not None:
                self._bar.close()

    def on_step(self) -> None:
        """Count one step, and report."""
        self._done += 1
        now = time.perf_counter()
        elapsed = now - self._began
        left = elapsed / (self._done - self._first) * (self._n_steps - self._done)
        if not self._is_long:
            if elapsed >= _MEASURED and left >= _LONG:
                self._is_long = True
                self._announce(elapsed + left)
                self._next_line = now + self._pace(elapsed + left)
        elif self._bar is not None:
            self._bar.set_description(f"{self._name}, {self._epoch()}", refresh=False)
            self._bar.update()
        elif now >= self._next_line and not self._in_search:
            self._next_line = now + self._pace(elapsed + left)
            _say(f"{self._name}: {self._epoch()}, about {duration(left)} left")

    def _announce(self, whole):
        search = search_of_this_fit()
        self._in_search = search is not None
        if self._in_search and not first_of_search(search, TrainingProgress):
            return
        one = "each fit of this search" if self._in_search else "this training"
        _say(
            f"{self._name}: {one} takes about {duration(whole)} ({self._what}). "
            f"{self._advice}verbose=0 hides this."
        )
        if not self._in_search and _shows_bars():
            self._bar = _bar(self._n_steps, self._done)

    def _epoch(self):
        epoch = 1 + self._done * self._n_epochs // self._n_steps
        return f"epoch {min(epoch, self._n_epochs)} of {self._n_epochs}"

    @staticmethod
    def _pace(whole):
        return min(max(_SHARE_OF_LINE * whole, _SOONEST_LINE), _LATEST_LINE)


class CountedSource(Dataset):
    """Samples of a source; counts the batches after their use.

    Parameters
    ----------
    source : SampleSource
        The samples.
    progress : TrainingProgress
        Told of each batch that has been used.
    """

    def __init__(self, source: SampleSource, progress: TrainingProgress):
        self._source, self._progress = source, progress

    def __len__(self) -> int:
        return len(self._source)

    def batches(self, indices: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
        """Yield the batches of the source."""
        for batch in self._source.batches(indices, device):
            yield batch
            self._progress.on_step()  # the trainer asks for the next batch after its step


def duration(seconds: float) -> str:
    """Seconds in words, in two digits.

    Examples
    --------
    >>> from sklearn_contrastive.deep._training.progress import duration
    >>> duration(42), duration(100), duration(1500), duration(9000), duration(2e5)
    ('40 seconds', '1.5 minutes', '25 minutes', '2.5 hours', '2.5 days')
    """
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            n = seconds / size
            n = round(2 * n) / 2 if n < 10 else round(n)
            return f"{n:g} {unit if n != 1 else unit[:-1]}"
    return f"{10 * max(1, round(seconds / 10))} seconds"


def _say(line):
    print(line, file=sys.stderr, flush=True)


def _shows_bars():
    """Whether a bar can be drawn: on a terminal or in a notebook, by one process and thread."""
    alone = (
        multiprocessing.parent_process() is None
        and threading.current_thread() is threading.main_thread()
    )
    return alone and (sys.stderr.isatty() or "ipykernel" in sys.modules)


def _bar(total, done):
    """A bar of tqdm, in a notebook a widget."""
    with warnings.catch_warnings():  # that a notebook lacks ipywidgets: it gets a bar of text
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    form = "{desc} {percentage:3.0f}% |{bar}| {elapsed} done, {remaining} left"
    return tqdm(total=total, initial=done, bar_format=form, leave=True)
