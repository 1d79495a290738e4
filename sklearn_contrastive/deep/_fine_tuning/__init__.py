"""Fine-tuning of trained networks on labelled samples."""
