"""
Text: sparse tf-idf
===================

I have a sparse matrix of word weights. Can I reduce it without making it dense?

Pass the sparse matrix to ``fit``. For words take the closed form, with ``max_iter=0`` and
``noise_weighted=False``.
"""

# %%
# The texts are at hand: the docstrings of scikit-learn's public classes and functions. The class of
# a text is the module that it stands in. Modules with few texts are left out.
import inspect

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.discovery import all_estimators, all_functions

objects = [found for _, found in all_estimators() + all_functions()]
modules = ["cluster", "datasets", "linear_model", "metrics", "preprocessing"]
texts, y = [], []
for found in objects:
    module = found.__module__.split(".")[1]
    if module in modules:
        texts.append(inspect.getdoc(found))
        y.append(module)
words = TfidfVectorizer(
    stop_words="english", min_df=5, sublinear_tf=True, token_pattern="[a-z]{3,}"
)
X = words.fit_transform(texts)
print(
    f"{X.shape[0]} texts, {X.shape[1]} words, {X.nnz / np.prod(X.shape):.0%} of the entries stored"
)

# %%
# Texts repeat sentences, so that many words occur in the same places. They look free of noise to a
# factor model, and its refinement is not to be trusted. The closed form is without it. A classifier
# behind each reducer predicts the module.
import matplotlib.pyplot as plt
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive

closed_form = {"max_iter": 0, "noise_weighted": False, "random_state": 0}
reducers = {
    "TruncatedSVD": lambda k: TruncatedSVD(k, random_state=0),
    "PCA": lambda k: PCA(k, svd_solver="arpack", random_state=0),
    "LinearContrastive, closed form": lambda k: LinearContrastive(k, **closed_form),
}
numbers = [2, 4, 8, 16]
figure, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
for (name, reducer), style in zip(reducers.items(), ["s--", "^-.", "o-"], strict=True):
    accuracies = []
    for k in numbers:
        classifier = make_pipeline(reducer(k), StandardScaler(), LogisticRegression())
        accuracies.append(cross_val_score(classifier, X, y).mean())
    ax.plot(numbers, accuracies, style, label=name)
    print(f"{name:32}" + "".join(f"{accuracy:6.2f}" for accuracy in accuracies))
ax.set(xticks=numbers, xlabel="components", ylabel="accuracy (five folds)")
ax.set_title("Module of scikit-learn from its docstring")
ax.legend(loc="lower right")
plt.show()

# %%
# ``TruncatedSVD`` does not subtract the mean, and its first component is the average text. The
# other two subtract it without making X dense. Between these two there is hardly a difference: the
# noise of words is not uneven enough to mislead PCA.
#
# What the components are about, by the words with the largest and the smallest weights:
model = LinearContrastive(4, **closed_form).fit(X)
names = words.get_feature_names_out()
for number, row in enumerate(model.components_):
    order = names[row.argsort()]
    print(f"{number}: {', '.join(order[:-6:-1])} | {', '.join(order[:5])}")

# %%
# **To remember:** on text the linear contrastive loss is as good as PCA of the sparse matrix, not
# better. Both are ahead of ``TruncatedSVD`` with few components.
