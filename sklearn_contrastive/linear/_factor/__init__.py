"""Low rank plus noise: the factor model, and the ways to estimate it."""
