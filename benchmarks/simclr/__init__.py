"""Findings of the SimCLR paper, made again in miniature and judged by their spread over seeds.

``python -m benchmarks.simclr`` makes all six, ``python -m benchmarks.simclr.heads`` one of them;
all six with ``--quick`` take less than ten minutes on a CPU. ``--scale full`` is for a GPU:
Fashion-MNIST at its own size and ResNet-18, hours.
"""
