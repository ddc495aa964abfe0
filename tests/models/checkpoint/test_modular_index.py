from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tiny.minimax_h3 import REPO, index
from vgpipe.errors import ModelError
from vgpipe.hub.repo import HubRepo
from vgpipe.models.base import Settings
from vgpipe.models.checkpoint.checkpoint import Checkpoint, Source
from vgpipe.models.checkpoint.misplaced import explain
from vgpipe.models.checkpoint.modular_index import MODULAR_FILE
from vgpipe.models.families.generic import family


def written(folder: Path, **changed: Any) -> Path:
    (folder / MODULAR_FILE).write_text(json.dumps({**index(), **changed}))
    return folder


def entry(**changed: Any) -> list[Any]:
    return [None, None, {**index()["vae"][2], **changed}]


def test_it_says_what_a_model_index_would(tmp_path):
    read = Checkpoint(written(tmp_path)).index
    assert read["_class_name"] == "MiniMaxH3ModularPipeline" and read["canvas_short_edge"] == 768
    assert read["text_encoder"] == ["transformers", "Qwen3VLForConditionalGeneration"]
    loaded = ["diffusers", "AutoencoderKLWan", index()["vae"][2]]  # of a component that was saved with the pipeline
    assert Checkpoint(written(tmp_path, vae=loaded)).index["vae"] == ["diffusers", "AutoencoderKLWan"]
    unplaced = entry(pretrained_model_name_or_path=None, subfolder="")
    assert Checkpoint(written(tmp_path, vae=unplaced)).index["vae"] == ["diffusers", "AutoencoderKLMiniMaxH3"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"vae": entry(pretrained_model_name_or_path="someone/else")}, "vae is in someone/else / vae"),
        ({"vae": entry(subfolder="../vae")}, "/ ../vae, and components are taken from beside the index alone"),
        ({"vae": entry(type_hint="diffusers.Other")}, "vae is described as"),
        ({"vae": entry(type_hint=["evil", "Thing"])}, "vae is of library 'evil'"),
        ({"vae": ["diffusers", "AutoencoderKLWan"]}, "vae is described as"),
        ({"auto_map": {"AutoModel": "code.Model"}}, "auto_map"),
    ],
)
def test_what_is_elsewhere_or_runs_code_is_refused(tmp_path, changed, told):
    with pytest.raises(ModelError, match=r"modular_model_index\.json") as refused:
        Checkpoint(written(tmp_path, **changed))
    assert told in str(refused.value) and " -> " in str(refused.value)


def test_a_repo_names_itself(tmp_path):
    written(tmp_path)
    assert Checkpoint(tmp_path, repo=HubRepo(REPO, "main", "0" * 40, tmp_path, None)).name == REPO
    with pytest.raises(ModelError, match="audio_scheduler is in MiniMaxAI/MiniMax-H3"):
        Checkpoint(tmp_path, repo=HubRepo("a/copy", "main", "0" * 40, tmp_path, None))


def test_code_beside_it_and_other_pipelines_are_refused(tmp_path):
    with pytest.raises(ModelError, match=r"holds code \(blocks.py\)"):
        (written(tmp_path) / "blocks.py").write_text("")
        Checkpoint(tmp_path)
    (tmp_path / "blocks.py").unlink()
    with pytest.raises(ModelError, match="is a modular pipeline"):
        Checkpoint(written(tmp_path, _class_name="WanModularPipeline"))


def test_it_makes_a_checkpoint_of_its_folder(tmp_path):
    written(tmp_path)
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "config.json").write_text('{"_class_name": "AutoencoderKLMiniMaxH3"}')
    assert f"is one component of a checkpoint, a AutoencoderKLMiniMaxH3 -> model.id={tmp_path}" in explain(
        tmp_path / "vae"
    )
    with pytest.raises(ModelError, match="is a whole checkpoint"):
        Checkpoint(tmp_path, others={"vae": Source(tmp_path, "")})


def test_generic_names_the_family(tmp_path):
    with pytest.raises(ModelError, match=r"-> model\.family=minimax_h3"):
        family(Checkpoint(written(tmp_path)), Settings())
