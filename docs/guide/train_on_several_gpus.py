"""Train on all GPUs of a machine: torchrun --nproc-per-node gpu train_on_several_gpus.py"""

import os

import numpy as np

from sklearn_contrastive import SimCLREmbedder

X = np.load("images.npy", mmap_mode="r")
embedder = SimCLREmbedder(batch_size=1024, max_epochs=100, random_state=0).fit(X)
if os.environ.get("RANK", "0") == "0":  # the fitted embedder is the same in every process
    embedder.save("embedder.safetensors")
