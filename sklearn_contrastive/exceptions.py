"""Classes of the warnings, so that a user can filter each kind."""

__all__ = [
    "CollapseWarning",
    "ComponentsWarning",
    "HeywoodWarning",
    "LabelsWarning",
    "MissingValuesWarning",
    "OutlierWarning",
    "UnreadableImagesWarning",
]


class CollapseWarning(UserWarning):
    """A trained encoder gives all samples the same representation."""


class ComponentsWarning(UserWarning):
    """The data support fewer components than requested, none, or one that may be noise."""


class HeywoodWarning(UserWarning):
    """The noise of a feature was estimated as (nearly) zero and set to the smallest allowed."""


class LabelsWarning(UserWarning):
    """Too few classes or labels, or samples that have no pair."""


class MissingValuesWarning(UserWarning):
    """Too few observed values, in a row for its scores or in features for a model."""


class OutlierWarning(UserWarning):
    """A few rows or entries of the training samples affect the components."""


class UnreadableImagesWarning(UserWarning):
    """Images that cannot be read were skipped, as `on_unreadable` asks for."""
