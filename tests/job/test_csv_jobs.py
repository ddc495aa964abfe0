"""Jobs as a table."""

import pytest

from vgpipe.job.parse import read_job

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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("promt,seed\nx,1\n", ["did you mean `prompt`", "names no column `prompt`"]),
        ("prompt,sed\nx,1\n", ["a.csv:1: unknown column", "did you mean `seed`"]),
        ("prompt,matrix\nx,1\n", ["needs a .yaml job"]),
        ("prompt,seed,seed\nx,1,2\n", ["is there twice"]),
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
