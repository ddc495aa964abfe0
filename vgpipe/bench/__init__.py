"""Measures what the settings of a model cost and keep on this machine."""
