"""Refusal of convolutions that PyTorch computes wrongly in bfloat16 on a CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn

__all__ = ["narrow_maps_refused"]


@contextmanager
def narrow_maps_refused(network: nn.Module) -> Iterator[None]:
    """Raise ValueError where maps are narrower than a strided convolution of them.

    Its results in bfloat16 on a CPU, and its gradients, depend on memory outside the maps: they are
    sometimes NaN, with PyTorch 2.14.
    """
    strided = (
        each
        for each in network.modules()
        if isinstance(each, nn.Conv2d) and isinstance(each.stride, tuple) and max(each.stride) > 1
    )
    hooks = [each.register_forward_pre_hook(_refuse) for each in strided]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _refuse(convolution: nn.Conv2d, inputs: tuple[Tensor, ...]) -> None:
    width, kernel = inputs[0].shape[-1], convolution.kernel_size[-1]
    if width < kernel:
        raise ValueError(
            f'precision="bfloat16": the images are so small that a convolution of {kernel} pixels '
            f"with a stride has maps of {width}, which PyTorch computes wrongly in bfloat16 on a "
            'CPU. Use precision="float32", or larger images.'
        )
