"""Configs that several tests look at, each composed once a process: composing takes a tenth of a second."""

from __future__ import annotations

import functools

from vgpipe.config.load import load
from vgpipe.config.model_schema import ModelConfig
from vgpipe.config.schema import Config


@functools.cache
def composed(*overrides: str) -> Config:
    """The frozen config of a command line; its relative folders are those of whoever asked first."""
    return load(overrides)


def model_of(option: str) -> ModelConfig:
    """The settings of an option of `model`."""
    return composed(f"model={option}").model
