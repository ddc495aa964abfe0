"""A plan says, by the headers alone, what a LoRA changes, and which expert its name speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.tiny import file_layouts as layouts
from vgpipe.clips.from_config import family_to_plan
from vgpipe.config.load import load
from vgpipe.errors import ModelError
from vgpipe.models.base import Lora
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.weights.lora_summary import expert_hints, summary
from vgpipe.plans.weight_notes import weight_notes

EXPERTS = ("transformer", "transformer_2")


def pairs(prefix: str, ranks: tuple[int, ...] = (4, 4)) -> dict[str, torch.Tensor]:
    return {
        f"{prefix}blocks.{place}.self_attn.q.lora_{half}.weight": torch.ones(shape)
        for place, rank in enumerate(ranks)
        for half, shape in (("A", (rank, 24)), ("B", (24, rank)))
    }


def lora(path: Path, **fields) -> Lora:
    return Lora(path=str(path), weight=fields.pop("weight", 1.0), sha256="", **fields)


def test_kind_ranks_and_layers_are_said(tmp_path):
    file = layouts.write(tmp_path / "ink.safetensors", pairs("diffusion_model.", (2, 8)))
    told = summary(lora(file, weight=0.5, component="transformer_2"))
    assert told.startswith("model.loras: ink.safetensors: LoRA of ranks 2 to 8 over 2 layers (blocks 0 to 1), ")
    assert told.endswith(", weight 0.5 for transformer_2")
    for names, said in (
        (("a.lokr_w1", "a.lokr_w2"), "LoKr over 1 layer"),
        (("a.hada_w1_a", "a.hada_w1_b"), "LoHa of rank 3 over 1 layer"),
        (("a.lora_A.weight", "a.lora_B.weight", "a.lora_magnitude_vector"), "DoRA of rank 3 over"),
    ):
        layouts.write(file, {name: torch.ones(3, 3) for name in names})
        assert said in summary(lora(file))


def test_a_name_that_speaks_of_one_expert_is_said_where_it_goes_into_both(tmp_path):
    high = layouts.write(tmp_path / "ink_high_noise.safetensors", pairs(""))
    both = layouts.write(tmp_path / "low_noise.safetensors", pairs("transformer.") | pairs("transformer_2."))
    (hint,) = expert_hints([lora(high), lora(both), lora(high, component="transformer")], EXPERTS)
    assert "ink_high_noise.safetensors is applied to both experts" in hint
    assert f"-> 'model.loras=[{{id: {high}, component: transformer}}]'" in hint
    assert expert_hints([lora(high)], EXPERTS[:1]) == ()


def test_a_plan_notes_files_and_loras_and_refuses_foreign_ones(tiny_wan, tmp_path):
    whole = layouts.scaled(layouts.wan(layouts.tensors_of(tiny_wan, "transformer")))[0]
    file = layouts.write(tmp_path / "wan.safetensors", whole)
    ink = layouts.write(tmp_path / "ink.safetensors", pairs(""))
    config = load(["model=wan21_t2v_1_3b", f"model.loras=[{{id: {ink}}}]", "model.dtype=float32"])
    checkpoint = open_checkpoint(Origin(str(tiny_wan)), {"transformer": Origin(str(file))})
    parts = config.model, config.memory, config.quality, checkpoint, str(tmp_path)
    notes = weight_notes(family_to_plan(*parts))
    assert (
        "wan.safetensors: Wan transformer (2 layers, 24 wide, 4 channels in), stored as F8_E4M3 with scal" in notes[0]
    )
    assert "LoRA of rank 4 over 2 layers" in notes[1]
    file.rename(tmp_path / "wan_high_noise.safetensors")
    lone = open_checkpoint(Origin(str(tiny_wan)), {"transformer": Origin(str(tmp_path / "wan_high_noise.safetensors"))})
    assert "is named as one of two experts" in weight_notes(family_to_plan(*parts[:3], lone, str(tmp_path)))[1]
    layouts.write(ink, {"double_blocks.0.img_attn.qkv.lora_A.weight": torch.ones(1, 1)})
    with pytest.raises(ModelError, match="is for another model"):
        family_to_plan(*parts)
