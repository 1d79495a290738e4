"""Fits and transforms in threads: equal to those alone, PyTorch's state unchanged."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from helpers.trainings import weights_of
from numpy.testing import assert_array_equal
from torch import nn

from sklearn_contrastive._torch_random import seeded_generators
from sklearn_contrastive.augmentation import ImageAugmenter
from sklearn_contrastive.deep import (
    AutoencoderEmbedder,
    LinearContrastiveEncoder,
    SimCLREmbedder,
    SupConEmbedder,
)

X = np.random.default_rng(0).uniform(size=(40, 64)).astype(np.float32)


def noisy(batch):
    return (batch + 0.1 * torch.randn_like(batch)).clamp(0, 1)


def with_dropout():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Dropout())


def embedded(seed):
    settings = {"max_epochs": 3, "batch_size": 10, "device": "cpu", "random_state": seed}
    return weights_of(SimCLREmbedder(with_dropout, augmentations=noisy, **settings).fit(X))


def embedded_with_labels(seed):
    settings = {"max_epochs": 3, "batch_size": 10, "device": "cpu", "random_state": seed}
    model = SupConEmbedder(with_dropout, augmentations=noisy, class_balanced=True, **settings)
    return weights_of(model.fit(X, np.arange(40) % 4 - 1))


def encoded(seed):
    return LinearContrastiveEncoder(2, max_epochs=3, random_state=seed).fit(X).components_


def reconstructed(seed):
    settings = {"mask_rate": 0.3, "max_epochs": 3, "batch_size": 10, "device": "cpu"}
    return AutoencoderEmbedder(random_state=seed, **settings).fit(X).reconstruct(X)


AUGMENTER = ImageAugmenter(noisy, random_state=0).fit(X)
TASKS = {
    "fits": embedded,
    "fits with labels": embedded_with_labels,
    "fits of a linear encoder": encoded,
    "fits of a masked autoencoder": reconstructed,
    "transforms": lambda seed: AUGMENTER.transform(X),
    "views": lambda seed: AUGMENTER.sample_views(X, random_state=seed)[1],
}


@pytest.mark.parametrize("name", TASKS)
def test_results_in_threads_are_those_alone(name):
    task = TASKS[name]
    alone = [task(seed) for seed in range(4)]
    torch.manual_seed(7)
    state = torch.get_rng_state()
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(task, [0, 1, 2, 3] * 2))
    assert torch.equal(torch.get_rng_state(), state)
    for result, expected in zip(together, alone * 2, strict=True):
        assert_array_equal(result, expected)


def test_threads_restore_another_default_dtype():
    alone = embedded(0)
    torch.set_default_dtype(torch.float64)
    try:
        with ThreadPoolExecutor(3) as pool:
            together = list(pool.map(embedded, [0] * 4))
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    for result in together:
        assert_array_equal(result, alone)


def test_a_forked_process_does_not_wait_for_a_thread_of_its_parent():
    with seeded_generators(0), ThreadPoolExecutor(1) as pool:
        # the fork happens in another thread than the one that holds the lock
        assert pool.submit(draw_in_fork).result() == 0


def draw_in_fork():
    process = os.fork()
    if process == 0:
        with seeded_generators(1):
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
