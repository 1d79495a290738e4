"""Mean and covariance of samples, however they are stored."""
