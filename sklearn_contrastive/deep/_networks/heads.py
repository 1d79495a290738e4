"""Projection heads: networks from representations to projections."""

import copy
from itertools import pairwise

from torch import Tensor, nn

from .encoders import try_out, try_out_training

__all__ = ["ProjectionHead", "build_head"]

_HIDDEN_LAYERS = {"none": 0, "linear": 0, "mlp": 1, "mlp3": 2}
_LARGEST_HIDDEN = 512


class ProjectionHead(nn.Module):
    """Network from representations h to projections z.

    A hidden layer is a linear map without bias, batch norm, ReLU. It is as wide as h, as in [1]_,
    but has at most 512 units, or four times `projection_dim`, so that it costs little beside the
    encoder. The last layer is a linear map with bias, without batch norm; the code of [1]_ has a
    batch norm there, its text does not.

    Parameters
    ----------
    width : int
        Number of features of h.
    projection_dim : int, default=128
        Number of features of z; "none" ignores it.
    kind : {"mlp", "mlp3", "linear", "none"}, default="mlp"
        "mlp" has one hidden layer [1]_, "mlp3" two [2]_, "linear" none; with "none", z is h.

    Attributes
    ----------
    layers : nn.ModuleList
        The layers, in order.
    kind : str
        The kind; "given" for a module of the user.
    middle_width : int
        Number of units of a hidden layer, where there is one.
    projection_width : int
        Number of features of z.

    Raises
    ------
    ValueError
        If the kind is unknown.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML, section 4.2.
    .. [2] Chen, Kornblith, Swersky, Norouzi and Hinton (2020), "Big Self-Supervised Models are
       Strong Semi-Supervised Learners", NeurIPS, section 2.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep._networks.heads import ProjectionHead
    >>> head = ProjectionHead(64, projection_dim=16)
    >>> h = torch.zeros(5, 64)
    >>> head(h).shape, head.middle(h).shape
    (torch.Size([5, 16]), torch.Size([5, 64]))
    """

    def __init__(self, width: int, projection_dim: int = 128, kind: str = "mlp"):
        super().__init__()
        if kind not in _HIDDEN_LAYERS:
            raise ValueError(
                f"The kind of projection head {kind!r} is not known; choose one of "
                f"{', '.join(map(repr, _HIDDEN_LAYERS))}."
            )
        hidden = min(width, max(_LARGEST_HIDDEN, 4 * projection_dim))
        widths = [width, *[hidden] * _HIDDEN_LAYERS[kind]]
        layers: list[nn.Module] = [_hidden_layer(*both) for both in pairwise(widths)]
        if kind != "none":
            layers.append(nn.Linear(widths[-1], projection_dim))
        self.layers = nn.ModuleList(layers)
        self.kind = kind
        self.middle_width = hidden
        self.projection_width = width if kind == "none" else projection_dim

    def forward(self, h: Tensor) -> Tensor:
        """Projections (n, projection_width) of representations (n, width)."""
        for layer in self.layers:
            h = layer(h)
        return h

    def outputs(self, h: Tensor) -> list[Tensor]:
        """Outputs of all layers, hidden ones after ReLU; "none" has no layers."""
        outputs = []
        for layer in self.layers:
            h = layer(h)
            outputs.append(h)
        return outputs

    @property
    def has_middle(self) -> bool:
        """Whether there is a hidden layer."""
        return len(self.layers) > 1

    def middle(self, h: Tensor) -> Tensor:
        """Outputs of the first hidden layer, which [2]_ uses for fine-tuning.

        Raises
        ------
        ValueError
            If the head has no hidden layer.
        """
        if not self.has_middle:
            raise ValueError(
                f"A projection head of kind {self.kind!r} has no middle layer; use 'mlp' or 'mlp3'."
            )
        return self.layers[0](h)


class _GivenHead(ProjectionHead):
    """A module of the user as a head of one layer."""

    def __init__(self, module: nn.Module, projection_width: int):
        nn.Module.__init__(self)
        self.layers = nn.ModuleList([module])
        self.kind = "given"
        self.middle_width = 0
        self.projection_width = projection_width


def build_head(
    projection_head: str | nn.Module, width: int, projection_dim: int = 128
) -> ProjectionHead:
    """Projection head from a name, or from a copy of a module.

    Parameters
    ----------
    projection_head : {"mlp", "mlp3", "linear", "none"} or nn.Module
        A kind of `ProjectionHead`, or a module that maps (n, width) to (n, any width); a copy of it
        is trained.
    width : int
        Number of features of the representations.
    projection_dim : int, default=128
        Number of features of the projections; ignored for a module.

    Returns
    -------
    ProjectionHead
        The head. PyTorch's global generator, seeded by the caller, draws new weights.

    Raises
    ------
    ValueError
        If the kind is unknown, or the module does not map such rows to rows of finite numbers.
    TypeError
        If it is neither a name nor a module.
    """
    if isinstance(projection_head, str):
        return ProjectionHead(width, projection_dim, projection_head)
    if not isinstance(projection_head, nn.Module):
        raise TypeError(
            f"projection_head={projection_head!r} is neither a name "
            f"({', '.join(map(repr, _HIDDEN_LAYERS))}) nor a torch.nn.Module."
        )
    module = copy.deepcopy(projection_head)
    projection_width = try_out(
        module,
        (width,),
        role="projection head",
        takes=f"The representations have {width} features.",
        makes="A head maps rows to rows.",
    )
    try_out_training(module, (width,), projection_width, role="projection head")
    return _GivenHead(module, projection_width)


def _hidden_layer(width_in, width):
    """Linear map, batch norm, ReLU."""
    return nn.Sequential(
        nn.Linear(width_in, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(inplace=True)
    )
