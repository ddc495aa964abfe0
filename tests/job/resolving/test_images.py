"""The images that the clips of a job start from."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from vgpipe.errors import JobError
from vgpipe.job.reading.parse import read_job
from vgpipe.job.resolving import images as images_module
from vgpipe.job.resolving.expand import Expansion, expand
from vgpipe.job.rules import ShapeRules

SETTINGS = {
    "seed": 0, "negative_prompt": "", "width": 64, "height": 64, "num_frames": 17, "fps": 8,
    "num_inference_steps": 8, "guidance_scale": 5.0,
}  # fmt: skip
COLOURS = {"red.png": (255, 0, 0), "blue.png": (0, 0, 255), "pics/red.png": (255, 0, 0), "jobs/own.png": (0, 9, 0)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the working directory: a few square images, some of the same content."""
    monkeypatch.chdir(tmp_path)
    for name, colour in COLOURS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (32, 32), colour).save(tmp_path / name)
    return tmp_path


Make = Callable[..., Expansion]


@pytest.fixture
def make(folder: Path) -> Make:
    """Writes, reads and expands a job for a model that may take images."""

    def made(content: str | None, name: str = "a.yaml", takes: str = "optional", **overrides: object) -> Expansion:
        rules = ShapeRules(max_side=256, image=takes)
        job = None
        if content is not None:
            (folder / name).write_text(content, "utf-8")
            job = read_job(folder / name, rules=rules)
        return expand(job, overrides=overrides, preset={}, reference=SETTINGS, rules=rules, model="m")

    return made


@pytest.fixture
def faults_of(make: Make) -> Callable[..., list[str]]:
    """Gives the lines of the error that a job raises."""

    def faults(*given: object, **named: object) -> list[str]:
        with pytest.raises(JobError) as caught:
            make(*given, **named)
        return [str(fault) for fault in caught.value.faults]

    return faults


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_strongest_level_sets_the_image(make: Make, folder: Path) -> None:
    job = "defaults: {image: red.png}\nprompts: [x, {prompt: y, image: blue.png}]\n"
    assert [Path(clip.image).name for clip in make(job).clips] == ["red.png", "blue.png"]
    clips = make(job, image="pics/red.png").clips
    assert [clip.image for clip in clips] == [str(folder / "pics/red.png")] * 2
    assert {clip.image_sha256 for clip in clips} == {sha256(folder / "red.png")}


def test_without_an_image_there_is_neither_path_nor_digest(make: Make) -> None:
    (clip,) = make("prompts: [x]").clips
    assert clip.image is None and clip.image_sha256 is None


def test_a_job_file_looks_in_its_own_folder_the_command_line_where_it_is_typed(make: Make, folder: Path) -> None:
    (clip,) = make("prompts: [{prompt: x, image: own.png}]", "jobs/a.yaml").clips
    assert clip.image == str(folder / "jobs/own.png")
    (clip,) = make("prompts: [{prompt: x, image: ../pics/red.png}]", "jobs/a.yaml").clips
    assert Path(clip.image).is_absolute() and Path(clip.image).samefile(folder / "pics/red.png")
    (clip,) = make("prompts: [x]", "jobs/a.yaml", image="red.png").clips
    assert clip.image == str(folder / "red.png")
    (clip,) = make(None, prompt="x", image="red.png").clips
    assert clip.image == str(folder / "red.png") and clip.image_sha256 == sha256(folder / "red.png")


def test_every_format_but_text_can_name_one(make: Make, folder: Path) -> None:
    jsonl = json.dumps({"prompt": "x", "image": "red.png"}) + '\n{"prompt": "y", "image": null}\n'
    for name, content in (("a.csv", "prompt,image\nx,red.png\ny,\n"), ("a.jsonl", jsonl)):
        first, second = make(content, name).clips
        assert first.image == str(folder / "red.png") and second.image is None
    (clip,) = make("x image: red.png\n", "a.txt").clips
    assert clip.image is None


