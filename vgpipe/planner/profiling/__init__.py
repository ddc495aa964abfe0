"""One run of each stage on fake tensors."""
