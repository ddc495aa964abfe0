"""Names of files from a template."""

from __future__ import annotations

import pytest

from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.errors import JobError

JOB = """
name: Night shift
defaults: {takes: 2, seed: 7}
prompts:
  - "A red: circle. On white, it's 50% {{x}}"
  - {prompt: "a blue square", id: Hero}
"""


@pytest.fixture
def names_of(write):
    """Gives the names that a template makes of the clips of a job."""
    write(JOB)

    def names(template: str, job: str = "a.yaml", *overrides: str) -> list[str | None]:
        return [clip.name for clip in request(load([f"job={job}", f"run.name={template}", *overrides])).clips]

    return names


@pytest.mark.parametrize(
    ("template", "second", "fourth"),
    [
        ("{index:03d}-{slug}-{seed}", "001-a-red-circle-on-white-it-s-50-x-8", "003-hero-8"),
        ("{prompt}-{take}", "A red_ circle. On white, it's 50% {x}-1", "a blue square-1"),
        ('"{job} {model} {seed}{prompt:.3}"', "night-shift shapes 8A r", "night-shift shapes 8a b"),
        (
            "{width}x{height:4d}_{num_frames}-{index} {{.",
            "64x  64_17-1 {",
            "64x  64_17-3 {",
        ),
        ("..{index}", "_.1", "_.3"),
        ("con.{index}", "con_.1", "con_.3"),
    ],
)
def test_a_template_names_the_files(names_of, template, second, fourth):
    assert names_of(template)[1::2] == [second, fourth]


def test_ids_and_the_clips_of_a_pick_do_not_depend_on_the_names(write, names_of):
    plain = request(load(["job=a.yaml"])).clips
    assert names_of("{id}") == [clip.id for clip in plain]
    assert all(clip.name is None and clip.stem == clip.id for clip in plain)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{seed.real}", ['"seed.real" is no field; fields are index, take, seed', "did you mean {seed}?"]),
        ("{seed[0]}", ['"seed[0]" is no field']),
        ("{prompt!r}", ['"{prompt!r}" has a format that is not allowed', "{prompt:.40}"]),
        ("{width:{seed}}", ["has a format that is not allowed"]),
        ("{seed:>9}", ["has a format that is not allowed"]),
        ("${oc.env:HOME}-{id}", ['"oc.env" is no field']),
        ("../{id}", ['"/" cannot be part of a file name']),
        ("{id", ["has a brace without its other half"]),
        ("{prompt}", ["a-red-circle-", ' would both be named "A red_ circle. On white, it\'s 50% {x}"', "add {seed}"]),
        ("x" * 249 + "{index:02d}", ["has 251 bytes; at most 250 are allowed, and 3 more are too long"]),
    ],
)
def test_a_name_that_cannot_be_is_refused_before_anything_starts(names_of, template, words):
    with pytest.raises(JobError) as caught:
        names_of(template)
    for word in words:
        assert word in str(caught.value)


def test_a_second_file_of_a_clip_cannot_be_that_of_another(write):
    write("prompts: [a, a.av1]")
    with pytest.raises(JobError, match=r'would both be named "a\.av1"'):
        request(load(["job=a.yaml", "run.name={prompt}"]))


def test_takes_count_on_where_a_prompt_is_written_again_or_in_another_job(write, names_of):
    write("prompts: [{prompt: a blue square, seed: 1}]", "b.yaml")
    assert names_of("{job}-{prompt}-{take}", "[a.yaml,b.yaml]")[-1] == "b-a blue square-2"
