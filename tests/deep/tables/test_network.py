"""Network of tables: columns side by side, missing entries, embeddings, encoders of the user."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from sklearn_contrastive.deep._tables.network import (
    ColumnEmbedding,
    TableMLP,
    build_table_encoder,
    embedding_size,
)


def slow_embedding(columns, table):
    """Rows of a `ColumnEmbedding`, row by row and column by column."""
    rows = []
    for row in table.tolist():
        numbers = [row[j] for j in columns.numbers.tolist()]
        parts = [0.0 if x != x else x for x in numbers]
        parts += [float(numbers[j] != numbers[j]) for j in columns.flagged.tolist()]
        for j, embedding in zip(columns.categorical.tolist(), columns.embeddings, strict=True):
            code = int(row[j])
            parts += embedding.weight[code].tolist() if code else [0.0] * embedding.embedding_dim
        rows.append(parts)
    return np.array(rows)


def test_columns_are_embedded_as_by_a_loop():
    torch.manual_seed(0)
    columns = ColumnEmbedding([False, True, False, True], [True, False], [4, 2])
    rng = np.random.default_rng(0)
    codes = np.c_[rng.integers(0, 5, 20), rng.integers(0, 3, 20)]
    numbers = np.where(rng.random((20, 2)) < 0.3, np.nan, rng.normal(size=(20, 2)))
    table = np.c_[numbers[:, 0], codes[:, 0], numbers[:, 1], codes[:, 1]]
    rows = columns(torch.tensor(table, dtype=torch.float32)).detach().numpy()
    assert rows.shape == (20, columns.width)
    assert_allclose(rows, slow_embedding(columns, table), rtol=1e-6)


def test_an_unknown_category_is_zero_and_stays_so_in_training():
    columns = ColumnEmbedding([True], [], [3])
    columns(torch.tensor([[0.0], [1.0]])).sum().backward()
    assert not columns(torch.tensor([[0.0]])).any()
    assert not columns.embeddings[0].weight.grad[0].any()


def test_categories_have_the_length_of_a_score_on_average():
    torch.manual_seed(0)
    weights = ColumnEmbedding([True], [], [5000]).embeddings[0].weight[1:]
    assert weights.square().sum(dim=1).mean().item() == pytest.approx(1, abs=0.02)


def test_codes_of_augmentations_are_rounded_to_categories():
    columns = ColumnEmbedding([True], [], [3])
    codes = torch.tensor([[1.2], [99.0], [-5.0], [torch.nan]])
    expected = columns(torch.tensor([[1.0], [3.0], [0.0], [0.0]]))
    assert torch.equal(columns(codes), expected)


@pytest.mark.parametrize(("n", "size"), [(1, 2), (2, 2), (10, 6), (100, 21), (10**6, 50)])
def test_sizes_of_embeddings_are_those_of_the_rule(n, size):
    assert embedding_size(n) == size


def test_a_module_is_copied_and_a_factory_is_called():
    module = nn.Linear(5, 3)
    built = build_table_encoder(module, 5, 8, 1)
    assert built is not module
    assert torch.equal(built.weight, module.weight)
    assert isinstance(build_table_encoder(lambda: nn.LazyLinear(3), 5, 8, 1), nn.Linear)
    assert isinstance(build_table_encoder("mlp", 5, 8, 1), TableMLP)


@pytest.mark.parametrize(
    ("encoder", "error", "message"),
    [
        (nn.Linear(4, 3), ValueError, "The embedded rows have 5 features; nn.LazyLinear"),
        (nn.Sequential(nn.Linear(5, 3), nn.Unflatten(1, (3, 1))), ValueError, "maps rows to rows"),
        (lambda: "mlp", TypeError, "returned str; it must return a torch.nn.Module"),
    ],
)
def test_other_encoders_are_refused_with_their_reason(encoder, error, message):
    with pytest.raises(error, match=message):
        build_table_encoder(encoder, 5, 8, 1)
