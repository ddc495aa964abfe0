"""A path that is not a checkpoint is named for what it is, with a remedy that opens."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser
from safetensors.torch import load_file, save_file

from vgpipe.errors import ModelError
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.misplaced import explain
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.registry import family
from vgpipe.models.weights.load_component import load_component

HALVES = {"a.lora_A.weight": torch.ones(2, 2)}


def refused(model_id: Path | str, others=None) -> str:
    with pytest.raises(ModelError) as caught:
        open_checkpoint(Origin(str(model_id)), others)
    return str(caught.value)


def typed_values(message: str) -> dict[str, object]:
    """Returns what the remedy types, read as Hydra reads it."""
    words = re.findall(r"'(\+?model\.[^']+)'|(model\.(?:id|revision)=\S+)", message.partition(" -> ")[2])
    parsed = OverridesParser.create().parse_overrides([first or second for first, second in words])
    return {one.key_or_group: one.value() for one in parsed}


@pytest.fixture
def repo(tiny_wan: Path, tmp_path: Path) -> Path:
    """A repo's folder of the hub cache, with two snapshots."""
    repo = tmp_path / "models--a--b"
    for commit in ("old", "new"):
        shutil.copytree(tiny_wan, repo / "snapshots" / commit)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("old")
    return repo


def test_a_folder_of_the_hub_cache_is_its_snapshot(repo):
    assert open_checkpoint(Origin(str(repo))).folder == repo / "snapshots" / "old"
    (repo / "refs" / "main").unlink()
    assert open_checkpoint(Origin(repo.as_uri())).folder.parent == repo / "snapshots"
    vae = open_checkpoint(Origin(str(repo)), {"vae": Origin(str(repo), subfolder="vae")}).source("vae")
    assert (vae.place / "config.json").is_file()


def test_a_folder_around_checkpoints_names_them(repo, tiny_wan, tmp_path):
    assert typed_values(refused(tmp_path)) == {"model.id": str(repo / "snapshots" / "old")}
    shutil.copytree(tiny_wan, tmp_path / "my model's")
    told = refused(tmp_path)
    assert "holds 2 checkpoints -> one of them" in told
    (tmp_path / "models--a--b" / "model_index.json").write_text("{}")


def test_a_path_with_blanks_and_quotes_can_be_typed(tiny_wan, tmp_path):
    inner = shutil.copytree(tiny_wan, tmp_path / "outer" / 'my "model" 1')
    told = refused(tmp_path / "outer")
    assert typed_values(told) == {"model.id": str(inner)}


def test_a_component_alone_names_its_checkpoint_or_its_key(tiny_wan, tmp_path):
    assert typed_values(refused(tiny_wan / "transformer")) == {"model.id": str(tiny_wan)}
    alone = shutil.copytree(tiny_wan / "vae", tmp_path / "wan_vae")
    assert typed_values(refused(alone)) == {"model.components.vae": {"id": str(alone)}}


def test_a_modular_pipeline_is_named_and_refused(tmp_path):
    (tmp_path / "modular_model_index.json").write_text('{"_class_name": "WanModularPipeline"}')
    (tmp_path / "transformer").mkdir()
    for told in (explain(tmp_path), explain(tmp_path, "Wan-AI/Wan-Modular")):
        assert "is a modular pipeline (WanModularPipeline): blocks" in told and "model_index.json" in told
    (tmp_path / "modular_model_index.json").write_text("not JSON")
    assert "is a modular pipeline: blocks" in explain(tmp_path)


@pytest.mark.parametrize(
    ("name", "tensor", "component"),
    [
        ("wan.safetensors", "model.diffusion_model.blocks.0.self_attn.q.weight", "transformer"),
        ("umt5.safetensors", "encoder.block.0.layer.0.SelfAttention.q.weight", "text_encoder"),
        ("vae.safetensors", "decoder.conv1.weight", "vae"),
        ("wan.gguf", None, "transformer"),
    ],
)
def test_a_single_file_names_the_component_that_it_is(tmp_path, name, tensor, component):
    path = tmp_path / name
    save_file({tensor: torch.ones(1)}, path) if tensor else path.write_bytes(b"GGUF")
    told = refused(path)
    assert f"is one file, of a {component}; a checkpoint is a folder" in told
    assert typed_values(told) == {f"model.components.{component}": {"id": str(tmp_path), "file": name}}


