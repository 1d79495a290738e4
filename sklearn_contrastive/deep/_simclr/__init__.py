"""SimCLR: the estimator, its network, views and losses, and the run of a training."""
