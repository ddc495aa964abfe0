"""The frames of several segments as one video."""

from __future__ import annotations

import weakref
from functools import partial

import numpy as np
import pytest
from imageio_ffmpeg import count_frames_and_secs
from PIL import Image

from vgpipe.exporters.frames import FramesExporter
from vgpipe.exporters.joined_frames import JoinedFrames, Span
from vgpipe.exporters.mp4 import Mp4Exporter
from vgpipe.exporters.watermark import watermark

SEGMENTS = [np.random.default_rng(seed).integers(0, 256, (5, 16, 32, 3), dtype="uint8") for seed in range(3)]
PLACES = [(0, 5), (2, 4), (0, 0), (1, 5)]
WHOLE = np.concatenate([SEGMENTS[0], SEGMENTS[1][2:4], SEGMENTS[2][1:5]])


def spans():
    return [
        Span(lambda frames=frames: frames, start, stop)
        for frames, (start, stop) in zip([*SEGMENTS[:2], SEGMENTS[1], SEGMENTS[2]], PLACES, strict=True)
    ]


def test_spans_come_one_after_another():
    joined = JoinedFrames(spans())
    assert joined.shape == WHOLE.shape == (11, 16, 32, 3) and len(joined) == 11
    assert np.array_equal(np.stack(list(joined)), WHOLE)


def test_it_can_be_read_twice():
    joined = JoinedFrames(spans())
    assert np.array_equal(np.stack(list(joined)), np.stack(list(joined)))


def test_every_frame_is_changed_by_itself():
    seen = []

    def inverted(frame_HWC):
        seen.append(frame_HWC)
        return 255 - frame_HWC

    changed = np.stack(list(JoinedFrames(spans(), inverted)))
    assert np.array_equal(changed, 255 - WHOLE)
    assert len(seen) == 11 and {type(frame) for frame in seen} == {np.ndarray}


def test_nothing_is_drawn_into_the_segments_themselves():
    before = [segment.copy() for segment in SEGMENTS]
    marked = np.stack(list(JoinedFrames(spans(), watermark("DRAFT", width=32, height=16))))
    assert (marked != WHOLE).any(axis=(1, 2, 3)).all()
    assert all(map(np.array_equal, SEGMENTS, before))


@pytest.fixture
def mapped(tmp_path):
    """Spans that lie in files, and how many of these are mapped right now."""
    alive = weakref.WeakSet()

    def opened(path):
        frames = np.load(path, mmap_mode="r")
        alive.add(frames._mmap)
        return frames

    for number, segment in enumerate(SEGMENTS):
        np.save(tmp_path / f"{number}.npy", segment)
    return [Span(partial(opened, tmp_path / f"{number}.npy"), 0, 5) for number in range(3)], alive


def test_only_one_segment_is_mapped_at_a_time(mapped):
    parts, alive = mapped
    joined = JoinedFrames(parts)
    assert len(alive) == 0
    frames, counts = iter(joined), []
    for _ in range(len(joined)):
        next(frames)
        counts.append(len(alive))
    assert counts == [1] * 15


def test_nothing_stays_mapped(mapped):
    parts, alive = mapped
    assert np.array_equal(np.stack(list(JoinedFrames(parts))), np.concatenate(SEGMENTS))
    assert len(alive) == 0


def test_segments_are_opened_when_their_turn_comes():
    opened = []

    def noted(number):
        opened.append(number)
        return SEGMENTS[number]

    joined = JoinedFrames([Span(partial(noted, number), 0, 5) for number in range(3)])
    opened.clear()
    turns = [(number, len(opened)) for number, _ in enumerate(joined)]
    assert opened == [0, 1, 2] and [count for _, count in turns] == [1] * 5 + [2] * 5 + [3] * 5


@pytest.mark.parametrize("change", [None, lambda frame_HWC: 255 - frame_HWC])
def test_the_frames_exporter_takes_it(tmp_path, change):
    FramesExporter().export(JoinedFrames(spans(), change), fps=8.0, folder=tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"{number:06d}.png" for number in range(11)]
    read = np.stack([np.asarray(Image.open(tmp_path / name)) for name in names])
    assert np.array_equal(read, WHOLE if change is None else 255 - WHOLE)


def test_the_mp4_exporter_makes_the_bits_of_the_frames_in_one_piece(tmp_path, mapped):
    parts, _ = mapped
    for name, frames in (("joined", JoinedFrames(parts)), ("whole", np.concatenate(SEGMENTS))):
        (tmp_path / name).mkdir()
        Mp4Exporter().export(frames, fps=8.0, folder=tmp_path / name)
    assert (tmp_path / "joined/video.mp4").read_bytes() == (tmp_path / "whole/video.mp4").read_bytes()
    assert count_frames_and_secs(str(tmp_path / "joined/video.mp4"))[0] == 15


def test_a_segment_that_is_gone_is_reported_by_its_own_error(tmp_path):
    def gone():
        raise FileNotFoundError("frames.npy")

    joined = JoinedFrames([*spans(), Span(gone, 0, 5)])
    with pytest.raises(FileNotFoundError):
        list(joined)
