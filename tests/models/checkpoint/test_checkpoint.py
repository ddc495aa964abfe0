from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from vgpipe.errors import ConfigError, ModelError
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.registry import FAMILIES, family
from vgpipe.models.weights.load_component import load_component


@pytest.fixture
def copy(tiny_wan: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny_wan, tmp_path / "model")
    return tmp_path / "model"


def edit_index(folder: Path, **changes: object) -> None:
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_components_are_those_the_index_really_names(copy):
    assert Checkpoint(copy).component_names == ("scheduler", "text_encoder", "tokenizer", "transformer", "vae")


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_modules_load_in_the_wanted_precision_ready_for_inference(copy, name):
    module = load_component(Checkpoint(copy), "transformer", Settings(dtype=name), "cpu")
    # Norms and the like stay in float32: the class itself says so (diffusers' _keep_in_fp32_modules).
    assert not module.training and module.proj_out.weight.dtype is getattr(torch, name)


def load_error(folder: Path, component: str) -> str:
    with pytest.raises(ModelError) as caught:
        load_component(Checkpoint(folder), component, Settings(), "cpu")
    return str(caught.value)


def test_a_folder_without_an_index_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"model_index\.json.*save_pretrained"):
        open_checkpoint(Origin(str(tmp_path)))


def test_a_damaged_index_is_named(copy):
    (copy / "model_index.json").write_text("{")
    with pytest.raises(ModelError, match=r"model_index\.json: cannot be read"):
        Checkpoint(copy)


def test_torn_weights_are_named_with_component_and_folder(copy):
    weights = next((copy / "vae").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:200])
    told = load_error(copy, "vae")
    assert "vae cannot be loaded" in told and str(copy / "vae") in told and "again" in told


@pytest.mark.parametrize("component", ["text_encoder", "transformer", "vae"])
def test_weights_that_lack_a_tensor_are_refused_and_never_filled_with_noise(copy, component):
    from safetensors.torch import load_file, save_file

    weights = next((copy / component).glob("*.safetensors"))
    tensors = load_file(weights)
    lost = sorted(name for name in tensors if "k.weight" in name or "to_k.weight" in name or "conv1.weight" in name)[0]
    save_file({name: tensor for name, tensor in tensors.items() if name != lost}, weights, metadata={"format": "pt"})
    assert f"missing tensors: {lost}" in load_error(copy, component)


def test_a_family_refuses_a_checkpoint_without_its_parts_or_with_others(copy):
    checkpoint = Checkpoint(copy)
    checkpoint.require(["scheduler", "text_encoder", "tokenizer", "transformer", "vae"])
    with pytest.raises(ModelError, match="has no transformer_2"):
        checkpoint.require(["transformer_2"])
    with pytest.raises(ModelError, match=r"text_encoder, tokenizer.*does not drive"):
        checkpoint.require(["scheduler", "transformer", "vae"])


def test_pickled_weights_are_never_loaded(copy):
    weights = next((copy / "transformer").glob("*.safetensors"))
    weights.rename(weights.with_suffix(".bin"))
    assert "transformer cannot be loaded" in load_error(copy, "transformer")


def test_classes_of_other_libraries_are_refused(copy):
    edit_index(copy, vae=["os", "system"])
    assert "only diffusers and transformers" in load_error(copy, "vae")


def test_a_class_that_the_library_lacks_says_what_to_upgrade(copy):
    edit_index(copy, vae=["diffusers", "AutoencoderOfTomorrow"])
    assert "pip install -U diffusers" in load_error(copy, "vae")


def test_a_missing_component_is_named(copy):
    shutil.rmtree(copy / "vae")
    with pytest.raises(ModelError, match="lacks its vae"):
        Checkpoint(copy).require(["vae"])


def test_digests_cover_weights_and_config_but_not_other_files(copy):
    before = Checkpoint(copy).identity("vae", None)
    (copy / "vae/notes.md").write_text("hello")
    assert Checkpoint(copy).identity("vae", None) == before
    config = copy / "vae/config.json"
    config.write_text(config.read_text() + " ")
    assert Checkpoint(copy).identity("vae", None) != before


def test_an_unknown_family_lists_the_known_ones(copy):
    with pytest.raises(ConfigError, match="wan"):
        family("sora", Checkpoint(copy), Settings())


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_every_family_can_be_made_and_knows_its_name(name, copy):
    assert name.startswith(family(name, Checkpoint(copy), Settings()).name)  # generic_whole is generic, run whole
