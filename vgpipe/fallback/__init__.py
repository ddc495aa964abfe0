"""Both ladders, their history, smaller clips and other models."""
