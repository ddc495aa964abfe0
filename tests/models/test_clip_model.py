"""A CLIP model that the user names for judging."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.tiny.clip_text import save_clip_model
from vgpipe.errors import ModelError
from vgpipe.models.clip_model import open_clip


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip") / "model"
    save_clip_model(folder)
    return folder


@pytest.fixture
def copied(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), np.uint8)


def test_similarities_are_those_of_transformers_own_model(saved):
    from transformers import CLIPModel, CLIPProcessor

    images, text = frames(), "a red circle"
    inputs = CLIPProcessor.from_pretrained(saved)(text=[text], images=list(images), return_tensors="pt")
    model = CLIPModel.from_pretrained(saved)
    expected = (model(**inputs).logits_per_image[:, 0] / model.logit_scale.exp()).tolist()
    assert open_clip(str(saved), None).similarities(images, text) == pytest.approx(expected, abs=1e-6)


def test_a_long_prompt_is_cut_where_the_model_reads_no_more(saved):
    long = " ".join(["red circle"] * 200)
    assert len(open_clip(str(saved), None).similarities(frames(), long)) == 3


def test_its_files_name_its_bits(saved, copied):
    before = open_clip(str(saved), None).identity
    assert open_clip(str(copied), None).identity == before
    settings = copied / "preprocessor_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"image_mean": [0.1, 0.1, 0.1]}))
    assert open_clip(str(copied), None).identity != before


def test_pickled_weights_are_refused(copied):
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"judge\.id: .*pickled weights"):
        open_clip(str(copied), None)


def test_another_kind_of_model_is_refused(copied):
    config = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(config | {"model_type": "bert"}))
    with pytest.raises(ModelError, match=r"of a model of type 'bert' -> judge\.id takes a folder"):
        open_clip(str(copied), None)


def test_a_folder_with_code_is_refused(copied):
    (copied / "modeling.py").write_text("raise SystemExit")
    with pytest.raises(ModelError, match="holds code"):
        open_clip(str(copied), None)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"there is no config\.json"):
        open_clip(str(tmp_path), None)
