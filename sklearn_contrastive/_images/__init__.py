"""Images that estimators take: what X holds, and how it is read in batches. Needs PyTorch."""
