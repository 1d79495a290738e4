"""Parameters of PCA, FactorAnalysis and IncrementalPCA that do not exist here, and the advice."""

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import Parameter, signature
from typing import Any, Self

__all__ = ["RIVAL_PARAMETERS", "RivalParametersMixin", "advice_on", "with_advice"]

_GUIDE = "https://sklearn-contrastive.readthedocs.io/en/latest/guide/replace_pca.html"

#: for each parameter, the estimator that has it and what to do here
RIVAL_PARAMETERS = {
    "copy": ("PCA", "X is never written to. Drop it."),
    "svd_solver": (
        "PCA",
        'The parameter solver, "auto", "gram" or "operator", has another meaning and changes no '
        "result. Drop svd_solver.",
    ),
    "iterated_power": ("PCA", "It tunes the randomized solver. Drop it."),
    "n_oversamples": ("PCA", "It tunes the randomized solver. Drop it."),
    "power_iteration_normalizer": ("PCA", "It tunes the randomized solver. Drop it."),
    "noise_variance_init": (
        "FactorAnalysis",
        "The start is the closed form, which needs no noise. Drop it.",
    ),
    "svd_method": ("FactorAnalysis", "There is one method, which is exact. Drop it."),
    "rotation": (
        "FactorAnalysis",
        "Any rotation of loadings_ is the same model: rotate loadings_ after the fit.",
    ),
    "batch_size": ("IncrementalPCA", "fit reads X in blocks. Drop it; partial_fit takes chunks."),
}


class RivalParametersMixin:
    """Errors about parameters of PCA and the like say what to do instead.

    The signatures of the subclasses, and with them `clone` and `get_params`, stay as they are.
    """

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = with_advice(cls.__init__)

    def set_params(self, **params: Any) -> Self:
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Parameters by name.

        Returns
        -------
        self : object
            This estimator.

        Raises
        ------
        ValueError
            If a name is not a parameter of this estimator.
        """
        if text := advice_on(type(self).__name__, params.keys() - self.get_params().keys()):
            raise ValueError(text)
        return super().set_params(**params)


def advice_on(estimator_name: str, unknown: Iterable[str]) -> str | None:
    """Text about a parameter of a rival.

    Parameters
    ----------
    estimator_name : str
        Name of the estimator.
    unknown : iterable of str
        Names that are not parameters of the estimator.

    Returns
    -------
    text : str or None
        What to do instead, and the row of the migration table; None without such a name.
    """
    for name in sorted(set(unknown) & RIVAL_PARAMETERS.keys()):
        rival, advice = RIVAL_PARAMETERS[name]
        return (
            f"{estimator_name} has no parameter {name!r}, which {rival} has. {advice} See the row "
            f"{name!r} of the table 'Parameters of {rival}' in {_GUIDE}#parameters-of-"
            f"{rival.lower()}."
        )
    return None


def with_advice(init: Callable[..., None]) -> Callable[..., None]:
    """An ``__init__`` whose TypeError about a parameter of a rival says what to do instead.

    The signature stays as it is.

    Parameters
    ----------
    init : callable
        Of an estimator.

    Returns
    -------
    init : callable
        Raises a TypeError with the advice, or calls the one that was passed.
    """
    parameters = signature(init).parameters
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return init

    @wraps(init)
    def checked(self, *args, **kwargs):
        if text := advice_on(type(self).__name__, kwargs.keys() - parameters.keys()):
            raise TypeError(text)
        init(self, *args, **kwargs)

    return checked
