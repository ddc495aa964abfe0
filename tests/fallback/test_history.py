"""What is said of clips that were made otherwise is of use where it is sound, and does no harm where it is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.clips.test_clip_record import PLAIN
from vgpipe.clips.clip_state import ClipState
from vgpipe.clips.degradation import Degradation
from vgpipe.clips.finished_files import FinishedFiles
from vgpipe.config.load import load
from vgpipe.exporters.base import exporter
from vgpipe.fallback.history import FallbackHistory
from vgpipe.models.base import Settings
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.artifacts import Store
from vgpipe.store.digest import Key
from vgpipe.store.notes import Notes

TOLD = Degradation("vae_tiling", "no tiles", "tiles", "why", "decode")


class OneFamily:
    """Drives nothing; has settings."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def with_settings(self, settings: Settings) -> OneFamily:
        """As `Family` does it."""
        return OneFamily(settings)


def keys_of(clip: Any, families: Any) -> ClipKeys:
    size = [clip.width, clip.height, clip.num_frames]
    bits = {stage: repr(one.settings) for stage, one in families.items()}
    named = tuple(Key(stage, {"size": size, "bits": bits}) for stage in ("encode", "denoise", "decode", "export"))
    return ClipKeys(named[0], None, *named[1:3], named[3:])


class FakeKeys:
    """Names clips as `keys_of` does."""

    class model:
        family: Any = OneFamily(Settings())

    def of_clip(self, clip: Any, families: Any = None, *, draft: int | None = None) -> tuple[ClipKeys, ...]:
        return (keys_of(clip, families[0] if families else {}),)


@pytest.fixture
def history(tmp_path: Path):
    config = load(["clip.prompt=a", "hardware=cpu", "run.degrade=any"])

    def made(limit_gb: float | None = None) -> FallbackHistory:
        hardware = replace(config.hardware, memory_limit_gb=limit_gb)
        return FallbackHistory(Notes(tmp_path / "notes.jsonl"), FakeKeys(), replace(config, hardware=hardware))

    return made


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def files(store: Store) -> FinishedFiles:
    return FinishedFiles(store, lambda: [exporter({"name": "frames"})])


def plain() -> ClipState:
    return ClipState(PLAIN, [keys_of(PLAIN, {})])


def finished(history: FallbackHistory, store: Store) -> ClipState:
    """Remembers a clip in tiles with fewer frames, its file in the store."""
    less = replace(PLAIN, num_frames=PLAIN.num_frames - 4)
    families: Any = {"decode": OneFamily(Settings(vae_tiling=True))}
    state = plain()
    state.reuse_fallback(less, [keys_of(less, families)], [families], [TOLD])
    with store.create(state.keys.exports[0]) as draft:
        draft.path("clip.mp4").write_bytes(b"frames")
    history.remember(state)
    return state


@pytest.mark.parametrize(
    ("before_gb", "now_gb", "is_reused"),
    [(1.0, 1.0, True), (1.0, 0.5, True), (1.0, 2.0, False), (1.0, None, False), (None, 1.0, True), (None, None, True)],
)
def test_more_memory_has_the_clip_made_as_asked(history, store, before_gb, now_gb, is_reused):
    made = finished(history(before_gb), store)
    state = plain()
    assert history(now_gb).reuse(state, files(store)) is is_reused
    assert state.all_degradations == ((TOLD,) if is_reused else ())
    assert (state.keys == made.keys and state.clip != state.requested == PLAIN) is is_reused


HOSTILE = [
    *[[], "x", 3, {}, {"stages": {}}],
    {"stages": [], "size": {"width": 64, "height": 64, "num_frames": 5}, "degradations": [], "memory_limit_gb": None},
    {"stages": {}, "size": {"width": 1e999, "height": 1, "num_frames": 1}, "degradations": [], "memory_limit_gb": 1},
    {"stages": {}, "size": {"width": 64, "height": 64, "num_frames": 5}, "degradations": [3], "memory_limit_gb": None},
    {
        "stages": {"decode": {"quantization": 5, "vae_tiling": True, "vae_tile_size": None}},
        "size": {"width": 64, "height": 64, "num_frames": 5},
        "degradations": [],
        "memory_limit_gb": None,
    },
]


@pytest.mark.parametrize("fact", HOSTILE, ids=str)
def test_nonsense_among_the_notes_is_passed_over(history, store, tmp_path, fact):
    finished(history(), store)
    path = tmp_path / "notes.jsonl"
    entry = json.loads(path.read_text())
    path.write_text(json.dumps({**entry, "fact": fact}) + "\n")
    state = plain()
    assert history().reuse(state, files(store)) is False
    assert state.keys == keys_of(PLAIN, {}) and state.clip == PLAIN


def test_a_file_that_has_gone_is_not_taken(history, store):
    store.discard(finished(history(), store).keys.exports[0])
    assert history().reuse(plain(), files(store)) is False
