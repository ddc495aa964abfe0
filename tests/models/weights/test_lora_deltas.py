"""LoKr, LoHa and DoRA change the weights as PEFT's own merge does, in the names of every tool."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from vgpipe.errors import LoadError
from vgpipe.models.base import Lora
from vgpipe.models.checkpoint.safetensors_files import tensors_in
from vgpipe.models.weights import lora_scale, loras
from vgpipe.models.weights.lora_plan import plan

peft = pytest.importorskip("peft", reason="adapters need peft")
TARGETS = ["attn1.to_q", "ffn.net.2"]
AUTHORS = {"attn1.to_q": "self_attn.q", "ffn.net.2": "ffn.2"}
RANK, ALPHA = 4, 6.0
CONFIGS = {
    "LoKr": lambda: peft.LoKrConfig(r=2, alpha=ALPHA, target_modules=TARGETS, init_weights=False),
    "LoKr, both halves low": lambda: peft.LoKrConfig(
        r=2, alpha=ALPHA, target_modules=TARGETS, init_weights=False, decompose_both=True, decompose_factor=4
    ),
    "LoHa": lambda: peft.LoHaConfig(r=RANK, alpha=ALPHA, target_modules=TARGETS, init_weights=False),
    "DoRA": lambda: peft.LoraConfig(
        r=RANK, lora_alpha=ALPHA, target_modules=TARGETS, init_lora_weights=False, use_dora=True
    ),
}


def transformer():
    from diffusers import WanTransformer3DModel

    torch.manual_seed(0)
    sizes = {"num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4, "num_layers": 2}
    return WanTransformer3DModel(**sizes, text_dim=32, freq_dim=16, ffn_dim=32).eval()


def made(kind: str, folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], object]:
    """Returns an adapter's tensors as PEFT names them, the weights it makes, and its config."""
    torch.manual_seed(1)
    config = CONFIGS[kind]()
    model = peft.get_peft_model(transformer(), config)
    for name, one in model.named_parameters():
        if "lora_magnitude_vector" in name:
            one.data *= 1 + torch.rand_like(one)
        elif any(part in name for part in ("lokr_", "hada_", "lora_")):
            one.data = torch.randn_like(one) * 0.3
    model.save_pretrained(folder)
    from safetensors.torch import load_file

    tensors = load_file(folder / lora_scale.PEFT_FILE)
    return tensors, model.merge_and_unload().state_dict(), config


