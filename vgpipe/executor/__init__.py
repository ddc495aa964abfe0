"""Runs the stages over a whole job."""
