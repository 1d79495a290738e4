"""loadings_frame: the loadings as a table with names."""

from importlib.util import find_spec

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._install import needs
from .._sklearn_compat import feature_names_of
from .._typing import DataFrame

__all__ = ["LoadingsFrameMixin"]


class LoadingsFrameMixin:
    """Adds the table of the loadings to a reducer with `loadings_`."""

    def loadings_frame(self) -> DataFrame:
        """Loadings as a pandas data frame, with the names of features and components.

        Returns
        -------
        frame : pandas.DataFrame of shape (n_features, n_columns)
            A row for each feature, by its name; x0, x1, ... where X had no names. A column for
            each component, named as in ``get_feature_names_out``, then ``communality`` and
            ``noise_variance``, if the estimator has these attributes.

        Raises
        ------
        ImportError
            If pandas is not installed.

        See Also
        --------
        sklearn_contrastive.plotting.LoadingsDisplay : The same as a heat map.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn_contrastive import LinearContrastive
        >>> wine = load_wine(as_frame=True).data
        >>> frame = LinearContrastive(2, random_state=0).fit(wine).loadings_frame()
        >>> frame["communality"].nlargest(2).round(2)
        flavanoids         0.92
        color_intensity    0.81
        Name: communality, dtype: float64
        """
        check_is_fitted(self)
        if find_spec("pandas") is None:
            raise ImportError(needs("loadings_frame", "pandas", "pandas"))
        import pandas as pd

        frame = pd.DataFrame(
            np.asarray(self.loadings_),
            index=feature_names_of(self),
            columns=self.get_feature_names_out(),
            copy=True,  # pandas < 3 would share the memory of the model
        )
        for column, attribute in (
            ("communality", "communalities_"),
            ("noise_variance", "noise_variance_"),
        ):
            if hasattr(self, attribute):
                frame[column] = np.asarray(getattr(self, attribute))
        return frame
