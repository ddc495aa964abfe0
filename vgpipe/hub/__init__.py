"""Checkpoints from the model hub: listings, the cache, and downloads that resume."""
