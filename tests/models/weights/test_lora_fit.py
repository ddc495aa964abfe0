"""LoRAs are tried before anything starts, and only once; what is left out of one is a degradation."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vgpipe.errors import LoadError
from vgpipe.models.base import Lora
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.weights import lora_fit
from vgpipe.store.file_hashes import FileHashes
from vgpipe.store.notes import Notes

pytest.importorskip("peft", reason="LoRAs need peft")

LAYER, WIDTH = "transformer.blocks.0.attn1.to_q", 192  # of the embedded model
STRANGER = "transformer.blocks.99.attn1.to_q"
TINY_WIDTH = 24  # of the checkpoint that `render` uses


def write(path: Path, *layers: str, width: int = WIDTH) -> Path:
    halves = {"lora_A": torch.ones(2, width), "lora_B": torch.zeros(width, 2)}
    save_file({f"{layer}.{half}.weight": one.clone() for layer in layers for half, one in halves.items()}, path)
    return path


def left_out(path: Path, notes: Path) -> str:
    checkpoint = open_checkpoint(Origin("embedded:shapes"))
    one = Lora(path=str(path), weight=1.0, sha256=FileHashes(None).sha256(path))
    return lora_fit.left_out(checkpoint, "WanPipeline", "transformer", one, Notes(notes))


def test_a_lora_is_tried_once(tmp_path, monkeypatch):
    file = write(tmp_path / "a.safetensors", LAYER, STRANGER)
    told = left_out(file, tmp_path / "notes")
    assert told.startswith(f"only 2 of its 4 tensors fit transformer, not {STRANGER}.lora_A.weight")
    monkeypatch.setattr(lora_fit, "_tried", None)
    assert left_out(file, tmp_path / "notes") == told


def test_a_lora_that_fits_leaves_nothing_out(tmp_path):
    assert left_out(write(tmp_path / "a.safetensors", LAYER), tmp_path / "notes") == ""


def test_one_of_another_size_is_refused_every_time(tmp_path):
    file = write(tmp_path / "a.safetensors", LAYER, width=64)
    for _ in range(2):
        with pytest.raises(LoadError, match=r"size mismatch for blocks\.0\.attn1\.to_q\.lora_A\.weight: \[2, 64\]"):
            left_out(file, tmp_path / "notes")


def test_a_run_with_a_lora_of_another_model_does_not_start(render, tmp_path):
    file = write(tmp_path / "a.safetensors", LAYER, width=64)
    ran = render("clip.prompt=a circle", f"model.loras=[{{id: {file}}}]")
    assert ran.code == 2 and "size mismatch for blocks.0.attn1.to_q.lora_A" in ran.err and not ran.out


def test_what_is_left_out_is_a_degradation_also_where_nothing_is_rendered_again(render, tmp_path):
    file = write(tmp_path / "a.safetensors", LAYER, STRANGER, width=TINY_WIDTH)
    asked = ("clip.prompt=a circle", f"model.loras=[{{id: {file}}}]")
    for _ in range(2):
        ran = render(*asked)
        (degradation,) = ran.records()[0]["degradations"]
        assert ran.code == 0 and degradation["kind"] == "loras" and degradation["asked"] == "all of a.safetensors"
        assert degradation["reason"].startswith("only 2 of its 4 tensors fit transformer")
    strict = render(*asked, "run.degrade=strict")
    assert strict.code == 2 and "-> run.degrade=safe applies the rest" in strict.err
