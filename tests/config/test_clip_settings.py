"""Fields of the config that come from the declared settings of a clip."""

from __future__ import annotations

from dataclasses import MISSING, fields

import pytest

from vgpipe.config.clip_settings import with_settings
from vgpipe.config.limits import record
from vgpipe.config.model_schema import ReferenceSettings
from vgpipe.config.schema import ClipOverrides, QualityConfig
from vgpipe.job.declared import names_set_by
from vgpipe.job.settings import SetBy

OF_QUALITY = ("keep", "chosen", "steps_scale", "cache", "cache_threshold", "cache_interval")
"""What a quality preset has that is no setting of a clip."""


@pytest.mark.parametrize(
    ("owner", "source"),
    [(ClipOverrides, SetBy.COMMAND_LINE), (QualityConfig, SetBy.QUALITY), (ReferenceSettings, SetBy.MODEL)],
)
def test_a_class_has_the_settings_that_its_source_may_set(owner, source):
    names = [field.name for field in fields(owner) if field.name not in OF_QUALITY]
    assert names == list(names_set_by(source))


def test_the_command_line_sets_nothing_by_default():
    assert all(field.default is None for field in fields(ClipOverrides))


def test_a_preset_leaves_what_a_model_sets_to_the_model():
    assert {field.name: field.default for field in fields(QualityConfig)} == {
        "keep": None,
        "chosen": None,
        "steps_scale": 1.0,
        "cache": "none",
        "cache_threshold": None,
        "cache_interval": None,
        "num_inference_steps": None,
        "guidance_scale": None,
        "segment_num_inference_steps": None,
        "best_of": None,
        "best_of_keep": None,
        "best_of_at": None,
        "match_color": True,
    }


def test_a_model_must_set_what_has_no_default():
    required = {field.name for field in fields(ReferenceSettings) if field.default is MISSING}
    assert required == set(names_set_by(SetBy.MODEL)) - {"seed", "negative_prompt"}


def test_own_fields_come_first():
    @record
    @with_settings(SetBy.QUALITY)
    class Own:
        """A class with a field of its own."""

        extra: int = 1

    assert [field.name for field in fields(Own)] == ["extra", *names_set_by(SetBy.QUALITY)]
