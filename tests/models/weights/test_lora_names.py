"""A LoRA's layout is known by its tensors' names alone."""

from __future__ import annotations

import pytest

from vgpipe.errors import ModelError
from vgpipe.models.weights.lora_names import Kind, bare, dotted, hunyuan_names, leaves_bits, part_of, refuse_other

WAN, HUNYUAN = "WanTransformer3DModel", "HunyuanVideoTransformer3DModel"


@pytest.mark.parametrize(
    ("name", "layer", "kind"),
    [
        ("transformer.blocks.0.attn1.to_q.lora_A.weight", "transformer.blocks.0.attn1.to_q", Kind.DOWN),
        ("blocks.0.self_attn.q.lora_B.default.weight", "blocks.0.self_attn.q", Kind.UP),
        ("a.lora_down.weight", "a", Kind.DOWN),
        ("a.lora.up.weight", "a", Kind.UP),
        ("a.lora_linear_layer.down.weight", "a", Kind.DOWN),
        ("a.lora_B.bias", "a", Kind.UP_BIAS),
        ("a.alpha", "a", Kind.ALPHA),
        ("blocks.0.norm3.diff", "blocks.0.norm3", Kind.WEIGHT),
        ("blocks.0.norm3.diff_b", "blocks.0.norm3", Kind.BIAS),
        ("blocks.0.diff_m", "blocks.0", Kind.MODULATION),
        ("proj_out.weight", "proj_out.weight", Kind.OTHER),
    ],
)
def test_a_tensor_is_for_a_layer(name, layer, kind):
    part = part_of(name)
    assert (part.layer, part.kind) == (layer, kind)


@pytest.mark.parametrize("prefix", ["", "diffusion_model.", "pipe.dit.", "base_model.model.", "model.diffusion_model."])
def test_prefixes_of_tools_are_taken_off(prefix):
    assert bare(f"{prefix}blocks.0.self_attn.q") == "blocks.0.self_attn.q"


def test_underscores_of_trainers_become_the_authors_dots():
    assert dotted(bare("lora_unet_blocks_11_cross_attn_k_img")) == "blocks.11.cross_attn.k_img"
    assert dotted(bare("lora_unet_blocks_1_ffn_2")) == "blocks.1.ffn.2"


@pytest.mark.parametrize(
    ("name", "converted"),
    [
        ("lora_unet_double_blocks_3_img_attn_qkv.lora_down.weight", "double_blocks.3.img_attn_qkv.lora_A.weight"),
        ("diffusion_model.double_blocks.3.txt_mlp.2.lora_B.weight", "double_blocks.3.txt_mlp.fc2.lora_B.weight"),
        (
            "lora_unet_single_blocks_7_modulation_linear.lora_up.weight",
            "single_blocks.7.modulation.linear.lora_B.weight",
        ),
        ("diffusion_model.double_blocks.0.img_mod.lin.lora_A.weight", "double_blocks.0.img_mod.linear.lora_A.weight"),
        ("single_blocks.7.linear1.lora_A.weight", "single_blocks.7.linear1.lora_A.weight"),
    ],
)
def test_names_of_hunyuan_video_become_those_that_diffusers_converts(name, converted):
    assert hunyuan_names([name], HUNYUAN) == {name: f"transformer.{converted}"}
    assert hunyuan_names([name], WAN) == {}


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a.oft_blocks"], "is a OFT, which is not applied"),
        (["lora_te1_text_model_q.lora_down.weight"], "changes the text encoder alone"),
        (["blocks.0.attn1.to_q.weight"], "its tensors are not named as a LoRA's .* go into model.components"),
        (["lora_unet_down_blocks_0_attentions_0.lora_down.weight"], "is for another model: it changes down_blocks"),
        (["unet.up_blocks.0.a.lora_A.weight"], "is for another model: it changes up_blocks"),
        (["transformer.single_transformer_blocks.0.a.lora_A.weight"], "it changes single_transformer_blocks"),
    ],
)
def test_what_is_not_applied_is_refused_by_name(names, told):
    with pytest.raises(ModelError, match=rf"^model\.loras: x\.safetensors .*{told}|x\.safetensors: {told}"):
        refuse_other("x.safetensors", names, WAN)


def test_a_lora_without_changes_of_norms_keeps_its_store_keys():
    assert leaves_bits({"a.lora_A.weight": 0, "blocks.0.self_attn.q.diff_b": 0})
    assert not leaves_bits({"blocks.0.self_attn.norm_q.diff": 0})
