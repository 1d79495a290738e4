"""Teacher of the self-training: class probabilities of all samples from the labels of a few."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize
from sklearn.semi_supervised import LabelSpreading

from ..._typing import FloatArray
from .._embedder.embed import embed
from .._embedder.network_embedder import NetworkEmbedder
from .._training.batches import Samples
from .._training.trainer import Trainer
from .labels import Labels

__all__ = [
    "neighbour_graph",
    "probabilities_of_teacher",
    "probe_probabilities",
    "spread_labels",
    "teacher_probabilities",
]

N_NEIGHBORS = 10
# the search for neighbours takes time proportional to the square of the number of samples
LARGEST_GRAPH = 50_000
_ALPHA, _POWER = 0.99, 3
# of logistic regression on rows of length 1
_C = 50.0


def probabilities_of_teacher(
    embedder: NetworkEmbedder,
    fine_tuned: Trainer,
    source: Samples,
    labels: Labels,
    class_weights: Sequence[float],
    seed: int,
) -> FloatArray:
    """`teacher_probabilities` of the samples of a source.

    Parameters
    ----------
    embedder : NetworkEmbedder
        The embedder before the fine-tuning.
    fine_tuned : Trainer
        That of the fine-tuned network.
    source : Samples
        All samples.
    labels : Labels
        The labelled samples.
    class_weights : sequence of float of length n_classes
        Weights of the classes.
    seed : int
        Draws the samples of the graph.
    """
    networks = (embedder.net_.module_, fine_tuned.module_)
    rows, logits = (
        embed(network, source, "representation", embedder._n_at_once) for network in networks
    )
    return teacher_probabilities(rows, softmax(logits, axis=1), labels, class_weights, seed)


def teacher_probabilities(
    representations: FloatArray,
    fine_tuned: FloatArray,
    labels: Labels,
    class_weights: Sequence[float],
    seed: int,
) -> FloatArray:
    """Mean of three estimates of the class probabilities of all samples.

    They are those of the fine-tuned network, of logistic regression on the representations of the
    embedder before the fine-tuning, and labels that were spread among neighbours.

    Parameters
    ----------
    representations : ndarray of shape (n_samples, width)
        Of the embedder before the fine-tuning.
    fine_tuned : ndarray of shape (n_samples, n_classes)
        Probabilities by the fine-tuned network.
    labels : Labels
        The labelled samples.
    class_weights : sequence of float of length n_classes
        Weights of the classes in the loss of the labelled samples.
    seed : int
        Draws the samples of the graph where there are more than `LARGEST_GRAPH`; the others have
        the mean of two estimates.

    Returns
    -------
    probabilities : ndarray of float32 of shape (n_samples, n_classes)
        Rows that sum to 1. A labelled sample has its own label, times the weight of the class.

    References
    ----------
    .. [1] Chen, Kornblith, Swersky, Norouzi and Hinton (2020), "Big Self-Supervised Models are
       Strong Semi-Supervised Learners", NeurIPS, equation 2, where the fine-tuned network alone
       is the teacher.
    """
    rows = normalize(representations - representations.mean(axis=0))
    total = fine_tuned + probe_probabilities(rows, labels, class_weights)
    kept = _rows_of_graph(len(rows), labels, seed)
    codes = np.full(len(rows), -1)
    codes[labels.rows] = labels.codes
    total[kept] += spread_labels(neighbour_graph(rows[kept]), codes[kept])
    total /= total.sum(axis=1, keepdims=True)
    total[labels.rows] = np.diag(class_weights)[labels.codes]
    return total.astype(np.float32)


def probe_probabilities(
    rows: FloatArray, labels: Labels, class_weights: Sequence[float]
) -> FloatArray:
    """Class probabilities by logistic regression on representations of length 1."""
    weights = dict(enumerate(class_weights))
    probe = LogisticRegression(C=_C, class_weight=weights, max_iter=1000)
    return probe.fit(rows[labels.rows], labels.codes).predict_proba(rows)


def neighbour_graph(rows: FloatArray) -> sparse.csr_array:
    """Weights of a graph of nearest neighbours by cosine similarity [1]_.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, width)
        Rows of length 1.

    Returns
    -------
    graph : sparse array of shape (n_samples, n_samples)
        w_ij = a_ij + a_ji, where a_ij is the third power of the cosine similarity if j is among the
        10 nearest neighbours of i, and 0 otherwise or where it is negative.

    References
    ----------
    .. [1] Iscen, Tolias, Avrithis and Chum (2019), "Label Propagation for Deep Semi-supervised
       Learning", CVPR, equation 9.
    """
    search = NearestNeighbors(n_neighbors=min(N_NEIGHBORS, len(rows) - 1)).fit(rows)
    graph = search.kneighbors_graph(mode="distance")
    # of rows of length 1: |a - b|^2 = 2 - 2 cos
    graph.data = np.maximum(1 - graph.data**2 / 2, 0) ** _POWER
    return graph + graph.T


def spread_labels(graph: sparse.csr_array, codes: NDArray[np.integer]) -> FloatArray:
    """Class probabilities of the nodes of a graph from the labels of a few [1]_.

    Parameters
    ----------
    graph : sparse array of shape (n_samples, n_samples)
        Symmetric weights W of at least 0.
    codes : ndarray of int of shape (n_samples,)
        Number of the class of each node, -1 where it is unknown; every class occurs.

    Returns
    -------
    probabilities : ndarray of shape (n_samples, n_classes)
        Rows of (I - alpha D^-1/2 W D^-1/2)^-1 Y, with alpha = .99, divided by their sums; 0 for
        nodes that are connected to no label.

    References
    ----------
    .. [1] Zhou, Bousquet, Lal, Weston and Schölkopf (2003), "Learning with Local and Global
       Consistency", NeurIPS, equation 5.
    """
    spreading = LabelSpreading(kernel=lambda nodes, _: graph, alpha=_ALPHA, max_iter=5000)
    # the nodes are known by their numbers
    nodes = np.arange(len(codes))[:, None]
    return spreading.fit(nodes, codes).label_distributions_


def _rows_of_graph(n_samples, labels, seed):
    """Labelled samples and as many others as the graph may have, in order."""
    if n_samples <= LARGEST_GRAPH:
        return np.arange(n_samples)
    others = np.delete(np.arange(n_samples), labels.rows)
    n_others = max(LARGEST_GRAPH - len(labels.rows), 0)
    drawn = np.random.default_rng(seed).choice(others, n_others, replace=False)
    return np.sort(np.concatenate([labels.rows, drawn]))
