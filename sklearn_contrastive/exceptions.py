"""Warnings that a user may want to filter."""

__all__ = ["ComponentsWarning", "HeywoodWarning", "MissingValuesWarning"]


class ComponentsWarning(UserWarning):
    """Fewer components were found than asked for, none at all, or one that may be noise."""


class HeywoodWarning(UserWarning):
    """The noise of a feature was estimated as (nearly) zero and set to the smallest allowed."""


class MissingValuesWarning(UserWarning):
    """Too little was observed: of a row for its scores, or of features for a model as yet."""
