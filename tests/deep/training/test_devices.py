"""Devices by name."""

import pytest
import torch

from sklearn_contrastive.deep._training.devices import usable_device


def test_a_device_is_found_by_its_name():
    assert usable_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["no such device", "cuda:99", ""])
def test_devices_that_cannot_be_used_are_refused(name):
    with pytest.raises(ValueError, match=f'device={name!r} cannot be used.* Give "cpu"'):
        usable_device(name)


def test_device_auto_is_usable():
    assert torch.empty(2, device=usable_device("auto")).shape == (2,)
