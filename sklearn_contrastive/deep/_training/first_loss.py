"""Check of the first loss of a training: finite, with a gradient, of trained parameters only."""

from collections.abc import Iterator

from torch import Tensor, nn

__all__ = ["check_first_loss"]


def check_first_loss(loss: Tensor, network: nn.Module) -> None:
    """Raise ValueError if a loss cannot train a network, or would leave parameters untrained.

    Parameters
    ----------
    loss : Tensor of shape ()
        The loss of the first batch, with its graph.
    network : nn.Module
        The network, whose parameters are trained.
    """
    if not loss.requires_grad:
        raise ValueError(
            "The loss has no gradient: it does not depend on the network. Compute it from the "
            "embeddings that it gets, by functions of PyTorch, without .detach(), .item() or NumPy."
        )
    if not loss.isfinite():
        raise ValueError(
            f"The loss of the first batch is {loss.item()}, before the first step. The values that "
            "the augmentation or the loss returns are not finite, or too large for float32."
        )
    trained = {id(parameter) for parameter in network.parameters()}
    others = [leaf for leaf in _leaves(loss) if id(leaf) not in trained]
    if others:
        shapes = ", ".join(str(tuple(leaf.shape)) for leaf in others)
        raise ValueError(
            f"The loss depends on {len(others)} tensors with requires_grad=True that are not part "
            f"of the network and would not be trained, of shape {shapes}. Give a loss with "
            "parameters as a torch.nn.Module, which is copied and trained; set "
            "requires_grad_(False) for all other tensors."
        )


def _leaves(loss: Tensor) -> Iterator[Tensor]:
    """Yield the tensors by which the graph of a loss has gradients, each once."""
    waiting, seen = [loss.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        waiting.extend(function for function, _ in node.next_functions)
