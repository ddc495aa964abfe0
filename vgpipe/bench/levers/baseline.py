"""The baseline of every grid: the least that still denoises."""

STEPS = 2
"""The first step alone is a blur of all that the prompt could mean; the second is the first that corrects it."""
