"""Findings of the SimCLR paper, made again in miniature and judged by their spread over seeds.

``python -m benchmarks.simclr`` makes all six, ``python -m benchmarks.simclr.heads`` one of them;
``--quick`` takes less than ten minutes on a CPU, for all six. ``--scale full`` is for a GPU: Fashion-MNIST at its own
size and ResNet-18, hours.
"""
