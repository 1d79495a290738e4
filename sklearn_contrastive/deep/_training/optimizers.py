"""Optimisers by name, with their learning rates and weight decay."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .muon import Muon

__all__ = ["OPTIMIZERS", "OptimizerRecipe", "check_state", "peak_learning_rate"]


@dataclass(frozen=True)
class _Kind:
    """An optimiser: its factory, its learning rate at batch size 256, its default scaling rule."""

    make: Callable[..., torch.optim.Optimizer]
    base_rate: float
    rule: str


def _lars(groups: list[dict[str, Any]], **settings: Any) -> torch.optim.Optimizer:
    from timm.optim import Lars

    return Lars(groups, momentum=0.9, **settings)


def _sgd(groups: list[dict[str, Any]], **settings: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, momentum=0.9, nesterov=True, **settings)


# Base rates: those of Muon and AdamW are of the trainings in benchmarks/images/, that of SGD of the
# best public recipe for CIFAR-10; LARS has the 0.075 sqrt(batch size) of the paper, 1.2 at 256.
OPTIMIZERS = {
    "muon": _Kind(Muon, 2e-3, "sqrt"),
    "adamw": _Kind(torch.optim.AdamW, 2e-3, "sqrt"),
    "sgd": _Kind(_sgd, 0.03, "linear"),
    "lars": _Kind(_lars, 1.2, "sqrt"),
}
_POWERS = {"linear": 1.0, "sqrt": 0.5}
# SimCLR, section 2: the linear rule of LARS is 0.3 at a batch size of 256
_LINEAR_LARS = 0.3


def peak_learning_rate(learning_rate: float | str, optimizer: str, batch_size: int) -> float:
    """Learning rate at the top of the schedule.

    Parameters
    ----------
    learning_rate : float or {"auto", "linear", "sqrt"}
        A number is used as it is. "linear" grows with the batch size, "sqrt" with its square root;
        "auto" is the default rule of the optimiser.
    optimizer : {"muon", "adamw", "sgd", "lars"}
        Name of the optimiser.
    batch_size : int
        Number of images in a batch.

    Returns
    -------
    rate : float
        For a batch size of 256: 0.002 for Muon and AdamW, 0.03 for SGD; for LARS 0.3 with "linear"
        and 1.2 with "sqrt", as in the paper.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML, section 2.1 and appendix B.1.
    """
    if not isinstance(learning_rate, str):
        return float(learning_rate)
    kind = OPTIMIZERS[optimizer]
    rule = kind.rule if learning_rate == "auto" else learning_rate
    base = _LINEAR_LARS if (optimizer, rule) == ("lars", "linear") else kind.base_rate
    return base * (batch_size / 256) ** _POWERS[rule]


@dataclass(frozen=True)
class OptimizerRecipe:
    """Factory of an optimiser that decays weights, but not biases and the scales of norms.

    Parameters
    ----------
    name : {"muon", "adamw", "sgd", "lars"}
        Name of the optimiser.
    weight_decay : float
        Decay of the weights. Without decay LARS does not adapt its rate either.
    """

    name: str
    weight_decay: float

    def __call__(self, groups: Iterable[dict[str, Any]], **settings: Any) -> torch.optim.Optimizer:
        """The optimiser of the parameters in `groups`; `settings` has `lr`."""
        parameters = [each for group in groups for each in group["params"] if each.requires_grad]
        if not parameters:
            raise ValueError(
                "The network has nothing to train: all parameters have requires_grad=False."
            )
        weights, others = _split(parameters)
        groups = [
            {"params": weights, "weight_decay": self.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        make = OPTIMIZERS[self.name].make
        return make([group for group in groups if group["params"]], **settings)


def check_state(optimizer: torch.optim.Optimizer, make: Callable[..., Any]) -> None:
    """Raise ValueError unless the loaded state of an optimiser is one that its steps can use.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        With a loaded state.
    make : callable
        Its factory, from parameter groups and `lr`.
    """
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    probes = {each.shape: nn.Parameter(torch.zeros(each.shape)) for each in parameters}
    for probe in probes.values():
        probe.grad = torch.zeros_like(probe)
    fresh = make([{"params": list(probes.values())}], lr=0.0)
    fresh.step()
    for parameter, state in optimizer.state.items():
        expected = fresh.state[probes[parameter.shape]]
        if {name: type(value) for name, value in state.items()} != {
            name: type(value) for name, value in expected.items()
        }:
            raise ValueError("the state of the optimiser has other entries than its own")
        if any(
            isinstance(value, Tensor) and value.ndim and value.shape != parameter.shape
            for value in state.values()
        ):
            raise ValueError("the state of the optimiser has other shapes than the weights")


def _split(parameters: list[nn.Parameter]) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Matrices and filters, and the other parameters."""
    weights = [each for each in parameters if each.ndim > 1]
    return weights, [each for each in parameters if each.ndim <= 1]
