"""Prompts with choices: what becomes of them, and what is refused."""

from __future__ import annotations

import pytest

from vgpipe.job.rules import ShapeRules


@pytest.fixture
def lists(tmp_path):
    """Writes lists beside the job; a name with a slash is in a folder."""

    def write(**texts: str | bytes) -> None:
        for name, text in texts.items():
            path = tmp_path / "wildcards" / f"{name.replace('__', '/')}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


def test_each_take_chooses_by_its_seed_and_records_what_was_written(clips_of, lists):
    lists(colour="# of circles\nred\n\nblue {a|a}\n", size="small\nlarge", sub__x="__colour__")
    job = "prompts: [{prompt: 'a __size__ __sub/x__ {c} {{left|right}}', takes: 40, matrix: {c: ['{x|y}', z]}}]"
    clips = clips_of(job).clips
    expected = {f"a {size} {colour} " for size in ("small", "large") for colour in ("red", "blue a")}
    assert {clip.prompt.partition("{")[0].removesuffix("z ") for clip in clips} == expected
    assert clips[0].prompt.endswith("{x|y} {left|right}")  # what a matrix brings is not looked at again
    assert [one.prompt.replace("{x|y}", "z") for one in clips[:40]] == [one.prompt for one in clips[40:]]
    assert {clip.prompt_template for clip in clips} == {"a __size__ __sub/x__ {c} {{left|right}}"}
    assert clips_of(job).clips == clips


def test_a_prompt_without_choices_is_recorded_once(clips_of):
    (clip,) = clips_of("prompts: [a ____colour____ cat]").clips
    assert (clip.prompt, clip.prompt_template) == ("a __colour__ cat", None)


def test_negative_prompts_and_shots_choose_too(clips_of, lists):
    lists(colour="red")
    rules = ShapeRules(max_side=256, max_num_frames=17, continuations=("window",))
    shots = "{prompt: x, num_frames: 17}, {prompt: 'a __colour__ {cat|cat}', num_frames: 17}"
    (clip,) = clips_of(f"prompts: [{{shots: [{shots}], negative_prompt: no __colour__}}]", rules=rules).clips
    assert clip.shots[1].prompt == "a red cat" and clip.negative_prompt == "no red"


def test_the_command_line_chooses_and_a_model_does_not(clips_of, lists):
    lists(colour="red")
    (clip,) = clips_of(None, prompt="a __colour__ {x} {cat|cat}").clips
    assert clip.prompt == "a red {x} cat"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("__colur__", "a.yaml:1: __colur__ has no list; looked for wildcards/colur.txt -> did you mean __colour__?"),
        ("__/etc/passwd__", "__/etc/passwd__ is not the name of a list"),
        ("__a/../colour__", "is not the name of a list"),
        ("__empty__", "wildcards/empty.txt has no line to choose from"),
        ("__loop__", "leads back to itself: loop -> loop2 -> loop"),
        ("__binary__", "wildcards/binary.txt is not UTF-8"),
        ("__place__", "wildcards/place.txt:2 has the place {size}"),
        ("__control__", "wildcards/control.txt:1 holds the character U+0007"),
        ("__long__ __long__", "up to 30,"),
        ("{2$$a|b}", "exactly one is taken"),
        ("{0.3::a|b}", "weights are not read"),
        ("{a|{b|c}}", "alternatives hold braces of their own"),
        ("{{a|b} dog|c}", "alternatives hold braces of their own"),
        ("{|}", "choices make an empty prompt"),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(faults_of, lists, prompt, words):
    lists(colour="red", empty="# x\n", loop="__loop2__", loop2="__loop__", binary=b"\xff", place="x\n{size}\n")
    lists(control="\x07", long="x" * 15_000)
    assert words in "\n".join(faults_of(f"prompts: ['{prompt}']"))


def test_only_prompts_have_choices(faults_of):
    (fault,) = faults_of("prompts: [{prompt: x, id: '{a|b}'}]")
    assert "id has the alternatives {a|b}, which only prompts may have" in fault
