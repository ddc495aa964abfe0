"""The words that several packages share: stages, stored precisions, the degrade policy, objectives of a sweep."""

from __future__ import annotations

from typing import Literal, get_args

ENCODE, DENOISE, DECODE, EXPORT = "encode", "denoise", "decode", "export"
STAGES = (ENCODE, DENOISE, DECODE, EXPORT)
MODEL_STAGES = (ENCODE, DENOISE, DECODE)
"""The stages that use the model."""
CHECKPOINT, TAIL, OVERFLOW, IMAGE = "checkpoint", "tail", "overflow", "image"
PREVIEW, SCORE = "preview", "score"
"""Folders of the store besides those of the stages: clips in the middle of denoising, frames that the next segment
continues from, what is known to overflow, images that a worker elsewhere was sent, what drafts show of latents,
what judges say of previews."""

StoredPrecision = Literal["native", "fp8", "int8", "bnb_int8", "int4", "nf4", "gguf"]
"""How the weights of a component are stored: `native` keeps the model's own precision."""
NATIVE, FP8, INT8, BNB_INT8, INT4, NF4, GGUF = get_args(StoredPrecision)

DegradePolicy = Literal["strict", "safe", "any"]
"""What a run may change so that a clip can finish: nothing; precision, tiles and files; also size and model."""
STRICT, SAFE, ANY = get_args(DegradePolicy)

CacheName = Literal["none", "seacache", "magcache", "firstblock", "taylorseer"]
"""How a denoiser reuses what it computed at earlier steps; `none` computes every step."""
NO_CACHE, SEACACHE, MAGCACHE, FIRSTBLOCK, TAYLORSEER = get_args(CacheName)

RunOrder = Literal["job", "cheapest_first"]
"""Which clips of a run go first: those of the job, or those that take least."""
JOB_ORDER, CHEAPEST_FIRST = get_args(RunOrder)

Objective = Literal["clips_not_done", "seconds_per_clip", "peak_gb", "sharpness", "motion", "contrast", "flicker"]
"""What a sweeper can search by: one number of a whole run."""
CLIPS_NOT_DONE, SECONDS_PER_CLIP, PEAK_GB, *_MEASURES = get_args(Objective)
MEASURED_FRAMES: tuple[str, ...] = tuple(_MEASURES)
"""The objectives that are measured on frames; `vgpipe/report/measures.py` says what each is."""
