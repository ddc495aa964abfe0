"""Diagnoses this installation and suggests fixes, even if the libraries cannot be imported."""
