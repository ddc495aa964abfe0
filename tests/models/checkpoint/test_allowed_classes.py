"""The table of classes that a checkpoint may name has what pipelines ask for, and nothing that loads others."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.allowed_classes import allowed_class, is_part_of_diffusers, kind_of, require_made_as
from vgpipe.models.checkpoint.outlines import outline_of


def test_the_classes_of_every_published_checkpoint_are_allowed():
    for path in (files("vgpipe.conf") / "components").iterdir():
        for component, entry in outline_of(path.name.removesuffix(".json"))["index"].items():
            if isinstance(entry, list) and entry[0] in ("diffusers", "transformers"):
                assert kind_of(component).allows(*entry), (path.name, component, entry)


@pytest.mark.parametrize(
    ("component", "entry"),
    [
        ("vae", ("diffusers", "AutoencoderDC")),
        ("vae", ("diffusers", "AsymmetricAutoencoderKL")),
        ("guider", ("diffusers", "AutoGuidance")),
        ("motion_adapter", ("diffusers", "MotionAdapter")),
        ("unet", ("diffusers", "I2VGenXLUNet")),
        ("image_encoder", ("transformers", "SiglipVisionModel")),
        ("tokenizer", ("transformers", "Qwen2VLProcessor")),
        ("audio_vae", ("diffusers", "AutoencoderKLLTX2Audio")),
    ],
)
def test_classes_of_other_pipelines_are_allowed(component, entry):
    assert kind_of(component).allows(*entry)


@pytest.mark.parametrize(
    ("component", "entry"),
    [
        ("tokenizer", ("diffusers", "DiffusionPipeline")),
        ("motion_adapter", ("diffusers", "AutoModel")),
        ("motion_adapter", ("diffusers", "WanPipeline")),
        ("motion_adapter", ("transformers", "AutoModel")),
        ("text_encoder", ("transformers", "T5Tokenizer")),
        ("scheduler", ("transformers", "T5EncoderModel")),
        ("vae", ("diffusers", "AutoPipelineForText2Video")),
        ("transformer", ("diffusers", "transformer")),
    ],
)
def test_what_is_not_of_its_kind_or_loads_others_is_not_allowed(component, entry):
    assert not kind_of(component).allows(*entry)


@pytest.mark.parametrize(
    ("entry", "file", "content", "found"),
    [
        (("transformers", "AutoTokenizer"), "tokenizer_config.json", {"tokenizer_class": "T5Tokenizer"}, "T5Tokenizer"),
        (("transformers", "AutoModel"), "config.json", {"architectures": ["UMT5EncoderModel"]}, "UMT5EncoderModel"),
        (("diffusers", "AutoModel"), "config.json", {"_class_name": "WanTransformer3DModel"}, "WanTransformer3DModel"),
    ],
)  # fmt: skip
def test_an_auto_class_makes_way_for_the_one_that_its_own_config_names(tmp_path, entry, file, content, found):
    component = {"tokenizer_config.json": "tokenizer"}.get(file, "text_encoder" if "UMT5" in found else "transformer")
    (tmp_path / file).write_text(json.dumps(content))
    assert allowed_class(component, *entry, tmp_path, "model_index.json") == found
    (tmp_path / file).write_text(json.dumps({key: "AutoModel" for key in content}))
    with pytest.raises(ModelError, match=rf"{component} is \w+\.AutoModel, which is not loaded as a"):
        allowed_class(component, *entry, tmp_path, "model_index.json")


@pytest.mark.parametrize("component", ["vae", "scheduler", "guider"])
def test_what_has_the_name_of_a_kind_must_be_one(component):
    class Impostor:
        __module__ = "diffusers.pipelines.x"

    import diffusers

    require_made_as("scheduler", diffusers.EulerDiscreteScheduler, "model_index.json")
    with pytest.raises(ModelError, match=f"{component} is diffusers.Impostor, which is not loaded as a"):
        require_made_as(component, Impostor, "model_index.json")


@pytest.mark.parametrize(
    ("library", "is_part"), [("stable_diffusion", True), ("evil", False), ("../models", False), ("", False)]
)
def test_a_library_is_a_pipeline_of_diffusers_or_a_module_of_the_folder(library, is_part):
    assert is_part_of_diffusers(library) == is_part
