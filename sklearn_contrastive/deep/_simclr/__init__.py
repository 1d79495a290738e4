"""SimCLREmbedder and the parts of one training."""
