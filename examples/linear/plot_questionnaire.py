"""
Items of a questionnaire
========================

Which items measure the same trait, and which item measures nothing?

Look at the rotated ``loadings_`` for the first question, and at ``communalities_`` for the second.
"""

# %%
# Four hundred persons answer fifteen items from 1 to 5. The answers are drawn: three traits have
# five items each, some items are turned round, and the last item of mood is answered at random.
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
scales = ["sleep", "mood", "pain"]
items = [f"{scale} {number}" for scale in scales for number in range(1, 6)]
trait = np.repeat(np.arange(3), 5)
strength = rng.uniform(0.5, 1.5, 15) * np.where(np.arange(15) % 4 == 3, -1, 1)
strength[items.index("mood 5")] = 0
latent = rng.standard_normal((400, 3))[:, trait] * strength + rng.standard_normal((400, 15))
answers = pd.DataFrame(np.clip(np.round(3 + latent), 1, 5), columns=items)

# %%
# The number of traits is estimated. Standardised items have correlations as loadings.
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive

standardised = StandardScaler().set_output(transform="pandas").fit_transform(answers)
model = LinearContrastive(random_state=0).fit(standardised)
print(f"{model.n_components_} components")

# %%
# Any rotation of the loadings is the same model. Varimax turns them so that each item has few large
# ones.


def varimax(loadings):
    """Loadings after the rotation that makes their squares most unequal, with positive sums."""
    rotation = np.eye(loadings.shape[1])
    for _ in range(100):
        rotated = loadings @ rotation
        slope = loadings.T @ (rotated**3 - rotated * np.mean(rotated**2, axis=0))
        left, _, right = np.linalg.svd(slope)
        rotation = left @ right
    return rotated * np.sign(rotated.sum(axis=0))


# %%
# The communality is the share of an item's variance that the traits explain. An item with none can
# be dropped. A negative loading is an item that is turned round.
import matplotlib.pyplot as plt

rotated = varimax(model.loadings_)
figure, (left, right) = plt.subplots(
    1, 2, figsize=(7, 5), sharey=True, width_ratios=[1, 1.4], layout="constrained"
)
image = left.imshow(rotated, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
for (row, column), value in np.ndenumerate(rotated):
    if abs(value) > 0.3:
        colour = "white" if abs(value) > 0.6 else "black"
        left.text(column, row, f"{value:.1f}", ha="center", va="center", color=colour)
left.set(yticks=range(15), yticklabels=items, xticks=range(3), xlabel="component")
left.set_title("loadings")
right.barh(range(15), model.communalities_)
right.set(xlim=(0, 1), xlabel="communality")
right.set_title("share that the traits explain")
plt.show()

# %%
# ``StandardScaler`` + ``FactorAnalysis`` fits the same model and has the rotation built in. It has
# to be given the number of traits, and it has no communalities; they follow from its loadings.
from sklearn.decomposition import FactorAnalysis

rival = FactorAnalysis(3, rotation="varimax").fit(standardised)
difference = np.abs(np.sum(rival.components_**2, axis=0) - model.communalities_).max()
print(f"Largest difference of a communality to FactorAnalysis: {difference:.3f}")
print(f"Item to drop: {items[model.communalities_.argmin()]}")
