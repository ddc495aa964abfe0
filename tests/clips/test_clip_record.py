"""How a clip stands in clips.jsonl, and how it is read from there."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from typing import Any

import pytest

from vgpipe.clips.clip_record import clip_of_record, past_record, record_of
from vgpipe.clips.clip_state import ClipState
from vgpipe.job.clip import Clip, PlacedImage
from vgpipe.stages.keys import ClipKeys
from vgpipe.store.digest import Key

PLAIN = Clip(
    id="x-00000000", prompt="x", negative_prompt="", seed=1, width=64, height=64, num_frames=5, fps=8.0,
    num_inference_steps=2, guidance_scale=1.0, model="m",
)  # fmt: skip
WITH_IMAGE = replace(PLAIN, image="/pics/a.png", image_sha256="0f" * 32)


def record(clip: Clip, draft: int | None = None) -> dict[str, Any]:
    keys: dict[str, Any] = {field.name: Key("encode", {}) for field in fields(ClipKeys)}
    keys["exports"], keys["later"] = (keys["exports"],), ()
    return json.loads(json.dumps(record_of(ClipState(clip, [ClipKeys(**keys)], draft=draft))))


GIVEN = replace(
    WITH_IMAGE, fit="contain", last_image="/b.png", last_image_sha256="1f" * 32,
    images=(PlacedImage(frame=2, image="/c.png", image_sha256="2f" * 32),),
)  # fmt: skip
RESTYLED = replace(PLAIN, video="/v.mp4", video_sha256="3f" * 32, strength=0.6, fit="cover")
CONTINUED = replace(RESTYLED, strength=None, video_num_frames=3)
NAMED = replace(PLAIN, name="A cat, it's 50%.-0", prompt_template="{x|y}")


@pytest.mark.parametrize("clip", [PLAIN, WITH_IMAGE, NAMED, GIVEN, RESTYLED, CONTINUED])
def test_a_record_gives_the_clip_back(clip: Clip) -> None:
    found = record(clip)
    assert (found["image"], found["image_sha256"]) == (clip.image, clip.image_sha256)
    assert clip_of_record(found) == clip


@pytest.mark.parametrize("name", ["../x", ".x", "a/b", "C:x", "x" * 251, ""])
def test_a_name_that_leads_elsewhere_is_refused(name) -> None:
    with pytest.raises(ValueError, match="is not the name of a file"):
        clip_of_record({**record(PLAIN), "name": name})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"last_image": "b.png"}, "last_image: 'b.png' is not an absolute path"),
        ({"last_image_sha256": None}, "last_image_sha256: '' is not 64 hex digits"),
        ({"last_image": None}, "last_image: '' is not an absolute path"),
        ({"images": [{"frame": 5, "image": "/c.png", "image_sha256": "2f" * 32}]}, "a frame is outside of the clip"),
        ({"images": [{"frame": 1, "image": "/c.png", "image_sha256": "x"}]}, "images: 'x' is not 64 hex digits"),
        ({"images": [{"frame": 1, "image": "/c.png", "image_sha256": "2f" * 32}] * 65}, "there are 65; at most 64"),
        ({"video": "/v.mp4", "video_sha256": "3f" * 32, "video_num_frames": 5}, "video_num_frames: 5 of 5 frames"),
        ({"fit": "zoom"}, "fit: Input should be"),
    ],
)
def test_files_that_could_be_others_by_now_are_refused(change, said) -> None:
    with pytest.raises(ValueError, match=said):
        clip_of_record({**record(GIVEN), **change})


def test_a_record_says_after_how_many_steps_a_clip_stops() -> None:
    assert past_record(record(PLAIN)).draft_steps is None and past_record({"draft_steps": "1"}).draft_steps is None
    drafted = record(PLAIN, draft=1) | {"state": "drafted"}
    assert past_record(drafted).draft_steps == 1 and past_record(drafted).is_done
    assert clip_of_record(drafted) == PLAIN and drafted["artifacts"]["preview"]


def test_records_from_before_there_were_images_are_read() -> None:
    found = record(PLAIN)
    del found["image"], found["image_sha256"]
    assert clip_of_record(found) == PLAIN


@pytest.mark.parametrize(
    ("image", "digest", "message"),
    [
        ("a.png", "0f" * 32, "image: 'a.png' is not an absolute path"),
        (None, "0f" * 32, "image: '' is not an absolute path"),
        ("/pics/a.png", None, "image_sha256: '' is not 64 hex digits"),
        ("/pics/a.png", "0F" * 32, "is not 64 hex digits"),
        ("/pics/a.png", "0f" * 31, "is not 64 hex digits"),
        (3, "0f" * 32, "image: Input should be a valid string"),
    ],
)
def test_an_image_that_could_be_another_is_refused(image: object, digest: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clip_of_record(record(PLAIN) | {"image": image, "image_sha256": digest})


def test_the_validator_of_clips_is_built_once(monkeypatch) -> None:
    import pydantic

    clip_of_record(record(PLAIN))
    monkeypatch.setattr(pydantic, "TypeAdapter", lambda *_: pytest.fail("built again"))
    assert clip_of_record(record(PLAIN)) == PLAIN


@pytest.mark.parametrize(
    "value", [None, 3, "x", [], ["x"], [[]], {}, {"x": []}, {"x": None}, float("nan"), 10**400, True]
)
@pytest.mark.parametrize("key", ["state", "reused", "files", "degradations", "seconds", "peak_ram_gb", "measures"])
def test_an_earlier_attempt_of_the_wrong_types_says_nothing(key: str, value: object) -> None:
    past = past_record({"clip": "x", "state": "done", key: value})
    assert all(isinstance(path, str) for path in past.files.values()) and past.replacement_kinds <= {"None"}
    assert all(isinstance(seconds, float) for seconds in past.seconds.values())
    assert past.peak_ram_gb is None or math.isfinite(past.peak_ram_gb)
