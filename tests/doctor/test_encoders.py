"""Encoders are tried, not listed."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args, get_type_hints

import pytest

from vgpipe.doctor.encoders import ENCODERS, encoder_lines, try_encoder
from vgpipe.doctor.lines import Status
from vgpipe.doctor.probes import Answer

H264 = next(one for one in ENCODERS if one.name == "H.264")


def test_an_encoder_that_does_not_exist_is_not_claimed():
    from imageio_ffmpeg import get_ffmpeg_exe

    assert try_encoder(get_ffmpeg_exe(), H264) == ""
    assert "libnothing does not encode" in try_encoder(get_ffmpeg_exe(), replace(H264, codec="libnothing"))


@pytest.fixture
def false_ffmpeg(tmp_path):
    """An ffmpeg that encodes anything and decodes a black picture of the right size."""
    program = tmp_path / "ffmpeg"
    program.write_text(
        '#!/bin/sh\nfor last; do :; done\n[ "$last" = - ] && { head -c 663552 /dev/zero; exit 0; }\ncat > "$last"\n'
    )
    program.chmod(0o755)
    return str(program)


@pytest.mark.skipif("os.name == 'nt'")
def test_a_file_that_decodes_to_another_picture_is_noticed(false_ffmpeg):
    assert "another picture" in try_encoder(false_ffmpeg, H264)
    lines = encoder_lines(Answer(ok=True, value={"exe": false_ffmpeg, "version": "0"}))
    assert {line.name: line.status for line in lines}["H.264"] is Status.BROKEN
    assert {line.name: line.status for line in lines}["AV1"] is Status.ABSENT


def test_every_encoder_that_an_exporter_asks_for_is_tried():
    from vgpipe.config.exporter_schema import EXPORTERS, Av1Config, HevcConfig, Mp4Config
    from vgpipe.exporters.base import exporter

    videos = [exporter({"name": kind}) for kind in EXPORTERS if kind not in ("frames", "sheet", "last_frame")]
    names = {step.name for chain in videos for step in chain._steps if step.name != "frames"}
    hints = [get_type_hints(one)["encoder"] for one in (Mp4Config, HevcConfig, Av1Config)]
    hardware = {codec for hint in hints for arm in get_args(hint) for codec in get_args(arm)}
    asked = {name.partition(" (")[2].rstrip(")") or name for name in names} | hardware
    assert asked == {one.codec for one in ENCODERS}
