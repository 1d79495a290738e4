"""
What do the components mean?
============================

Which features does a component consist of?

Draw its loadings as a heat map with ``LoadingsDisplay``, and read them as a table with
``loadings_frame``.
"""

# %%
# The table has 30 features of cell nuclei in 569 images: ten measurements, each as mean, standard
# error ("error") and mean of the largest values ("worst"). The features have different units, so
# standardise them. Four components are enough to read.
import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.plotting import LoadingsDisplay

X = load_breast_cancer(as_frame=True).data
scaler = StandardScaler().set_output(transform="pandas")
pipeline = make_pipeline(scaler, LinearContrastive(4, random_state=0)).fit(X)

# %%
# Each cell is the correlation of a feature and a component. Features are sorted by the component
# that explains most of them, and form blocks.
display = LoadingsDisplay.from_estimator(pipeline)
plt.show()

# %%
# ``loadings_frame`` returns a pandas data frame. Its column ``communality`` is the share of the
# variance of a feature that the components explain. Here are the features that have the least in
# common with the others, and those that have the most:
frame = pipeline[-1].loadings_frame()
print(frame["communality"].sort_values().round(2).iloc[[0, 1, 2, -3, -2, -1]])

# %%
# Name a component by its block. The sign of a whole column is arbitrary, and components are unique
# only up to a rotation: another rotation of the four columns is the same model.
