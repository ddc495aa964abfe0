"""Artifacts by digest, and the run directory."""
