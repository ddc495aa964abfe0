"""What a config may say: no code, no number that no model has."""

from __future__ import annotations

from importlib.resources import files

import pytest

from vgpipe.errors import ModelError
from vgpipe.models.checkpoint.config_limits import refuse_code, refuse_extremes, refuse_other_files
from vgpipe.models.checkpoint.outlines import outline_of


def test_every_published_config_is_taken():
    for path in (files("vgpipe.conf") / "components").iterdir():
        content = outline_of(path.name.removesuffix(".json"))
        for one in content["components"].values():
            refuse_code(one["config"], path.name)
            refuse_other_files(one["config"], path.name)
            refuse_extremes(one["config"], path.name, "config.json")
        refuse_extremes(content["scheduler"]["config"], path.name, "scheduler_config.json")


@pytest.mark.parametrize(
    "content",
    [
        {"auto_map": {"AutoModel": "evil.Evil"}},
        {"vision_config": {"blocks": [{"auto_map": {"AutoModel": "evil.Evil"}}]}},
        {"custom_pipeline": "owner/evil"},
        {"trust_remote_code": True},
        {"text_config": {"attn_implementation": "owner/evil:run"}},
        {"experts_implementation": {"text": "owner/evil"}},
    ],
)
def test_what_asks_for_code_is_refused(content):
    with pytest.raises(ModelError, match=r"x/config\.json: .*code"):
        refuse_code(content, "x/config.json")


@pytest.mark.parametrize("content", [{"auto_map": None}, {"_attn_implementation_internal": "sdpa"}, {"autobus": "x.y"}])
def test_what_asks_for_none_is_taken(content):
    refuse_code(content, "x/config.json")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", {"num_hidden_layers": 5000}),
        ("config.json", {"text_config": {"depth": 10**9}}),
        ("config.json", {"dims": [[1, 2**28]]}),
        ("config.json", {"num_layers": -(10**9)}),
        ("config.json", {"layers": [1] * 100_001}),
        ("scheduler_config.json", {"num_train_timesteps": 10**9}),
        ("tokenizer_config.json", {"model_max_length": 10**9}),
        ("tokenizer_config.json", {"extra_ids": 10**5}),
    ],
)
def test_a_number_that_no_model_has_is_refused(file, content):
    with pytest.raises(ModelError, match="at most") as caught:
        refuse_extremes(content, "x", file)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", {"vocab_size": 300_000, "rope_theta": 5 * 10**8, "max_position_embeddings": 10**6}),
        ("config.json", {"block_out_channels": [5120], "use_layers": True, "mlp_ratio": 1e300}),
        ("tokenizer_config.json", {"model_max_length": 1000000000000000019884624838656, "extra_ids": 300}),
    ],
)
def test_numbers_of_real_models_are_taken(file, content):
    refuse_extremes(content, "x", file)


@pytest.mark.parametrize(
    "content",
    [
        {"vocab_file": "/etc/passwd"},
        {"merges_file": "merges.txt"},
        {"sp_model_kwargs": {"model_file": "/etc/passwd"}},
        {"init_inputs": ["/etc/passwd"]},
        {"vocab": "/etc/passwd"},
        {"audio_tokenizer": {"audio_tokenizer_name_or_path": "owner/model"}},
    ],
)
def test_what_names_a_file_to_open_is_refused(content):
    with pytest.raises(ModelError, match=r"x: \w+ names a file or model"):
        refuse_other_files(content, "x")


def test_what_published_tokenizers_say_of_files_is_taken():
    junk = {
        "special_tokens_map_file": "/home/author/special_tokens_map.json",
        "tokenizer_file": None,
        "init_inputs": [],
    }
    refuse_other_files({**junk, "name_or_path": "/home/author/model", "vocab": {"a": 1}, "merges": ["a b"]}, "x")
