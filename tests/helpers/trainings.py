"""Weights of a fitted SimCLREmbedder, and trainings that are interrupted."""

import torch

from sklearn_contrastive.deep._training.checkpoint import Checkpoint

__all__ = ["CutOff", "cut_off_after", "weights_of"]


def weights_of(fitted):
    """Return all weights of a fitted embedder in one array."""
    return torch.cat([w.detach().flatten() for w in fitted.net_.module_.parameters()]).numpy()


class CutOff(Exception):
    """Stands for the end of a process."""


def cut_off_after(n_epochs, monkeypatch):
    """Let trainings end after some epochs, their checkpoint written."""
    save, seen = Checkpoint.save, []

    def save_and_end(self, state):
        save(self, state)
        seen.append(state["n_steps"])
        if len(seen) == n_epochs:
            raise CutOff

    monkeypatch.setattr(Checkpoint, "save", save_and_end)
    return seen
