"""Parts of a batch, and who belongs to a training; test_several_processes.py has two processes."""

import multiprocessing

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sklearn_contrastive.deep._training import devices
from sklearn_contrastive.deep._training.devices import best_device, has_own_device, is_launched
from sklearn_contrastive.deep._training.processes import ALONE, Processes, Share, training_processes


@given(n_samples=st.integers(0, 50), size=st.integers(1, 9))
def test_every_row_of_a_batch_is_in_one_process_and_the_parts_are_nearly_equal(n_samples, size):
    parts = []
    for rank in range(size):
        processes = Processes()
        processes.rank, processes.size = rank, size
        parts.append(Share(processes, n_samples).part_of(torch.arange(n_samples)))
    assert torch.cat(parts).tolist() == list(range(n_samples))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_one_process_alone_connects_to_none():
    with training_processes("cpu") as processes:
        assert processes is ALONE
    assert not torch.distributed.is_initialized()


@pytest.fixture
def launched(monkeypatch):
    """The variables of the fourth of four processes on a machine."""
    variables = {"RANK": 3, "LOCAL_RANK": 3, "WORLD_SIZE": 4, "LOCAL_WORLD_SIZE": 4}
    variables |= {"MASTER_ADDR": "localhost", "MASTER_PORT": 1}
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    # not a worker of the test runner
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: None)
    return monkeypatch


def test_a_launcher_is_recognised_by_its_variables(launched):
    assert is_launched()
    launched.setenv("WORLD_SIZE", "1")
    assert not is_launched()


def test_a_worker_of_a_pool_trains_alone(launched):
    launched.setattr(multiprocessing, "parent_process", lambda: "the launched process")
    assert not is_launched()


def test_each_process_has_a_gpu_of_its_own_if_there_are_enough(launched):
    launched.setattr(devices.torch.cuda, "is_available", lambda: True)
    launched.setattr(devices.torch.cuda, "device_count", lambda: 4)
    assert best_device() == torch.device("cuda:3")
    assert [has_own_device(name) for name in ("auto", "cuda", "cuda:0", "cpu")] == [
        True,
        True,
        False,
        False,
    ]
    launched.setattr(devices.torch.cuda, "device_count", lambda: 2)
    assert best_device() == torch.device("cuda:1")
    assert not has_own_device("auto")
