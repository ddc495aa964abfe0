"""Plain mappings become records, or every error in them is listed."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from vgpipe.config.executor_schema import LocalConfig
from vgpipe.config.load import load
from vgpipe.config.schema import MemoryConfig, RunConfig
from vgpipe.config.validate import validate_as, validate_config
from vgpipe.errors import ConfigError


def test_a_config_survives_being_written_as_plain_values():
    config = load(["clip.seed=3", "exporter=mp4+gif", "quality=quick"])
    assert validate_config(asdict(config)) == config


def test_a_record_is_validated_by_itself():
    assert validate_as(RunConfig, {"budget": "8h"}) == RunConfig(budget="8h")


@pytest.mark.parametrize(
    ("record", "values", "words"),
    [
        (RunConfig, {"until": "25:00"}, ['until: "25:00" is not allowed: a time like 07:00']),
        (RunConfig, {"budget": "soon"}, ['budget: "soon" is not allowed: a duration like 30s, 90m, 8h or 2d']),
        (
            RunConfig,
            {"sheet": "no", "degrade": "all"},
            ["sheet", "true or false", "degrade", "'strict', 'safe' or 'any'"],
        ),
        (MemoryConfig, {"weights": {"vae": "int3"}}, ["weights.vae", "int3"]),
        (MemoryConfig, {"vae_tile_size": 1.5}, ["a whole number", "type vae_tile_size=64"]),
        (MemoryConfig, {"strategy": "x" * 200}, ["..."]),
        (LocalConfig, {"workers": 0}, ["workers: 0 is not allowed: it is auto, or a number from 1 to 1024"]),
        (LocalConfig, {"workers": True}, ["workers: true is not allowed"]),
    ],
)
def test_every_error_names_the_key_the_value_and_what_is_allowed(record, values, words):
    with pytest.raises(ConfigError, match="invalid configuration") as caught:
        validate_as(record, values)
    assert len(caught.value.faults) == len(values)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_missing_value_and_an_unknown_key_are_named_with_their_group():
    values = asdict(load([]))
    del values["model"]["reference"]["width"]
    values["exporter"]["crff"] = 3
    with pytest.raises(ConfigError) as caught:
        validate_config(values)
    said = str(caught.value)
    assert (
        "model.reference.width: is missing" in said
        and "exporter.crff: there is no such key -> did you mean crf?" in said
    )