def test_a_lora_given_as_a_model_names_its_key(tmp_path):
    save_file(HALVES, tmp_path / "ink.safetensors")
    told = refused(tmp_path / "ink.safetensors")
    assert typed_values(told) == {"model.loras": [{"id": str(tmp_path / "ink.safetensors")}]}


def test_the_layout_of_authors_is_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"_class_name": "WanModel"}))
    (tmp_path / "Wan2.1_VAE.pth").write_bytes(b"PK")
    told = refused(tmp_path)
    assert "is in its authors' layout (Wan2.1_VAE.pth), not in that of diffusers" in told and "-Diffusers" in told


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("x.ckpt", "is a file of pickled weights, which can run code and are never loaded"),
        ("x.txt", "is a file, not a checkpoint folder"),
        ("nowhere", "is not a checkpoint folder: nothing is there -> give the folder"),
    ],
)
def test_other_paths_are_named(tmp_path, name, told):
    if name != "nowhere":
        (tmp_path / name).write_bytes(b"x")
    assert told in refused(tmp_path / name)


def test_the_address_of_a_page_names_its_repo():
    assert typed_values(refused("https://huggingface.co/a/b/tree/v2")) == {"model.id": "a/b", "model.revision": "v2"}
    assert "download it, and give its folder" in refused("https://example.org/wan.zip")


def test_original_names_in_a_component_name_the_override_that_reads_them(tiny_wan, tmp_path):
    folder = shutil.copytree(tiny_wan, tmp_path / "model")
    path = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    save_file({f"model.diffusion_model.{name}": one for name, one in load_file(path).items()}, path)
    with pytest.raises(ModelError, match="named as ComfyUI or the model's authors name them") as caught:
        family("wan", open_checkpoint(Origin(str(folder))), Settings()).check()
    values = typed_values(str(caught.value))
    (given,) = values.values()
    assert list(values) == ["model.components.transformer"]
    module = load_component(
        open_checkpoint(Origin(str(folder)), {"transformer": Origin(**given)}), "transformer", Settings(), "cpu"
    )
    assert torch.equal(module.proj_out.bias, load_file(tiny_wan / "transformer" / path.name)["proj_out.bias"])


def test_a_component_from_a_place_that_cannot_be_one_is_refused(tiny_wan, tmp_path):
    (tmp_path / "q4.gguf").write_bytes(b"GGUF")
    folder = {"id": str(tmp_path), "file": "q4.gguf"}
    cases = [
        ("transformer", Origin(str(tmp_path / "nowhere")), "nothing is there", {}),
        (
            "transformer",
            Origin(str(tiny_wan)),
            "is a whole checkpoint",
            {"id": str(tiny_wan), "subfolder": "transformer"},
        ),
        ("transformer", Origin(str(tmp_path)), "has no config.json, but q4.gguf", folder),
        ("transfomer", Origin(str(tmp_path / "q4.gguf")), "no such component.*did you mean transformer?", {}),
    ]
    for component, origin, told, remedy in cases:
        message = refused(tiny_wan, {component: origin})
        assert message.startswith(f"model.components.{component}: ") and re.search(told, message)
        assert typed_values(message) == ({f"model.components.{component}": remedy} if remedy else {})


def test_a_lora_given_as_a_component_is_named(tiny_wan, tmp_path):
    save_file(HALVES, tmp_path / "ink.safetensors")
    checkpoint = open_checkpoint(Origin(str(tiny_wan)), {"transformer": Origin(str(tmp_path / "ink.safetensors"))})
    with pytest.raises(
        ModelError, match=r"is an adapter of weights \(LoRA\), no WanTransformer3DModel -> 'model\.loras="
    ):
        family("wan", checkpoint, Settings()).check()
