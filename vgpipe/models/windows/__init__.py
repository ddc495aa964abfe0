"""Denoising of clips longer than a model can hold."""
