"""One LoRA in every tool's naming has the same effect; every tensor is applied, or counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests import tiny
from vgpipe.models.base import Lora
from vgpipe.models.checkpoint.safetensors_files import tensors_in
from vgpipe.models.open import Origin, open_lora
from vgpipe.models.weights import loras
from vgpipe.models.weights.lora_plan import plan
from vgpipe.store.file_hashes import FileHashes

pytest.importorskip("peft", reason="LoRAs need peft")

AUTHORS = {
    "attn1.to_q": "self_attn.q", "attn1.to_out.0": "self_attn.o", "attn2.to_k": "cross_attn.k",
    "ffn.net.0.proj": "ffn.0", "ffn.net.2": "ffn.2",
}  # fmt: skip
RANK, ALPHA = 4, 2.0


@pytest.fixture(scope="module")
def wan(tiny_wan: Path) -> Callable[[], object]:
    from diffusers import WanTransformer3DModel

    return lambda: WanTransformer3DModel.from_pretrained(tiny_wan / "transformer")


@pytest.fixture(scope="module")
def pairs(wan) -> dict[tuple[int, str, str], tuple[torch.Tensor, torch.Tensor]]:
    draw, module, found = torch.Generator().manual_seed(3), wan(), {}
    for block in range(len(module.blocks)):
        for ours, theirs in AUTHORS.items():
            weight = module.get_submodule(f"blocks.{block}.{ours}").weight
            found[block, ours, theirs] = tuple(
                torch.randn(*shape, generator=draw) * 0.3
                for shape in ((RANK, weight.shape[1]), (weight.shape[0], RANK))
            )
    return found


def holding(module, name="WanPipeline"):
    import diffusers

    class Holder(getattr(diffusers, name)):
        def __init__(self):
            self.__dict__["transformer"] = module

    return Holder()


def applied(
    module, tensors: dict[str, torch.Tensor], folder: Path, weight=1.0, name="WanPipeline", file="x.safetensors"
):
    save_file({key: one.clone() for key, one in tensors.items()}, folder / file)
    loras.apply(holding(module, name), [Lora(path=str(folder / file), weight=weight, sha256="")], "transformer")
    return module


def output(module) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        return module(
            hidden_states=torch.randn(1, module.config.in_channels, 3, 4, 4, generator=draw),
            timestep=torch.tensor([5]),
            encoder_hidden_states=torch.randn(1, 7, module.config.text_dim, generator=draw),
            return_dict=False,
        )[0]


SCALE = ALPHA / RANK
LAYOUTS = {
    "comfyui": ("diffusion_model.blocks.{n}.{theirs}", ".lora_A.weight", ".lora_B.weight", False),
    "kohya": ("lora_unet_blocks_{n}_{under}", ".lora_down.weight", ".lora_up.weight", True),
    "bare": ("blocks.{n}.{theirs}", ".lora_A.weight", ".lora_B.weight", False),
    "diffsynth": ("blocks.{n}.{theirs}", ".lora_A.default.weight", ".lora_B.default.weight", False),
    "pipe.dit": ("pipe.dit.blocks.{n}.{theirs}", ".lora_A.default.weight", ".lora_B.default.weight", False),
    "peft": ("base_model.model.blocks.{n}.{ours}", ".lora_A.weight", ".lora_B.weight", False),
    "peft, authors' names": ("base_model.model.blocks.{n}.{theirs}", ".lora_A.weight", ".lora_B.weight", False),
    "kohya, diffusers' names": ("lora_unet_blocks_{n}_{own}", ".lora_down.weight", ".lora_up.weight", True),
    "lightx2v": ("diffusion_model.blocks.{n}.{theirs}", ".lora_down.weight", ".lora_up.weight", True),
}


def written(pairs, layout: str) -> dict[str, torch.Tensor]:
    pattern, down, up, has_alpha = LAYOUTS[layout]
    tensors = {}
    for (block, ours, theirs), (a, b) in pairs.items():
        layer = pattern.format(
            n=block, ours=ours, theirs=theirs, under=theirs.replace(".", "_"), own=ours.replace(".", "_")
        )
        tensors |= {layer + down: a if has_alpha else a * SCALE, layer + up: b}
        if has_alpha:
            tensors[f"{layer}.alpha"] = torch.tensor(ALPHA)
    return tensors


def in_diffusers_names(pairs) -> dict[str, torch.Tensor]:
    return {
        f"transformer.blocks.{block}.{ours}.{half}.weight": one
        for (block, ours, _), (a, b) in pairs.items()
        for half, one in (("lora_A", a * SCALE), ("lora_B", b))
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_has_the_effect_of_diffusers_own(wan, pairs, tmp_path, layout, caplog):
    expected = output(applied(wan(), in_diffusers_names(pairs), tmp_path))
    with caplog.at_level("WARNING", "vgpipe"):
        module = applied(wan(), written(pairs, layout), tmp_path)
    assert torch.equal(output(module), expected) and not torch.equal(expected, output(wan()))
    assert not caplog.records


def test_pefts_own_scale_is_read_beside_its_file(wan, pairs, tmp_path):
    plain = {name: one / SCALE if "lora_A" in name else one for name, one in written(pairs, "peft").items()}
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": RANK, "lora_alpha": ALPHA}))
    module = applied(wan(), plain, tmp_path, file="adapter_model.safetensors")
    assert torch.equal(output(module), output(applied(wan(), in_diffusers_names(pairs), tmp_path)))


CHANGES = {
    "blocks.0.self_attn.norm_q.diff": "blocks.0.attn1.norm_q.weight",
    "blocks.0.norm3.diff": "blocks.0.norm2.weight",
    "blocks.0.norm3.diff_b": "blocks.0.norm2.bias",
    "blocks.0.diff_m": "blocks.0.scale_shift_table",
    "blocks.1.ffn.0.diff": "blocks.1.ffn.net.0.proj.weight",
    "patch_embedding.diff_b": "patch_embedding.bias",
    "head.modulation.diff": "scale_shift_table",
}


@pytest.mark.parametrize("has_pairs", [True, False])
@pytest.mark.parametrize("name", CHANGES)
def test_whole_changes_are_added_to_the_weights(wan, pairs, tmp_path, name, has_pairs, caplog):
    target = CHANGES[name]
    module = wan()
    change = torch.randn(module.get_parameter(target).shape)
    before = module.get_parameter(target).detach().clone()
    tensors = {f"diffusion_model.{name}": change} | (written(pairs, "comfyui") if has_pairs else {})
    with caplog.at_level("WARNING", "vgpipe"):
        module = applied(module, tensors, tmp_path, weight=0.5)
    after = dict(module.named_parameters())
    after = after.get(target, after.get(".base_layer.".join(target.rsplit(".", 1))))
    assert torch.allclose(after, before + 0.5 * change, atol=1e-6)
    assert not caplog.records


def test_pairs_that_the_librarys_conversion_leaves_out_are_applied(wan, tmp_path):
    """A convolution, and a head without the blocks that the conversion expects."""
    draw = torch.Generator().manual_seed(1)
    module, plain = wan(), wan()
    out, channels = module.patch_embedding.weight.shape[:2]
    a = torch.randn(2, channels, 1, 2, 2, generator=draw)
    b = torch.randn(out, 2, 1, 1, 1, generator=draw)
    name = "diffusion_model.patch_embedding"
    applied(module, {f"{name}.lora_down.weight": a, f"{name}.lora_up.weight": b}, tmp_path)
    plain.patch_embedding.weight.data += torch.einsum("or,rctyx->octyx", b[:, :, 0, 0, 0], a)
    assert torch.allclose(output(module), output(plain), atol=1e-5)


def test_what_has_no_place_is_counted_against_the_file(wan, pairs, tmp_path):
    image = {f"diffusion_model.blocks.0.cross_attn.k_img.lora_{half}.weight": torch.ones(4, 4) for half in "AB"}
    wrong = {
        "diffusion_model.blocks.0.self_attn.norm_q.diff": torch.ones(7),
        "lora_te_a.lora_up.weight": torch.ones(2, 2),
    }
    tensors = written(pairs, "comfyui") | image | wrong
    save_file(tensors, tmp_path / "x.safetensors")
    found = plan(holding(None), wan(), "transformer", "x", tensors_in(tmp_path / "x.safetensors"))
    assert set(found.left) == {*image, *wrong} and found.total == len(tensors)
    told = found.told_of_left("transformer")
    assert told.startswith(
        "1 tensors for the text encoder are not applied; only 20 of its 24 tensors fit transformer, not"
    )


@pytest.mark.parametrize("tool", ["comfyui", "kohya", "authors"])
def test_hunyuan_videos_layouts_have_the_effect_of_diffusers_own(tool, tmp_path_factory, tmp_path):
    from diffusers import HunyuanVideoTransformer3DModel

    folder = tiny.build("hunyuan_video", tmp_path_factory.mktemp("hunyuan"))

    def module():
        return HunyuanVideoTransformer3DModel.from_pretrained(folder / "transformer")

    draw = torch.Generator().manual_seed(1)
    width = module().transformer_blocks[0].attn.to_q.in_features
    a, b = torch.randn(2, width, generator=draw), torch.randn(3 * width, 2, generator=draw)
    layer = "transformer.transformer_blocks.0.attn.to_"
    own = {f"{layer}{letter}.lora_A.weight": a for letter in "qkv"}
    own |= {f"{layer}{letter}.lora_B.weight": part for letter, part in zip("qkv", b.chunk(3), strict=True)}
    name, down, up = {
        "comfyui": ("diffusion_model.double_blocks.0.img_attn.qkv", "lora_A", "lora_B"),
        "kohya": ("lora_unet_double_blocks_0_img_attn_qkv", "lora_down", "lora_up"),
        "authors": ("transformer.double_blocks.0.img_attn_qkv", "lora_A", "lora_B"),
    }[tool]
    theirs = {f"{name}.{down}.weight": a * 2 if tool == "kohya" else a, f"{name}.{up}.weight": b}
    theirs |= {f"{name}.alpha": torch.tensor(1.0)} if tool == "kohya" else {}
    made, expected = (
        applied(module(), tensors, tmp_path, name="HunyuanVideoPipeline").state_dict() for tensors in (theirs, own)
    )
    assert set(made) == set(expected) and len([key for key in made if "lora" in key]) == 6
    assert all(torch.equal(made[key], expected[key]) for key in made)


def test_store_keys_change_only_where_more_is_applied_than_before(pairs, tmp_path):
    def marks(**more):
        save_file(written(pairs, "comfyui") | more, tmp_path / "x.safetensors")
        return open_lora(Origin(str(tmp_path / "x.safetensors")), 1.0, FileHashes(None)).marks

    assert marks() == () == marks(**{"diffusion_model.blocks.0.self_attn.q.diff_b": torch.ones(2)})
    assert marks(**{"diffusion_model.blocks.0.self_attn.norm_q.diff": torch.ones(2)}) == ("all tensors",)
