"""Imports of the model libraries, without what only other programs need of them."""
