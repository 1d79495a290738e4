"""Reading of images in batches, from arrays, tensors, memory maps and files. Needs PyTorch."""