def test_places_are_filled_from_the_matrix(make: Make, folder: Path) -> None:
    job = "defaults: {image: '{c}.png'}\nprompts: [{prompt: a ball, matrix: {c: [red, blue]}}]\n"
    assert [clip.image for clip in make(job).clips] == [str(folder / "red.png"), str(folder / "blue.png")]
    Image.new("RGB", (32, 32)).save(folder / "{c}.png")
    assert make("prompts: [{prompt: x, image: '{{c}}.png'}]").clips[0].image == str(folder / "{c}.png")
    assert make("prompts: [x]", image="{c}.png").clips[0].image == str(folder / "{c}.png")


# RawSettings by the version before there were images.
IDS_WITHOUT = ["x-56772436", "b-d364afaa", "b-161a89e9", "b-309a9e95", "b-353bf45a"]


@pytest.mark.parametrize("takes", ["never", "optional"])
def test_ids_without_an_image_are_what_they_were(make: Make, takes: str) -> None:
    job = "prompts: [x, {prompt: 'a {c} ball', seeds: [1, 2], matrix: {c: [red, blue]}, id: b, seconds: 1}]"
    rules = ShapeRules(image=takes)
    Path("a.yaml").write_text(job)
    made = expand(read_job(Path("a.yaml")), overrides={}, preset={}, reference=SETTINGS, rules=rules, model="shapes")
    assert [clip.id for clip in made.clips] == IDS_WITHOUT


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([None, *COLOURS]), min_size=1, max_size=6))
def test_an_id_hangs_on_the_content_alone(make: Make, names: list[str | None]) -> None:
    items = [{"prompt": "x", **({"image": name} if name else {})} for name in names]
    clips = make("\n".join(map(json.dumps, items)), "a.jsonl").clips
    contents = {COLOURS.get(name or "") for name in names}
    assert len(clips) == len(contents) == len({clip.id for clip in clips}) == len({c.image_sha256 for c in clips})
    for name in names:
        (alone,) = make(None, prompt="x", image=name).clips
        assert alone.id in {clip.id for clip in clips}


def test_a_changed_picture_gives_another_clip(make: Make, folder: Path) -> None:
    before = make(None, prompt="x", image="red.png").clips[0]
    Image.new("RGB", (32, 32), (1, 2, 3)).save(folder / "red.png")
    after = make(None, prompt="x", image="red.png").clips[0]
    assert before.image == after.image and before.id != after.id and before.image_sha256 != after.image_sha256


def test_two_names_of_one_picture_are_rendered_once(make: Make) -> None:
    made = make("prompts:\n- {prompt: x, image: red.png}\n- {prompt: x, image: pics/red.png}\n")
    assert len(made.clips) == 1
    assert made.notes == ("line 3 repeats line 2 (same prompt, seed and settings): rendered once",)


@pytest.mark.parametrize(
    ("job", "overrides", "expected"),
    [
        ("prompts:\n- prompt: x\n  image: rde.png\n", {},
         'a.yaml:3: image "rde.png" is not there; looked for rde.png -> did you mean image: red.png?'),
        ("defaults:\n  image: pics\nprompts: [x, y]\n", {},
         'a.yaml:2: image "pics" is a folder -> there is image: pics/red.png'),
        ("prompts: [x]", {"image": "http://x.org/a.png"},
         'clip.image: image "http://x.org/a.png" is a URL -> download it first, then name the file'),
        (None, {"prompt": "x", "image": "a.yml"}, 'clip.image: image "a.yml" is not there; looked for a.yml -> '),
        ("prompts:\n- {prompt: x, image: 3}\n", {}, "a.yaml:2: image is 3 without quotes, which is a number"),
        ("prompts:\n- {prompt: x, image: }\n", {}, "a.yaml:2: image is empty -> write a text there, or remove it"),
        ("prompts:\n- {prompt: x, image: ' '}\n", {},
         "a.yaml:2: image is empty -> write the path of an image file there"),
        ("prompts:\n- {prompt: x, image: [a]}\n", {}, "a.yaml:2: image is a list; allowed: the path of an image file"),
        ("prompts:\n- {prompt: x, imag: a}\n", {}, "did you mean `image`?"),
        ("prompts:\n- {prompt: x, image: '{c}.png'}\n", {}, "image has the place {c}, but there is no matrix"),
        ("prompts:\n- {prompt: x, image: '{c}.png', matrix: {c: [red, gren]}}\n", {},
         'a.yaml:2: image "gren.png" is not there; looked for gren.png -> did you mean image: red.png?'),
        ("prompts:\n- {prompt: x, image: '{c}', matrix: {c: ['']}}\n", {}, "a.yaml:2: image is empty"),
    ],
)  # fmt: skip
def test_a_fault_is_named_where_it_was_written(faults_of, job, overrides, expected: str) -> None:
    (found,) = faults_of(job, **overrides)
    assert found.startswith(expected) or expected in found


