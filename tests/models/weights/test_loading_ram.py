"""Loading holds no component twice: files are mapped, not read, and precision is converted tensor by tensor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vgpipe.memory.tracker import STATUS

pytestmark = pytest.mark.skipif(not STATUS.is_file(), reason="reads Linux's account of the process")

MIB = 1 << 20
MEASURE = """
import gc, json, sys, threading, time
from pathlib import Path

import torch
from vgpipe.models.base import Settings
from vgpipe.models.weights.load_component import load_component
from vgpipe.models.open import Origin, open_checkpoint

FIELDS = ("RssAnon", "RssFile")
def status():
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(lines[name].split()[0]) << 10 for name in FIELDS}

def load(component, dtype):
    copies = Path(sys.argv[2]) if dtype == "bfloat16, to files" else None
    return load_component(checkpoint, component, Settings(dtype=dtype.split(",")[0]), "cpu", copies)

def watched(component, dtype):
    gc.collect()
    before, peak, done = status(), dict.fromkeys(FIELDS, 0), threading.Event()
    def watch():
        while not done.is_set():
            peak.update({name: max(peak[name], size) for name, size in status().items()})
            time.sleep(0.001)
    watching = threading.Thread(target=watch)
    watching.start()
    module = load(component, dtype)
    done.set()
    watching.join()
    gc.collect()
    sizes = [tensor.nbytes for tensor in [*module.parameters(), *module.buffers()]]
    return {
        "size": sum(sizes),
        "largest": max(sizes),
        "peak": {name: peak[name] - before[name] for name in FIELDS},
        "left": {name: size - before[name] for name, size in status().items()},
    }

components = ("transformer", "text_encoder")
checkpoint = open_checkpoint(Origin(sys.argv[1]))
for component in components:
    load(component, "float32")  # what is imported for it is not of the component
ways = ("float32", "bfloat16", "bfloat16, to files")
told = {one: {way: watched(one, way) for way in ways} for one in components}
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A denoiser and a text encoder of 150 MB each, in shards."""
    import torch
    from diffusers import WanTransformer3DModel
    from transformers import UMT5Config, UMT5EncoderModel

    place = tmp_path_factory.mktemp("midsize")
    with torch.device("meta"):
        transformer = WanTransformer3DModel(
            num_attention_heads=8, attention_head_dim=128, in_channels=16, out_channels=16, text_dim=256, freq_dim=256,
            ffn_dim=3072, num_layers=2,
        )  # fmt: skip
        config = UMT5Config(vocab_size=8000, d_model=1024, d_kv=64, d_ff=2048, num_layers=3, num_heads=16)
        encoder = UMT5EncoderModel(config)
    for name, module in (("transformer", transformer), ("text_encoder", encoder)):
        module.to_empty(device="cpu")
        for parameter in module.parameters():
            parameter.data.fill_(0.01)
        module.save_pretrained(place / name, max_shard_size="40MB")
    index = {
        "_class_name": "WanPipeline",
        "transformer": ["diffusers", "WanTransformer3DModel"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
    }
    (place / "model_index.json").write_text(json.dumps(index))
    return place


@pytest.fixture(scope="module")
def measured(folder) -> dict[str, dict[str, dict[str, Any]]]:
    """Component -> precision -> what loading it took, in a process of its own."""
    command = [sys.executable, "-c", MEASURE, str(folder), str(folder / "copies")]
    # So that the allocator gives every freed tensor back, and what is measured is what is held.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize("component", ["transformer", "text_encoder"])
def test_loading_takes_its_size_in_ram_once(measured, component):
    for dtype, found in measured[component].items():
        assert found["size"] > 70 * MIB
        # What is not converted stays in its file, mapped; of what is, no file is still mapped beside it. What goes to
        # files is converted into a file, and mapped.
        own, mapped = (found["size"], 0.2) if dtype == "bfloat16" else (0, 1.05)
        assert found["peak"]["RssAnon"] < own + found["largest"] + 0.05 * found["size"], (dtype, found)
        assert found["left"]["RssAnon"] < own + 0.1 * found["size"], (dtype, found)
        assert found["left"]["RssFile"] < mapped * found["size"], (dtype, found)
