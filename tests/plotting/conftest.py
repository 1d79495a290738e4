"""Figures are closed after every test; Matplotlib warns of too many open ones."""

import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")
