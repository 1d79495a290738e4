"""Network and objective of embedders of tables, from their parameters."""

import copy
from collections.abc import Mapping
from typing import Any

from torch import nn

from .._embedder.losses import LossRecipe, PairLoss
from .network import TableRecipe
from .source import TableSource
from .stored import StoredTable
from .views import TableObjective, table_views

__all__ = ["table_parts"]


def table_parts(
    samples: TableSource | StoredTable, parameters: Mapping[str, Any]
) -> tuple[TableRecipe, TableObjective]:
    """Network and objective of TabularContrastiveEmbedder.

    Parameters
    ----------
    samples : TableSource or StoredTable
        Training table, or what a file says about it.
    parameters : mapping
        Parameters of TabularContrastiveEmbedder.

    Returns
    -------
    network : TableRecipe
        Makes the network.
    objective : TableObjective
        The objective.
    """
    loss, temperature = parameters["loss"], parameters["temperature"]
    if isinstance(loss, nn.Module):
        loss = copy.deepcopy(loss)  # its parameters are trained
    of_user = isinstance(loss, nn.Module) and temperature != "learn"
    encoding = samples.encoding
    is_categorical = tuple(map(bool, encoding.is_categorical))
    network = TableRecipe(
        parameters["encoder"],
        int(parameters["width"]),
        int(parameters["depth"]),
        is_categorical,
        tuple(map(bool, encoding.has_missing)),
        encoding.cardinalities,
        parameters["projection_head"],
        int(parameters["projection_dim"]),
        loss if of_user else LossRecipe(loss, temperature),
    )
    rate = float(parameters["corruption_rate"])
    views = table_views(parameters["augmentations"], rate, samples.targets, is_categorical)
    return network, TableObjective(views, PairLoss(loss, temperature))
