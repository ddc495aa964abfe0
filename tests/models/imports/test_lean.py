"""A run imports what it uses, and what the libraries were spared works when it is used after all."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vgpipe.models.imports import lean

SPARED = ("torch._dynamo", "scipy.stats", "scipy.optimize", "peft", "torchao", "torch.distributed.fsdp")

CODE = f"""
import sys
from vgpipe.models.checkpoint.installed_classes import class_of
from vgpipe.models.imports.placeholder import LaterName, Placeholder, is_imported

pipeline, encoder = class_of("diffusers", "WanPipeline"), class_of("transformers", "UMT5EncoderModel")
scheduler = class_of("diffusers", "UniPCMultistepScheduler")()
assert pipeline is not None and encoder is not None
pipeline(tokenizer=None, text_encoder=None, vae=None, scheduler=scheduler, transformer=None)
print([name for name in {SPARED} if is_imported(name)])
given = [
    name
    for name, module in list(sys.modules.items())
    if not isinstance(module, Placeholder) and name.split(".")[0] not in ("diffusers", "transformers", "accelerate")
    for value in list(vars(module).values()) if module.__name__ != "__main__" and type(value) is LaterName
]
print(given)

import torch
from diffusers.loaders import lora_base
from diffusers.models.attention import BasicTransformerBlock
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.tuners.lora import Linear
layer = Linear(torch.nn.Linear(2, 2), "default", r=1, config=__import__("peft").LoraConfig())
print(isinstance(layer, lora_base.BaseTunerLayer), isinstance(layer, BaseTunerLayer))
import scipy.stats
print(round(float(scipy.stats.beta.ppf(0.5, 1, 1)), 3))
print(torch.compile(lambda x: x + 1, backend="eager")(torch.zeros(1)).item())
from torch._dynamo import trace_rules
print(id(BasicTransformerBlock) in trace_rules._allowed_callable_ids.function_ids, is_imported("torch._dynamo"))
"""


def test_a_pipeline_is_made_without_what_only_other_programs_use():
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", CODE], text=True, capture_output=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-3000:]
    spared, given, *used = ran.stdout.strip().splitlines()
    assert (spared, given) == ("[]", "[]")
    assert used == ["True True", "0.5", "1.0", "True True"]


def test_it_can_be_switched_off(monkeypatch):
    monkeypatch.setattr(lean, "_is_prepared", False)
    monkeypatch.setattr(lean, "is_imported", lambda _name: False)  # as at the start of a run
    monkeypatch.setattr(lean, "place", lambda _placeholder: pytest.fail("a placeholder is put in place"))
    monkeypatch.setenv(lean.SWITCH, "0")
    lean.prepare()
