"""Files in the names of authors, ComfyUI and GGUF hold, bit for bit, what the checkpoint in diffusers' layout holds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests import tiny
from tests.tiny import file_layouts as layouts
from vgpipe.errors import LoadError
from vgpipe.models.base import Settings
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.weights import file_fit
from vgpipe.models.weights.load_component import load_component
from vgpipe.store.notes import Notes

CASES = [
    ("wan21_t2v_1_3b", "transformer", layouts.wan, "diffusion_model."),
    ("wan21_vace_1_3b", "transformer", layouts.wan, ""),
    ("wan21_t2v_1_3b", "text_encoder", layouts.t5, ""),
    ("wan22_ti2v_5b", "vae", layouts.wan_22_vae, ""),
    ("hunyuan_video", "transformer", layouts.hunyuan, ""),
    ("hunyuan_video", "transformer", layouts.hunyuan_comfyui, "model.diffusion_model."),
    ("hunyuan_video", "vae", layouts.hunyuan_vae, ""),
    ("ltx_video_2b", "transformer", layouts.ltx, "model.diffusion_model."),
    ("ltx_video_2b", "vae", layouts.ltx_vae, "vae."),
]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory):
    made: dict[str, Path] = {}

    def of(option: str) -> Path:
        if option not in made:
            made[option] = tiny.build(option, tmp_path_factory.mktemp(option))
        return made[option]

    return of


def load(folder: Path, component: str, file: Path | None = None):
    others = {component: Origin(str(file))} if file else None
    checkpoint = open_checkpoint(Origin(str(folder)), others)
    if file:
        checkpoint.refuse_layout(component, None)
        file_fit.check(checkpoint, component, Notes(file.with_suffix(".jsonl")))
    return load_component(checkpoint, component, Settings(), "cpu")


@pytest.mark.parametrize(("option", "component", "layout", "prefix"), CASES)
def test_a_layout_holds_the_same_numbers(checkpoints, tmp_path, option, component, layout, prefix):
    folder = checkpoints(option)
    tensors = layouts.with_prefix(prefix, layout(layouts.tensors_of(folder, component)))
    have = load(folder, component, layouts.write(tmp_path / "x.safetensors", tensors)).state_dict()
    meant = load(folder, component).state_dict()
    assert set(have) == set(meant)
    assert all(torch.equal(have[name], meant[name]) for name in meant)


@pytest.mark.parametrize("kind", ["F32", "Q8_0"])
def test_a_text_encoder_is_read_from_a_gguf_file(checkpoints, tmp_path, kind):
    gguf = pytest.importorskip("gguf", reason="GGUF files need gguf")
    folder = checkpoints("wan21_t2v_1_3b")
    file = layouts.write_gguf(
        tmp_path / "x.gguf", layouts.t5_gguf(layouts.tensors_of(folder, "text_encoder")), kind, arch="t5encoder"
    )
    have, meant = load(folder, "text_encoder", file).state_dict(), load(folder, "text_encoder").state_dict()
    for name, values in meant.items():
        packed = name.endswith("SelfAttention.q.weight")
        if packed and kind == "Q8_0":
            chosen = gguf.GGMLQuantizationType[kind]
            stored = gguf.quants.quantize(values.numpy(), chosen)
            values = torch.from_numpy(gguf.quants.dequantize(stored, chosen))
        if packed or kind == "F32":
            assert torch.equal(have[name], values), name


def test_a_file_that_does_not_fill_its_component_is_refused_before_it_is_loaded(checkpoints, tmp_path):
    folder = checkpoints("wan21_t2v_1_3b")
    whole = layouts.wan(layouts.tensors_of(folder, "transformer"))
    less = {name: one for name, one in whole.items() if name != "blocks.1.ffn.0.bias"}
    wide = whole | {"text_embedding.0.weight": torch.zeros(24, 99)}
    encoder = layouts.without_tied(layouts.tensors_of(folder, "text_encoder"))
    lower = {name: one for name, one in encoder.items() if ".block.1." not in name}
    for component, tensors, told in (
        ("transformer", less, r"does not fit: missing tensors: blocks\.1\.ffn\.net\.0\.proj\.bias"),
        ("transformer", wide, r"mismatched tensors: condition_embedder.* of \[24, 99\], not \[24, 32\]"),
        ("transformer", whole | {"blocks.1.x": torch.zeros(1)}, "1 tensors fit nothing"),
        ("text_encoder", lower, r"missing tensors: encoder\.block\.1\."),
        ("text_encoder", encoder | {"shared.weight": torch.zeros(9, 32)}, r"shared\.weight of \[9, 32\]"),
    ):
        file = layouts.write(tmp_path / "x.safetensors", tensors)
        checkpoint = open_checkpoint(Origin(str(folder)), {component: Origin(str(file))})
        for _ in range(2):  # the second time, as noted
            with pytest.raises(LoadError, match=told):
                file_fit.check(checkpoint, component, Notes(tmp_path / "notes.jsonl"))
