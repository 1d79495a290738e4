"""Random augmentations of batches of images. Needs PyTorch."""