def test_an_override_hides_what_is_wrong_with_the_jobs_own(make: Make, folder: Path) -> None:
    made = make("prompts: [{prompt: x, image: gone.png}]", image="red.png")
    assert made.clips[0].image == str(folder / "red.png")


def test_all_faults_come_at_once(faults_of) -> None:
    job = "prompts:\n- {prompt: x, image: a.png, width: 60}\n- {prompt: y, image: 'ftp://b'}\n"
    kinds = [fault.split(" -> ")[0] for fault in faults_of(job)]
    assert [kind[:9] for kind in kinds] == ["a.yaml:2:", "a.yaml:2:", "a.yaml:3:"]
    # Beside a fault of the file's text they come too, but those that wait for a matrix.
    job += "- {prompt: z, sed: 1, image: pics}\n- {prompt: '{c', image: '{c}.png', matrix: {c: [a]}}\n"
    found = "\n".join(faults_of("defaults: {image: c.png}\n" + job))
    for words in ("a.yaml:1: image", "a.yaml:3: image", "a.yaml:4: image", "a.yaml:5: image", "a.yaml:5: unknown key"):
        assert words in found
    assert "a.yaml:6" not in found
    assert len(faults_of(None, image="gone.png")) == 2


def test_a_model_of_text_alone_takes_no_image(faults_of, make: Make) -> None:
    said = "the model m makes videos from text alone -> remove it, or choose a model that takes images: "
    said += "model=wan22_ti2v_5b"
    assert faults_of("prompts:\n- {prompt: x, image: red.png}\n- y\n", takes="never") == [
        f'a.yaml:2: image "red.png": {said}'
    ]
    assert faults_of("prompts: [x, y]", takes="never", image="red.png") == [f'clip.image: image "red.png": {said}']
    assert make("prompts: [x]", takes="never").clips


def test_a_model_that_starts_from_an_image_needs_one(faults_of, make: Make) -> None:
    said = "no image given, and the model m makes videos only from one -> "
    (found,) = faults_of("prompts:\n- x\n- {prompt: y, image: red.png}\n", takes="required")
    assert found.startswith(f"a.yaml:2: {said}add `image:` to the prompt or under `defaults:`")
    assert found.endswith("model=wan22_ti2v_5b")
    for job, overrides in (("x\ny\nz\n", {}), (None, {"prompt": "x"})):
        (found,) = faults_of(job, "a.txt", takes="required", **overrides)
        assert found.startswith(f"clip.image: {said}set it with clip.image=FILE")
    assert len(make("x\ny\n", "a.txt", takes="required", image="red.png").clips) == 2
    assert len(faults_of("prompts: [x]", takes="required", image=3)) == 1


@pytest.mark.parametrize(
    ("size", "is_noted"), [((64, 64), False), ((1010, 1000), False), ((1000, 1021), True), ((64, 48), True)]
)
def test_another_shape_is_noted_once_for_all_prompts(make: Make, folder: Path, size, is_noted: bool) -> None:
    Image.new("RGB", size).save(folder / "a.png")
    notes = make("prompts:\n" + "- {prompt: x, image: a.png}\n- {prompt: y, image: a.png}\n").notes
    assert bool(notes) == is_noted
    if is_noted:
        (note,) = notes
        assert note.startswith("line 2: image ") and f"is {size[0]}x{size[1]}, another shape than its clip's" in note


