"""
Grid search over reducers
=========================

Which reducer, and how many components? Let a grid search decide.

Name the step in a ``Pipeline`` and give the search several estimators for it.
"""

# %%
# The table has thirteen measurements of 178 wines. The same grid holds three reducers, so that all
# are compared on the same folds. The scalers before and after help the rivals; LinearContrastive
# needs none of them.
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RepeatedStratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive

X, y = load_wine(return_X_y=True)
pipeline = Pipeline(
    [
        ("scale", StandardScaler()),
        ("reduce", PCA()),
        ("scale scores", StandardScaler()),
        ("classify", LogisticRegression()),
    ]
)
grid = {
    "reduce": [PCA(), FactorAnalysis(), LinearContrastive(random_state=0)],
    "reduce__n_components": [1, 2, 3, 5, 7],
}
folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
search = GridSearchCV(pipeline, grid, cv=folds).fit(X, y)
print(f"Best: {search.best_params_}, accuracy {search.best_score_:.3f}")

# %%
# Look at the whole table of results. The bars are standard errors over the folds.
import matplotlib.pyplot as plt
import pandas as pd

results = pd.DataFrame(search.cv_results_)
results["reducer"] = results["param_reduce"].map(lambda reducer: type(reducer).__name__)
figure, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
for (name, rows), style in zip(results.groupby("reducer"), ["D:", "o-", "s--"], strict=True):
    error = rows["std_test_score"] / folds.get_n_splits() ** 0.5
    ax.errorbar(
        rows["param_reduce__n_components"].astype(int),
        rows["mean_test_score"],
        error,
        fmt=style,
        capsize=3,
        label=name,
    )
ax.set(xlabel="components", ylabel="accuracy", title="Three cultivars of wine")
ax.legend(loc="lower right")
plt.show()

# %%
# **To remember:** on this clean table the three are equally good once there are enough components,
# and PCA is ahead with two. The search costs no more code than a fixed choice. To choose
# ``n_components`` without labels, leave the classifier out: ``score`` of ``LinearContrastive`` is a
# likelihood, which the search then maximises.
