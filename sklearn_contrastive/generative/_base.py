"""Base of LinearAutoencoder and LinearGAN: parameters of the training, fit."""

from abc import abstractmethod
from numbers import Integral, Real
from typing import ClassVar, Self

from .._base import fit_progress, fitted_state_kept_on_error
from .._linear_map import LinearMapTransformer
from .._sklearn_compat import Interval, StrOptions, fit_context
from .._typing import ArrayLike, VectorLike
from ..linear._covariance.unit import columns_in_range, scaled, unit_of

__all__ = ["GenerativeEstimator"]


class GenerativeEstimator(LinearMapTransformer):
    """Base of the generative estimators; fit computes the closed form or trains a network."""

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions({"closed_form", "gradient"})],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "device": [str],
        "random_state": ["random_state"],
    }

    @abstractmethod
    def _solve(self, X):
        """The network in closed form."""

    @abstractmethod
    def _train(self, X, arguments):
        """A network trained with these arguments, and its history."""

    @abstractmethod
    def _set_network(self, network, dtype, unit):
        """Set the fitted arrays of samples that were divided by a unit.

        They get this dtype, but mean_ is in float64: float32 rounds 1e4 by 5e-4.
        """

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: VectorLike | None = None) -> Self:
        """Fit the network to samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training samples, at least two.

        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        with fitted_state_kept_on_error(self), fit_progress(self, X, y) as on_step:
            X = self._validated(X, reset=True)
            dtype = X.dtype
            self._check_n_components(X)
            unit = 1.0 if columns_in_range(X) else unit_of(X)
            if unit != 1.0:
                X = scaled(X, 1.0 / unit)
            if self.solver == "closed_form":
                network, history = self._solve(X), []
            else:
                network, history = self._train(X, self._training_arguments(on_step))
            self._set_network(network, dtype, unit)
            self.history_, self.n_iter_ = history, len(history)
            self.n_components_ = len(self.components_)
        return self

    def _training_arguments(self, on_step):
        """Arguments of the training functions of sklearn_contrastive.deep."""
        return {
            "max_epochs": self.max_epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "device": self.device,
            "random_state": self.random_state,
            "on_epoch": lambda record: on_step("epoch"),
        }
