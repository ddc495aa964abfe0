"""Checkpoints that a newer release of transformers or diffusers saved than the one that is installed."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest

from vgpipe.errors import LoadError, ModelError
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint import installed_classes, library_versions
from vgpipe.models.checkpoint.checkpoint import Checkpoint
from vgpipe.models.pipeline.stock_calls import pipeline_class_of
from vgpipe.models.weights import load_component


class OlderTokenizer:
    """Named as transformers 4 names what 5 calls TokenizersBackend."""


def test_a_class_is_also_found_under_its_older_name(tiny_wan, tmp_path, monkeypatch):
    folder = shutil.copytree(tiny_wan, tmp_path / "model")
    index = json.loads((folder / "model_index.json").read_text())
    index["tokenizer"] = ["transformers", "TokenizersBackend"]
    (folder / "model_index.json").write_text(json.dumps(index))
    older = SimpleNamespace(PreTrainedTokenizerFast=OlderTokenizer)
    monkeypatch.setattr(installed_classes.importlib, "import_module", lambda name: older)
    assert Checkpoint(folder).component_class("tokenizer") is OlderTokenizer


@pytest.mark.parametrize(
    ("present", "read", "wanted"),
    [
        (["tokenizer.json"], {"vocab_file": "spiece.model"}, "CLIPTokenizerFast"),
        (["tokenizer.json", "spiece.model"], {"vocab_file": "spiece.model"}, "CLIPTokenizer"),
        (["tokenizer.json"], {"vocab_file": "spiece.model", "tokenizer_file": "tokenizer.json"}, "CLIPTokenizer"),
        (["spiece.model"], {"vocab_file": "spiece.model"}, "CLIPTokenizer"),
    ],
)
def test_a_tokenizer_class_that_reads_none_of_the_files_makes_way_for_its_fast_one(tmp_path, present, read, wanted):
    import transformers

    for name in present:
        (tmp_path / name).touch()
    loader = type("CLIPTokenizer", (), {"vocab_files_names": read})
    found = load_component.fitting_class(loader, tmp_path)
    assert found is (loader if wanted == "CLIPTokenizer" else transformers.CLIPTokenizerFast)


def test_a_component_that_a_newer_release_saved_is_told_of_where_it_cannot_be_loaded(tiny_wan, tmp_path):
    folder = shutil.copytree(tiny_wan, tmp_path / "model")
    place = folder / "text_encoder" / "config.json"
    config = json.loads(place.read_text())
    settings = Settings(dtype="float32")
    for version, told in (("99.1", True), ("4.0.0", False), ("my own", False)):
        place.write_text(json.dumps({**config, "transformers_version": version, "d_model": 48}))
        with pytest.raises(LoadError) as caught:
            load_component.load_component(Checkpoint(folder), "text_encoder", settings, "cpu")
        assert ("or, as transformers 99.1 saved it" in str(caught.value)) == told
        assert (" is installed: pip install -U transformers" in str(caught.value)) == told


def test_a_tokenizer_of_transformers_5_is_told_of_under_transformers_4(tiny_wan, tmp_path, monkeypatch):
    folder = shutil.copytree(tiny_wan, tmp_path / "model")
    place = folder / "tokenizer" / "tokenizer_config.json"
    config = {name: value for name, value in json.loads(place.read_text()).items() if name != "backend"}
    monkeypatch.setattr(library_versions.metadata, "version", lambda library: "4.57.6")
    (folder / "text_encoder" / "config.json").write_text("torn")
    for backend, told in (({"backend": "tokenizers"}, True), ({}, False)):
        place.write_text(json.dumps({**config, **backend}))
        assert bool(library_versions.remedy_for_newer(Checkpoint(folder), "tokenizer")) == told
    assert library_versions.remedy_for_newer(Checkpoint(folder), "text_encoder") == ""


class Lazy:
    """Fails as the lazy modules of diffusers and transformers do."""

    def __init__(self, cause):
        self.cause = cause

    def __getattr__(self, name):
        raise RuntimeError(f"Failed to import diffusers.x because of the following error (look up):\n{self.cause}")


@pytest.mark.parametrize(
    ("cause", "remedy"),
    [
        (
            "cannot import name 'Foo' from 'transformers' (/env/transformers/__init__.py)",
            "pip install -U diffusers transformers;",
        ),
        ("No module named 'triton.ops'", "pip install -U diffusers triton;"),
        ("name 'logger' is not defined", "pip install -U diffusers;"),
    ],
)
def test_a_class_that_other_packages_keep_from_being_imported_names_them(monkeypatch, cause, remedy):
    monkeypatch.setattr(installed_classes.importlib, "import_module", lambda name: Lazy(cause))
    with pytest.raises(ModelError) as caught:
        pipeline_class_of("WanPipeline")
    told = str(caught.value)
    assert told.startswith("diffusers.WanPipeline cannot be imported") and cause.partition(" (/")[0] in told
    assert f"-> {remedy}" in told and "/env" not in told and "\n" not in told


def test_rotary_positions_that_transformers_4_would_pass_over_are_refused(tiny_wan, tmp_path, monkeypatch):
    folder = shutil.copytree(tiny_wan, tmp_path / "model")
    place = folder / "text_encoder" / "config.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "rope_parameters": {"rope_theta": 5e5}}))
    arguments = (Checkpoint(folder), "text_encoder", Settings(dtype="float32"), "cpu")
    assert load_component.load_component(*arguments)
    monkeypatch.setattr(library_versions.metadata, "version", lambda library: "4.57.6")
    with pytest.raises(LoadError, match=r"4\.57\.6 does not read its rope_parameters -> pip install -U transformers"):
        load_component.load_component(*arguments)