def lycoris(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The names that LyCORIS and kohya's trainer give, with an alpha for each layer; DoRA's lengths as a column."""
    found = {}
    for name, one in tensors.items():
        layer, _, what = name.removeprefix("base_model.model.").partition(".lo" if ".lo" in name else ".hada")
        what = (".lo" if ".lo" in name else ".hada") + what
        for ours, theirs in AUTHORS.items():
            layer = layer.replace(ours, theirs)
        layer = f"lycoris_{layer.replace('.', '_')}"
        what = what.replace("lora_A", "lora_down").replace("lora_B", "lora_up")
        if "magnitude" in what:
            what, one = ".dora_scale", one.reshape(-1, 1)
        found[layer + what] = one
        found[f"{layer}.alpha"] = torch.tensor(ALPHA)
    return found


def applied(file: Path, weight: float = 1.0, module=None):
    module = module or transformer()
    pipeline = SimpleNamespace(transformer=module)
    loras.apply(pipeline, [Lora(path=str(file), weight=weight, sha256="")], "transformer")
    return module.state_dict()


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("names", ["PEFT", "LyCORIS"])
def test_the_weights_are_those_that_peft_merges(tmp_path, kind, names):
    tensors, meant, _ = made(kind, tmp_path)
    file = tmp_path / lora_scale.PEFT_FILE
    if names == "LyCORIS":
        file = tmp_path / "lycoris.safetensors"
        save_file({name: one.contiguous() for name, one in lycoris(tensors).items()}, file)
    before, have = transformer().state_dict(), applied(file)
    changed = [name for name in before if not torch.equal(before[name], have[name])]
    assert len(changed) == 2 * len(TARGETS)
    assert all(torch.allclose(have[name], meant[name], atol=1e-6) for name in before)
    half = applied(file, 0.5)
    assert all(torch.allclose(2 * half[name] - before[name], have[name], atol=1e-5) for name in changed)


def test_a_layer_that_diffusers_keeps_as_several_gets_its_rows(tmp_path):
    from diffusers import HunyuanVideoTransformer3DModel

    module = HunyuanVideoTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=8, num_layers=1, num_single_layers=1,
        num_refiner_layers=1, text_embed_dim=8, pooled_projection_dim=8, rope_axes_dim=(2, 2, 4),
    )  # fmt: skip
    one, two = torch.randn(3, 2), torch.randn(16, 8)
    fused, single = "lycoris_double_blocks_0_img_attn_qkv", "diffusion_model.single_blocks.0.linear1"
    ones = {f"{single}.lokr_w1": torch.ones(7, 1), f"{single}.lokr_w2": torch.ones(16, 16)}
    save_file({f"{fused}.lokr_w1": one, f"{fused}.lokr_w2": two, **ones}, tmp_path / "x.safetensors")
    before = {name: value.clone() for name, value in module.state_dict().items()}
    have, delta = applied(tmp_path / "x.safetensors", module=module), torch.kron(one, two)
    for place, part in enumerate("qkv"):
        name = f"transformer_blocks.0.attn.to_{part}.weight"
        assert torch.allclose(have[name] - before[name], delta[16 * place : 16 * place + 16], atol=1e-6)
        name = f"single_transformer_blocks.0.attn.to_{part}.weight"
        assert torch.allclose(have[name] - before[name], torch.ones(16, 16), atol=1e-6)


def test_what_fits_nothing_or_is_not_whole_is_refused_by_the_header(tmp_path):
    good = {"blocks.0.self_attn.q.lokr_w1": torch.ones(2, 2), "blocks.0.self_attn.q.lokr_w2": torch.ones(12, 12)}
    for more, told in (
        ({"blocks.0.self_attn.q.lokr_w2": torch.ones(9, 12)}, r"\[18, 24\], and the layer has \[24, 24\]"),
        ({"blocks.0.self_attn.k.lokr_w1": torch.ones(2, 2)}, r"lacks a part of blocks\.0\.self_attn\.k"),
    ):
        file = tmp_path / "x.safetensors"
        save_file(good | more, file)
        with pytest.raises(LoadError, match=told):
            plan(None, transformer(), "transformer", str(file), tensors_in(file))
    save_file(
        good | {"blocks.7.self_attn.q.lokr_w1": torch.ones(1), "blocks.7.self_attn.q.lokr_w2": torch.ones(1)}, file
    )
    assert len(plan(None, transformer(), "transformer", str(file), tensors_in(file)).left) == 2


def test_patterns_of_ranks_and_alphas_give_each_layer_its_scale(tmp_path):
    config = {"r": 4, "lora_alpha": 8, "rank_pattern": {"to_q": 2}, "alpha_pattern": {"blocks.1.attn1.to_q": 1}}
    (tmp_path / lora_scale.PEFT_CONFIG).write_text(json.dumps(config))
    scales = lora_scale.beside(tmp_path / lora_scale.PEFT_FILE)
    layers = ("blocks.0.attn1.to_k", "blocks.0.attn1.to_q", "blocks.1.attn1.to_q")
    assert [scales.of(layer) for layer in layers] == [2.0, 4.0, 0.5]
    assert lora_scale.within({"transformer.r": 4, "transformer.lora_alpha": 2}, "transformer").of("a") == 0.5
    assert lora_scale.Scales(4, 8.0).mark == 2.0