def test_a_shape_is_noted_for_every_size_and_where_the_image_was_set(make: Make, folder: Path) -> None:
    Image.new("RGB", (64, 48)).save(folder / "a.png")
    job = "defaults: {width: 128, height: 96}\nprompts: [x, {prompt: y, width: 64}, {prompt: z, height: 64}]\n"
    first, second = make(job, image="a.png").notes
    assert (
        first.startswith("clip.image: image ") and "clip's 64x96: it is resized to cover the clip, and cropped" in first
    )
    assert "clip's 128x64" in second
    notes = make("prompts:\n" + "".join(f"- {{prompt: x, image: a.png, width: {32 * n}}}\n" for n in range(1, 9)) * 4)
    assert len(notes.notes) == 20 + 1 + 8


def test_many_shape_notes_are_counted_not_shown(make: Make, folder: Path) -> None:
    for n in range(25):
        Image.new("RGB", (64, 32 - n)).save(folder / f"{n}.png")
    notes = make("prompts:\n" + "".join(f"- {{prompt: x, image: {n}.png}}\n" for n in range(25))).notes
    assert len(notes) == 21 and notes[-1] == "and 5 more images have another shape than their clips"


def test_ten_thousand_prompts_look_at_their_image_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    load = images_module.load_picture
    monkeypatch.setattr(images_module, "load_picture", lambda given, *rest: looks.append(given) or load(given, *rest))
    lines = "".join(f"- {{prompt: a ball {n}, image: red.png}}\n" for n in range(10_000))
    (folder / "a.yaml").write_text("prompts:\n" + lines)
    start = time.perf_counter()
    job = read_job(folder / "a.yaml")
    made = expand(job, overrides={}, preset={}, reference=SETTINGS, rules=ShapeRules(image="required"), model="m")
    assert len({clip.id for clip in made.clips}) == 10_000 and looks == ["red.png"]
    # Takes a second on one core; the rest is for busy machines.
    assert time.perf_counter() - start < 10


def test_a_matrix_that_would_look_for_ever_is_refused_first(faults_of) -> None:
    values = ",".join(f"v{n}" for n in range(99))
    job = f"prompts:\n- {{prompt: x, image: '{{a}}{{b}}{{c}}', matrix: {{a: &l [{values}], b: *l, c: *l}}}}\n"
    start = time.perf_counter()
    (fault,) = faults_of(job)
    assert "at most 100,000 are allowed" in fault and time.perf_counter() - start < 2


ODD_PATH = st.sampled_from(["red.png", "pics", "{c}.png", "{c}", "~", "http://x", "", " ", "a\0", "\ud800", "../x"])


def odd_items() -> Iterator[st.SearchStrategy[object]]:
    """Yields what the items of a job may be."""
    matrix = st.dictionaries(st.sampled_from("cd"), st.lists(st.sampled_from(["red", "", "x"]), max_size=2))
    yield st.fixed_dictionaries({"prompt": st.just("x {c}")}, optional={"image": ODD_PATH, "matrix": matrix})
    yield st.fixed_dictionaries(
        {"prompt": st.just("x")}, optional={"image": ODD_PATH | st.integers(), "seed": ODD_PATH}
    )


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(*odd_items()), min_size=1, max_size=3),
    st.none() | ODD_PATH,
    st.sampled_from(["never", "optional", "required"]),
)
def test_odd_images_give_clips_or_a_job_error(make: Make, items, override, takes: str) -> None:
    overrides = {} if override is None else {"image": override}
    try:
        made = make("\n".join(map(json.dumps, items)), "a.jsonl", takes=takes, **overrides)
    except JobError as error:
        assert error.faults
        str(error).encode()
    else:
        for clip in made.clips:
            assert (clip.image is None) == (clip.image_sha256 is None)
            assert clip.image is None or (takes != "never" and sha256(Path(clip.image)) == clip.image_sha256)
            assert clip.image is not None or takes != "required"
