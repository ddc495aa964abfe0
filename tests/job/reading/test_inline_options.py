"""Options inside the lines of a text job."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vgpipe.job.faults import Faults
from vgpipe.job.reading.inline_options import read_line
from vgpipe.job.reading.nodes import plain
from vgpipe.job.reading.parse import read_job

MUSUBI = """# night prompts
a small red circle moving left --w 64 --h 64 --f 9 --d 42 --s 4
a small blue square moving up --n blurry, low quality --fs 3 --l 4
"""
A1111 = """--prompt "a small --red circle" --negative_prompt "blurry, it's bad" --width 64 --steps 4 --seed 5
--prompt "a blue square" --batch_size 2
"""


def test_options_of_kohya_and_musubi_are_read(write) -> None:
    job = read_job(write(MUSUBI, "a.txt"))
    first, second = job.entries
    assert (first.prompt, second.prompt) == ("a small red circle moving left", "a small blue square moving up")
    sizes = {"width": 64, "height": 64, "num_frames": 9}
    assert first.settings.values == {**sizes, "seed": 42, "num_inference_steps": 4}
    assert second.settings.values == {"negative_prompt": "blurry, low quality", "guidance_scale": 4.0}
    assert "--w as width, --h as height, --f as num_frames, --d as seed, --s as num_inference_steps" in job.notes[0]
    assert (
        "a.txt:3: --fs 3 is not read: set it for the whole run: model.scheduler.config.flow_shift, or shift"
        in job.notes
    )


def test_lines_of_options_alone_are_read_as_a_shell_would(write) -> None:
    job = read_job(write(A1111, "a.txt"))
    first, second = job.entries
    assert (first.prompt, second.prompt) == ("a small --red circle", "a blue square")
    values = {"negative_prompt": "blurry, it's bad", "width": 64, "num_inference_steps": 4, "seed": 5}
    assert first.settings.values == values
    assert "a.txt:2: --batch_size 2 is not read: for several clips of one prompt use `takes`, or `seeds`" in job.notes


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a cat --w wide", ['a.txt:1: width is the text "wide"']),
        ("a cat --d 1.2E+14", ["a spreadsheet has rounded it"]),
        ("a cat --w", ["width is empty"]),
        ("a cat --foo 3 --w 64", ['unknown option "--foo"', "make it a .yaml job"]),
        ("a cat --l 3 --g 4", ["both --l and --g set guidance_scale"]),
        ("--w 64 --h 64", ["`prompt` is missing"]),
        ("a dog --prompt a cat", ["--prompt follows another prompt"]),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(faults_of, line: str, words: list[str]) -> None:
    found = "\n".join(faults_of(f"{line}\n", "a.txt"))
    for word in words:
        assert word in found


@pytest.mark.parametrize("line", ["a cat -- asleep", "a cat --asleep on a mat", "a well--known cat", "--- a cat"])
def test_dashes_of_a_text_stay_part_of_it(clips_of, line: str) -> None:
    made = clips_of(f"{line}\n", "a.txt")
    assert made.clips[0].prompt == line
    assert all("read as part of the prompt" in note for note in made.notes)


@settings(max_examples=100)
@given(
    st.text(st.characters(blacklist_characters="-\n\r", blacklist_categories=("Cs",)), min_size=1), st.integers(0, 99)
)
def test_any_text_before_the_options_is_the_prompt(text: str, seed: int) -> None:
    line = f"{text.strip()} --d {seed}"
    if text.strip():
        assert plain(read_line(1, line, Faults("a.txt"))) == {"prompt": text.strip(), "seed": seed}


@settings(max_examples=100)
@given(st.text(st.sampled_from("-wd \"'=ax3"), max_size=30))
def test_no_line_ends_in_an_error(line: str) -> None:
    assert read_line(1, line.strip(), Faults("a.txt")) is not None
