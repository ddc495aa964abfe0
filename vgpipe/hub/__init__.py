"""Checkpoints from the model hub: what a repo holds, its cache, and downloads that go on where they stopped."""
