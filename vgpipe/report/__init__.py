"""The page that shows a run: built from what lies in its directory, and nothing else."""
