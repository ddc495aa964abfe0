"""Several runs as a grid: which settings are its axes, and which clips are in a row."""
