"""A clip's state owns its segments, and changes only by its methods."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

from tests.clips.test_clip_record import PLAIN
from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import ClipState, SegmentState, Status
from vgpipe.clips.degradation import Degradation
from vgpipe.job.clip import Continuation
from vgpipe.job.segments import segments_of
from vgpipe.memory.tracker import PeakMemory

PACKAGE = Path(__file__).parents[2] / "vgpipe"
LONG = replace(
    PLAIN,
    num_frames=25,
    continuation=Continuation(
        method="image", segment_num_frames=9, min_segment_num_frames=5, overlap_num_frames=1, frames_step=4,
        frames_offset=1, num_inference_steps=2, match_color=False,
    ),
)  # fmt: skip
TILES = Degradation("vae_tiling", "no tiles", "tiles", "why", "decode")


def new(clip=PLAIN) -> ClipState:
    return ClipState(clip, [None] * len(segments_of(clip)))


def test_a_short_clip_has_exactly_one_segment_and_keeps_it_when_it_gets_smaller():
    state = new()
    (segment,) = state.segments
    state.resize(replace(PLAIN, num_frames=1), ["keys"])
    assert state.segments == (segment,) and segment.clip.num_frames == 1 and segment.keys == "keys"
    assert not segment.is_orphan and segment.is_last and segment.previous is None and segment.next is None
    assert state.requested == state.initial == PLAIN and state.id == PLAIN.id


def test_the_segments_of_a_long_clip_know_their_neighbours_until_it_is_split_again():
    state = new(LONG)
    first, *middle, last = state.segments
    assert middle and first.previous is None and last.previous is middle[-1] and last.next is None
    assert first.next is middle[0].segment and last.is_last and not first.is_last
    shorter = replace(LONG, continuation=replace(LONG.continuation, segment_num_frames=5))
    state.resize(shorter, [None] * len(segments_of(shorter)))
    assert first.is_orphan and last.is_orphan and not state.segments[0].is_orphan


def test_a_draft_is_the_first_segment_of_its_clip_also_after_a_change_of_size():
    state = ClipState(LONG, [None], draft=1)
    shorter = replace(LONG, continuation=replace(LONG.continuation, segment_num_frames=5))
    state.resize(shorter, ["keys"])
    (segment,) = state.segments
    assert state.draft == 1 and segment.keys == "keys" and segment.is_last and segment.next is None
    state.finish()
    assert state.status is Status.DRAFTED and state.is_made and not state.is_done and not state.is_pending
    whole = new()
    whole.finish()
    assert whole.status is Status.DONE and whole.is_made and whole.is_done


def test_what_a_segment_takes_counts_for_its_clip():
    state = new(LONG)
    first, second, *_ = state.segments
    first.add_seconds("denoise", 1.5)
    second.add_seconds("denoise", 2.0)
    first.note_peak("denoise", PeakMemory(ram_gb=2.0, vram_gb=None, device_gb=None))
    second.note_peak("decode", PeakMemory(ram_gb=1.0, vram_gb=3.0, device_gb=3.0))
    assert state.seconds == {"denoise": 3.5} and second.seconds == {"denoise": 2.0}
    assert (state.peak_ram_gb, state.peak_vram_gb) == (2.0, 3.0)


def test_a_stage_has_the_degradations_of_its_latest_family():
    state = new()
    (segment,) = state.segments
    segment.use_family("decode", "tiled", [TILES])
    smaller = replace(TILES, got="smaller tiles")
    segment.use_family("decode", "smaller", [smaller])
    assert segment.families == {"decode": "smaller"} and state.all_degradations == (smaller,)
    state.degrade(Degradation("size", "a", "b", "why"))
    state.degrade(Degradation("size", "a", "c", "why"))
    assert [one.got for one in state.all_degradations] == ["c", "smaller tiles"]


def test_a_failed_clip_may_be_finished_after_all():
    state = new()
    state.fail("decode: no memory")
    assert state.status is Status.FAILED and not state.needs_other_loading
    state.finish_from_store(is_reused=True)
    assert state.is_done and state.is_reused and state.error is None


def test_a_canary_knows_the_steps_it_represents():
    canary = CanaryState(PLAIN, [None], represents_steps=20)
    assert canary.is_canary and canary.represents_steps == 20 and not new().is_canary


FIELDS = {name for name in (*vars(new()), *SegmentState.__slots__) if not name.startswith("_")}
NAMES = {"state", "segment", "parent", "again", "clip_state", "canary"}


def assignments(path: Path) -> list[str]:
    """Returns the assignments in a file to a field of what is named like a state."""
    changes = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, CHANGES)]
    targets = [one for node in changes for one in (node.targets if isinstance(node, ast.Assign) else [node.target])]
    fields = [one for one in targets if isinstance(one, ast.Attribute) and one.attr in FIELDS]
    return [ast.unparse(one) for one in fields if ast.unparse(one.value).split(".")[-1] in NAMES]


CHANGES = (ast.Assign, ast.AugAssign, ast.AnnAssign)


def test_no_other_file_changes_a_state():
    own = PACKAGE / "clips" / "clip_state.py"
    assert assignments(own)
    found = {path: assignments(path) for path in PACKAGE.rglob("*.py") if path != own}
    assert not {path.name: changed for path, changed in found.items() if changed}


def test_seconds_of_a_worker_add_to_those_of_earlier_attempts_but_for_the_export_which_is_made_again():
    state = new()
    state.restore(files={}, seconds={"denoise": 2.0, "export": 1.0}, peak_ram_gb=None, peak_vram_gb=None)
    taken_s = {"denoise": 3.0, "decode": 0.5, "export": 0.25}
    state.take_over(
        degradations=(), of_segments=[((), {"denoise": 3.0})], seconds=taken_s,
        peak_ram_gb=None, peak_vram_gb=None, predicted_peak_gb=None,
    )  # fmt: skip
    assert state.seconds == {"denoise": 5.0, "decode": 0.5, "export": 0.25}
