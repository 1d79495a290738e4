"""Sections of the benchmark of a GPU: their time, their failures, their goals."""

import gc
import signal
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import torch

from .._common.timing import interleaved_times

N_REPETITIONS, QUICK_REPETITIONS = 5, 1


class Skipped(Exception):
    """Raised by a section that cannot run here, with the reason."""


class OutOfTime(BaseException):
    """Raised in a section at the end of its time; code that handles errors does not catch it."""


@dataclass(frozen=True)
class Setting:
    """Where a section runs, and whether on small data."""

    device: str
    quick: bool

    @property
    def on_gpu(self):
        """Whether the device is a GPU of NVIDIA."""
        return torch.device(self.device).type == "cuda"

    @property
    def judges(self):
        """Whether goals are judged, which are for a GPU and the full sizes."""
        return self.on_gpu and not self.quick

    def times(self, functions):
        """Seconds of interleaved calls, each until the GPU has finished: name -> array."""
        repetitions = QUICK_REPETITIONS if self.quick else N_REPETITIONS
        calls = {name: self._finished(function) for name, function in functions.items()}
        return interleaved_times(calls, repetitions)

    def peak_memory(self):
        """Largest memory of tensors on the GPU in this section, in GB of 10^9 bytes; else None."""
        return torch.cuda.max_memory_allocated(self.device) / 1e9 if self.on_gpu else None

    def synchronise(self):
        """Wait until the GPU has finished."""
        if self.on_gpu:
            torch.cuda.synchronize(self.device)

    def _finished(self, function):
        def call():
            function()
            self.synchronise()

        return call


@dataclass(frozen=True)
class Goal:
    """A number, and the largest or smallest that is allowed."""

    what: str
    measured: float
    target: float
    at_most: bool = True

    @property
    def met(self):
        """Whether the number is allowed."""
        return self.measured <= self.target if self.at_most else self.measured >= self.target


@dataclass(frozen=True)
class Section:
    """A part of the benchmark.

    Parameters
    ----------
    name : str
        Its name in the record.
    function : callable
        Takes a `Setting` and a dict, in which it records what it has found so far; returns a list
        of `Goal`.
    seconds : float
        Its time.
    """

    name: str
    function: Callable[[Setting, dict], list[Goal]]
    seconds: float


def run_sections(run, sections, setting, total_seconds):
    """Run sections within the total time; the record is written after each one.

    Parameters
    ----------
    run : Run
        Its results get "sections", by name, and "goals".
    sections : sequence of Section
        In order.
    setting : Setting
        The device and the sizes.
    total_seconds : float
        Time of all sections; those that are left at its end are skipped.
    """
    start, found = time.perf_counter(), {}
    run.results |= {"sections": found, "goals": []}
    for section in sections:
        left = total_seconds - (time.perf_counter() - start)
        print(f"{section.name} ...", flush=True)
        found[section.name], goals = outcome(section, setting, left)
        run.results["goals"] += [
            asdict(goal) | {"section": section.name, "met": goal.met if setting.judges else None}
            for goal in goals
        ]
        run.write()
        print(_line(found[section.name]), flush=True)
    run.add_table("Sections", [_row(name, entry) for name, entry in found.items()])
    if run.results["goals"]:
        run.add_table("Goals", [_goal_row(goal) for goal in run.results["goals"]])
    run.save()


def outcome(section, setting, seconds_left):
    """Run a section: its entry in the record, and its goals.

    The entry has "status", which is "done", "skipped", "failed" or "out of time", for the latter
    three the reason, the seconds, and what the section recorded until then.
    """
    entry, goals, seconds = {"status": "done"}, [], min(section.seconds, seconds_left)
    if setting.on_gpu:
        torch.cuda.reset_peak_memory_stats(setting.device)
    start = time.perf_counter()
    try:
        if seconds <= 0:
            raise Skipped("the time of all sections was over")
        with time_limit(seconds):
            goals = section.function(setting, entry)
    except Skipped as reason:
        entry |= {"status": "skipped", "reason": str(reason)}
    except OutOfTime:
        entry |= {"status": "out of time", "reason": f"not finished after {seconds:.0f} s"}
    except Exception as error:  # any error of one section must leave the others
        traceback.print_exc()
        entry |= {"status": "failed", "reason": f"{type(error).__name__}: {error}"[:500]}
    entry["seconds"] = round(time.perf_counter() - start, 1)
    gc.collect()
    if setting.on_gpu:
        torch.cuda.empty_cache()
    return entry, goals


@contextmanager
def time_limit(seconds):
    """Raise OutOfTime in the body after some seconds; no limit where there are no such signals."""
    main = threading.current_thread() is threading.main_thread()
    if not (main and hasattr(signal, "setitimer")):
        yield
        return

    def end(number, frame):
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _line(entry):
    reason = f": {entry['reason']}" if "reason" in entry else ""
    return f"  {entry['status']} after {entry['seconds']} s{reason}"


def _row(name, entry):
    return {
        "section": name,
        "status": entry["status"],
        "seconds": entry["seconds"],
        "reason": entry.get("reason", "")[:60],
    }


def _goal_row(goal):
    verdict = {True: "met", False: "missed", None: "not judged"}[goal["met"]]
    return {
        "section": goal["section"],
        "goal": goal["what"],
        "measured": goal["measured"],
        "target": f"{'at most' if goal['at_most'] else 'at least'} {goal['target']:g}",
        "verdict": verdict,
    }
