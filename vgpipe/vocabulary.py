"""The words that several packages share: stages, stored precisions, the degrade policy."""

from __future__ import annotations

from typing import Literal, get_args

ENCODE, DENOISE, DECODE, EXPORT = "encode", "denoise", "decode", "export"
STAGES = (ENCODE, DENOISE, DECODE, EXPORT)
MODEL_STAGES = (ENCODE, DENOISE, DECODE)
"""The stages that use the model."""

StoredPrecision = Literal["native", "fp8", "int8", "bnb_int8", "int4", "nf4", "gguf"]
"""How the weights of a component are stored: `native` keeps the model's own precision."""
NATIVE, FP8, INT8, BNB_INT8, INT4, NF4, GGUF = get_args(StoredPrecision)

DegradePolicy = Literal["strict", "safe", "any"]
"""What a run may change so that a clip can finish: nothing; precision, tiles and files; also size and model."""
STRICT, SAFE, ANY = get_args(DegradePolicy)
