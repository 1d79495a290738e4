"""
A stream, or more rows than memory
==================================

My rows arrive in chunks, or do not fit in memory. Is the result the same as that of one fit?

Yes: call ``partial_fit`` for each chunk. The covariance is updated exactly, and no row is kept.
"""

# %%
# The file has 40000 rows of a hundred sensors with weak signals. It is written to a temporary
# directory, and read as a memory map.
import tempfile
from pathlib import Path

import numpy as np

from sklearn_contrastive.datasets import make_spiked_covariance

directory = tempfile.TemporaryDirectory()
path = Path(directory.name) / "rows.npy"
np.save(path, make_spiked_covariance(40000, 100, 5, signal=1.2, noise=1.0, random_state=0)[0])
rows = np.load(path, mmap_mode="r")
print(f"{rows.nbytes / 2**20:.0f} MiB")

# %%
# ``tol=1e-6`` is for this comparison only: it makes both fits more exact than the samples
# determine. scikit-learn's ``IncrementalPCA`` is the rival. Each is compared with one fit to all
# rows.
from sklearn.decomposition import PCA, IncrementalPCA

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.metrics import sin_theta_distance

pairs = {
    "IncrementalPCA against PCA": (IncrementalPCA(5), PCA(5)),
    "LinearContrastive": (
        LinearContrastive(5, tol=1e-6, random_state=0),
        LinearContrastive(5, tol=1e-6, random_state=0),
    ),
}
chunks = [slice(start, start + 2000) for start in range(0, len(rows), 2000)]
distances = {}
for name, (stream, whole) in pairs.items():
    whole.fit(rows)
    distances[name] = [
        sin_theta_distance(stream.partial_fit(rows[chunk]).components_, whole.components_)
        for chunk in chunks
    ]
    print(f"{name}: distance {distances[name][-1]:.0e} after the last chunk")

# %%
# Before the last chunk both differ from the one fit, because they have seen fewer rows. After it
# ``LinearContrastive`` has the same subspace to rounding. ``IncrementalPCA`` keeps a few components
# of each chunk only, and what it has left out does not come back.
import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
seen = [chunk.stop for chunk in chunks]
for (name, values), style in zip(distances.items(), ["s--", "o-"], strict=True):
    ax.semilogy(seen, values, style, label=name)
ax.set(xlabel="rows read", ylabel="distance from one fit to all rows (sin-theta)")
ax.legend(loc="lower left")
plt.show()

# %%
# The memory that is allocated does not depend on the number of rows. ``fit`` reads a memory map
# block by block, and needs no more.
import tracemalloc


def memory(fit, X):
    """Peak of the memory that a fit allocates, in MiB."""
    tracemalloc.start()
    fit(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


print(f"partial_fit of a chunk: {memory(stream.partial_fit, rows[chunks[0]]):.1f} MiB")
print(f"fit of the memory map: {memory(whole.fit, rows):.1f} MiB")
print(f"PCA of the memory map: {memory(PCA(5).fit, rows):.1f} MiB")
del rows
directory.cleanup()
