"""Networks: encoders and projection heads."""
