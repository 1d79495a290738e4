"""The network of tables: embedded columns, encoder f, projection head g."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .._embedder.network import SimCLRNetwork
from .._networks.encoders import try_out, try_out_training
from .._networks.heads import build_head

__all__ = ["ColumnEmbedding", "TableMLP", "TableRecipe", "build_table_encoder", "embedding_size"]

_LARGEST_EMBEDDING = 50


def embedding_size(n_categories: int) -> int:
    """Number of features of the embedding of a categorical column.

    The rule of fastai, round(1.6 n^0.56) [1]_, at most 50 instead of its 600: with 600, a column of
    as many categories as rows would have most of the weights.

    References
    ----------
    .. [1] Howard and Gugger (2020), "fastai: A Layered API for Deep Learning", Information 11(2),
       section 4 and `emb_sz_rule` of its code.
    """
    return min(_LARGEST_EMBEDDING, round(1.6 * n_categories**0.56))


class ColumnEmbedding(nn.Module):
    """Scores, indicators of missing entries, and embeddings of categories, side by side.

    A missing number is 0, the mean of the scores, and an indicator is 1; columns without missing
    entries in the training table have no indicator. A category has a vector of `embedding_size`
    features, of expected length 1 at first, as a score has; a category that is not known has the
    vector 0.

    Parameters
    ----------
    is_categorical : sequence of bool of length n_features
        Which columns hold categories.
    has_missing : sequence of bool of length n_numbers
        Which columns of numbers get an indicator.
    cardinalities : sequence of int of length n_categorical
        Number of categories of each categorical column.

    Attributes
    ----------
    width : int
        Number of features of the output.
    """

    def __init__(
        self,
        is_categorical: Sequence[bool],
        has_missing: Sequence[bool],
        cardinalities: Sequence[int],
    ):
        super().__init__()
        # lists, because loading a file tries the network without values
        positions = {
            "numbers": [j for j, each in enumerate(is_categorical) if not each],
            "categorical": [j for j, each in enumerate(is_categorical) if each],
            "flagged": [j for j, each in enumerate(has_missing) if each],
        }
        for name, columns in positions.items():
            index = torch.tensor(columns, dtype=torch.int64)
            self.register_buffer(name, index, persistent=False)
        sizes = [embedding_size(n) for n in cardinalities]
        self.embeddings = nn.ModuleList(
            nn.Embedding(n + 1, size, padding_idx=0)
            for n, size in zip(cardinalities, sizes, strict=True)
        )
        with torch.no_grad():
            for embedding, size in zip(self.embeddings, sizes, strict=True):
                embedding.weight /= size**0.5
        self.width = len(self.numbers) + len(self.flagged) + sum(sizes)

    def forward(self, table: Tensor) -> Tensor:
        """Rows (n, width) of an encoded table (n, n_features)."""
        numbers = table[:, self.numbers]
        parts = [numbers.nan_to_num(nan=0.0), numbers[:, self.flagged].isnan().float()]
        codes = table[:, self.categorical].nan_to_num(nan=0.0).round().long()
        for embedding, code in zip(self.embeddings, codes.unbind(1), strict=True):
            # an augmentation of the user may return any number
            parts.append(embedding(code.clamp(0, embedding.num_embeddings - 1)))
        return torch.cat(parts, dim=1)


class TableMLP(nn.Module):
    """Embedded rows and the hidden units of a multilayer perceptron, side by side.

    The perceptron has `depth` hidden layers of a linear map, batch norm and ReLU. Linear models of
    a table are strong where labels are few, and a perceptron alone loses what they need; beside it
    they keep it, as in wide and deep networks [1]_.

    Parameters
    ----------
    n_features : int
        Number of features of the embedded rows.
    width : int
        Number of units of each hidden layer.
    depth : int
        Number of hidden layers.

    References
    ----------
    .. [1] Cheng et al. (2016), "Wide & Deep Learning for Recommender Systems", DLRS.
    """

    def __init__(self, n_features: int, width: int, depth: int):
        super().__init__()
        layers: list[nn.Module] = []
        for size in [n_features, *[width] * (depth - 1)]:
            layers += [nn.Linear(size, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
        self.hidden = nn.Sequential(*layers)

    def forward(self, rows: Tensor) -> Tensor:
        """Representations (n, n_features + width) of embedded rows (n, n_features)."""
        return torch.cat([rows, self.hidden(rows)], dim=1)


def build_table_encoder(
    encoder: str | nn.Module | Callable[[], nn.Module], n_features: int, width: int, depth: int
) -> nn.Module:
    """Module that maps embedded rows (n, n_features) to representations, tested on two rows.

    Parameters
    ----------
    encoder : "mlp", nn.Module or callable
        A name; a module, of which a copy is trained; or a callable that returns a module.
    n_features : int
        Number of features of the embedded rows.
    width, depth : int
        Of the "mlp".

    Raises
    ------
    ValueError
        If the module does not map such rows to rows of finite numbers.
    TypeError
        If it is none of these.
    """
    if isinstance(encoder, str):
        return TableMLP(n_features, width, depth)
    module = copy.deepcopy(encoder) if isinstance(encoder, nn.Module) else encoder()
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"The factory encoder={encoder!r} returned {type(module).__name__}; it must return a "
            "torch.nn.Module."
        )
    module.float()  # PyTorch's default dtype may have been another
    try_out_training(module, (n_features,), table_width(module, n_features), role="encoder")
    return module


def table_width(module: nn.Module, n_features: int) -> int:
    """Number of features that an encoder makes of rows of so many."""
    return try_out(
        module,
        (n_features,),
        role="encoder",
        takes=f"The embedded rows have {n_features} features; nn.LazyLinear takes any number.",
        makes="An encoder of tables maps rows to rows.",
    )


@dataclass(frozen=True)
class TableRecipe:
    """Factory of the network; PyTorch's global generator draws its weights.

    Parameters
    ----------
    encoder : "mlp", nn.Module or callable
        As `build_table_encoder` takes it.
    width, depth : int
        Of the "mlp".
    is_categorical, has_missing, cardinalities : tuple
        As `ColumnEmbedding` takes them.
    projection_head : str or nn.Module
        As `build_head` takes it.
    projection_dim : int
        Number of features of z.
    loss : nn.Module or callable
        A loss with parameters or a state, or a callable that returns one, or None.
    """

    encoder: str | nn.Module | Callable[[], nn.Module]
    width: int
    depth: int
    is_categorical: tuple[bool, ...]
    has_missing: tuple[bool, ...]
    cardinalities: tuple[int, ...]
    projection_head: str | nn.Module
    projection_dim: int
    loss: nn.Module | Callable[[], nn.Module | None]

    @property
    def shape(self) -> tuple[int]:
        """Shape of a row."""
        return (len(self.is_categorical),)

    def __call__(self) -> SimCLRNetwork:
        """The network, on the CPU."""
        columns = ColumnEmbedding(self.is_categorical, self.has_missing, self.cardinalities)
        backbone = build_table_encoder(self.encoder, columns.width, self.width, self.depth)
        width = table_width(backbone, columns.width)
        head = build_head(self.projection_head, width, self.projection_dim)
        loss = self.loss if isinstance(self.loss, nn.Module) else self.loss()
        return SimCLRNetwork(nn.Sequential(columns, backbone), width, head, loss)
