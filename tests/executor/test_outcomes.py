"""What follows when a piece of work of a clip ends."""

from __future__ import annotations

import errno

import pytest
from safetensors import SafetensorError

from tests.clips.test_clip_record import PLAIN
from tests.clips.test_clip_state import LONG, new
from vgpipe.clips.canary_state import CanaryState
from vgpipe.clips.clip_state import Status
from vgpipe.clips.notes import TextNotes
from vgpipe.errors import EncoderError, LoadError, StoreError
from vgpipe.executor.outcomes import Outcomes, failure_message, typical_s
from vgpipe.executor.progress import Progress
from vgpipe.models.base import Settings
from vgpipe.models.families.wan import WanFamily
from vgpipe.models.text_reader import Cut, TextReading


class Spy:
    """Takes the place of records, delivery, history and the stop signal, and notes what is asked of it."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def __getattr__(self, name: str):
        return lambda *args, **facts: self.calls.append((name, *args, *facts.items()))

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture
def spies():
    return {name: Spy() for name in ("records", "delivery", "history", "stop")}


@pytest.fixture
def outcomes(spies, tmp_path):
    progress = Progress({"encode": 1, "denoise": 3, "decode": 3, "export": 1}, clips=1, done=0)
    texts = TextNotes(WanFamily(None, Settings()))
    made = Outcomes(
        None, spies["records"], spies["delivery"], spies["history"], progress, spies["stop"], (tmp_path,), texts
    )
    made.progress = progress
    return made


class Artifact:
    info = {"seconds": 0.25}  # noqa: RUF012


def test_an_export_finishes_its_clip(outcomes, spies):
    state = new()
    outcomes.exported(state, lambda: (Artifact, Artifact))
    assert state.is_done and state.seconds == {"export": 0.5}
    assert spies["delivery"].names() == ["place", "release_frames"] and spies["history"].names() == ["remember"]
    assert spies["records"].names() == ["event", "settle"] and outcomes.progress._remaining["export"] == 0


def test_frames_that_vanished_leave_the_clip_pending(outcomes, spies):
    state = new()
    outcomes.exported(state, lambda: None)
    assert state.is_pending and not any(spy.calls for spy in spies.values())


@pytest.mark.parametrize("is_there", [False, True])
def test_a_finished_file_that_vanished_before_it_was_placed_is_made_again(outcomes, spies, is_there):
    def place(*_):
        raise FileNotFoundError(errno.ENOENT, "no such file")

    spies["delivery"].place, spies["delivery"].has_files = place, lambda state: is_there
    state = new()
    outcomes.exported(state, lambda: (Artifact,))
    assert state.is_pending != is_there and (state.status is Status.FAILED) == is_there


def test_a_failure_takes_the_rest_of_its_clip_out_of_the_progress(outcomes, spies):
    state = new(LONG)
    outcomes.failed(state.segments[1], "denoise", LoadError("torn", "transformer"))
    assert state.status is Status.FAILED and state.needs_other_loading
    assert state.error == f"segment 2 of {len(state.segments)}: denoise: torn"
    left = len(state.segments) - 1
    assert outcomes.progress._remaining == {"encode": 1, "denoise": 3 - left, "decode": 3 - left, "export": 0}


def test_a_full_disk_stops_the_run_and_fails_no_clip(outcomes, spies):
    state, error = new(), StoreError("cannot write")
    error.__cause__ = OSError(errno.ENOSPC, "no space left")
    outcomes.failed(state.segments[0], "decode", error)
    ((name, reason),) = spies["stop"].calls
    assert state.status is Status.STOPPED and name == "cancel" and not spies["records"].calls
    assert reason.startswith("decode: cannot write; free space on the disk of ")


def _from(error: Exception) -> Exception:
    try:
        raise error
    except Exception:
        try:
            raise StoreError("decode could not be stored")
        except StoreError as outer:
            return outer


@pytest.mark.parametrize(
    "error",
    [
        OSError("12288 requested and 4096 written"),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:664] . PytorchStreamWriter failed writing file data/0"),
        OSError(errno.EFBIG, "File too large"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EROFS, "Read-only file system"),
        EncoderError("ffmpeg was killed by SIGXFSZ: no error message"),
        _from(OSError(errno.ENOSPC, "No space left on device")),
    ],
)
def test_every_librarys_word_for_a_full_disk_stops_the_run(outcomes, spies, error):
    state = new()
    outcomes.failed(state.segments[0], "decode", error)
    assert state.status is Status.STOPPED and spies["stop"].names() == ["cancel"]


@pytest.mark.parametrize("error", [ValueError("a file too large for this format"), RuntimeError("out of memory")])
def test_other_errors_fail_the_clip(outcomes, error):
    state = new()
    outcomes.failed(state.segments[0], "decode", error)
    assert state.status is Status.FAILED


def test_an_export_that_fails_fails_its_clip_alone(outcomes, spies):
    def broken():
        raise ValueError("odd size")

    state = new()
    outcomes.exported(state, broken)
    assert state.error == "export: ValueError: odd size" and spies["records"].names()[-1] == "settle"


def test_a_canary_stands_for_all_steps_in_the_estimate():
    canary = CanaryState(PLAIN, [None], represents_steps=20)
    (segment,) = canary.segments
    assert typical_s(segment, "denoise", 1.0) == 1.0 * 20 / PLAIN.num_inference_steps
    assert typical_s(segment, "decode", 1.0) == typical_s(new().segments[0], "denoise", 1.0) == 1.0


def test_a_canary_is_no_work_of_the_job_but_its_text_is(outcomes):
    canary = CanaryState(PLAIN, [None], represents_steps=20)
    (segment,) = canary.segments
    before = dict(outcomes.progress._remaining)
    for stage in ("encode", "denoise", "decode"):
        outcomes.piece_done(segment, stage, 1.0, "canary")
    assert outcomes.progress._remaining == {**before, "encode": before["encode"] - 1}
    assert outcomes.progress.eta.mean_s("decode") == 1.0


def test_a_canary_of_all_the_steps_makes_what_its_clip_needs(outcomes):
    (segment,) = CanaryState(PLAIN, [None], represents_steps=PLAIN.num_inference_steps).segments
    before = dict(outcomes.progress._remaining)
    for stage in ("denoise", "decode", "export"):
        outcomes._count(segment, stage, 1.0, "canary")
    assert outcomes.progress._remaining == {
        **before,
        "denoise": before["denoise"] - 1,
        "decode": before["decode"] - 1,
    }


def test_an_error_of_our_own_needs_no_class():
    assert failure_message("decode", StoreError("gone")) == "decode: gone"
    assert failure_message("decode", KeyError("x")) == "decode: KeyError: 'x'"
    full = OSError(errno.ENOSPC, "No space left on device", "store/video.mp4", None, "run/video.mp4")
    assert failure_message("export", full) == "export: No space left on device: run/video.mp4"


def test_a_text_that_is_cut_is_noted_once_and_not_of_a_canary(outcomes, caplog):
    reading = TextReading((Cut("tokenizer", 64, 80, "word 9", "and more"),))
    state, canary = new(), CanaryState(PLAIN, [None], represents_steps=2)
    for one in (canary, state, state):
        outcomes.text_read(one.segments[0], PLAIN.prompt, reading)
    told = 'prompt: the model reads 64 of 80 tokens; cut from word 9 on: "and more"'
    assert state.notes == (told,) and canary.notes == ()
    assert [one.getMessage() for one in caplog.records] == [f"{PLAIN.id}: {told}"]
