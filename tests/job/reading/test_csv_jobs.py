"""Jobs as a table."""

import pytest

from vgpipe.job.reading.parse import read_job

TABLE = 'prompt,seed,seeds,fps,id\n"a red, big\ncircle",3,,8.5,one\n\nno,,1 2;3,,\n'


@pytest.mark.parametrize("separator", [",", "\t"])
def test_cells_become_settings(write, separator: str) -> None:
    text = TABLE if separator == "," else TABLE.replace(",", "\t").replace("red\t", "red,")
    job = read_job(write(text, "a.csv"))
    first, second = job.entries
    assert (first.prompt, first.id, first.line) == ("a red, big\ncircle", "one", 2)
    assert first.settings.values == {"seed": 3, "fps": 8.5}
    assert (second.prompt, second.line) == ("no", 5)
    assert second.settings.values == {"seeds": [1, 2, 3]}


def test_semicolons_separate_too(write) -> None:
    assert read_job(write("Prompt; Seed\na, b;7\n", "a.csv")).entries[0].settings.values == {"seed": 7}


def test_settings_of_long_clips_have_columns(write) -> None:
    table = (
        "prompt,continuation,segment_num_frames,segment_num_inference_steps,match_color\nx,window,13,4,false\ny,,,,\n"
    )
    first, second = read_job(write(table, "a.csv")).entries
    assert first.settings.values == {
        "continuation": "window",
        "segment_num_frames": 13,
        "segment_num_inference_steps": 4,
        "match_color": False,
    }
    assert not second.settings.values


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("promt,seed\nx,1\n", ["did you mean `prompt`", 'names no column `prompt`; it holds "promt", "seed"']),
        ("prompt,sed\nx,1\n", ["a.csv:1: unknown column", "did you mean `seed`"]),
        ("prompt,matrix\nx,1\n", ["needs a .yaml job"]),
        ("prompt,shots\nx,1\n", ['a.csv:1: the column "shots" cannot be read', "shots need a .yaml job"]),
        ("prompt,continuation\nx,window\ny,on\n", ["a.csv:3: continuation is ", "auto, image, frames, window"]),
        ("prompt,segment_frames\nx,17\n", ["did you mean `segment_num_frames`"]),
        ("prompt,seed,seed\nx,1,2\n", ["appears twice"]),
        ("prompt,seed\nx,y,1\n", ["a.csv:2: 3 cells"]),
        ("prompt,seed\nx,three\n", ['a.csv:2: seed is the text "three"']),
        ("prompt,seed\n,3\n", ["a.csv:2: prompt is empty"]),
        ('prompt,seed\nx,1\n"open,2\n', ["a.csv:3: not valid CSV"]),
        ("prompt,seed\n", ["there is no prompt"]),
        ("prompt\n" + "y" * 200_000, ["a.csv:2: not valid CSV"]),
    ],
)
def test_faults(faults_of, text: str, words: list[str]) -> None:
    found = "\n".join(faults_of(text, "a.csv"))
    for word in words:
        assert word in found
