"""Warnings that a user may want to filter."""

__all__ = [
    "CollapseWarning",
    "ComponentsWarning",
    "HeywoodWarning",
    "LabelsWarning",
    "MissingValuesWarning",
]


class CollapseWarning(UserWarning):
    """A trained encoder gives all samples the same representation."""


class ComponentsWarning(UserWarning):
    """Fewer components were found than asked for, none at all, or one that may be noise."""


class HeywoodWarning(UserWarning):
    """The noise of a feature was estimated as (nearly) zero and set to the smallest allowed."""


class LabelsWarning(UserWarning):
    """Labels or groups say less than was asked of them: too few classes, samples without a pair."""


class MissingValuesWarning(UserWarning):
    """Too little was observed: of a row for its scores, or of features for a model as yet."""
