"""Jobs of one prompt a line."""

from vgpipe.job.reading.parse import read_job


def test_txt_skips_blank_lines_and_comments(write) -> None:
    job = read_job(write("# my job\n\n a red circle \n#x\nno\n42\n", "Night Run.txt"))
    assert [(entry.line, entry.prompt) for entry in job.entries] == [
        (3, "a red circle"),
        (5, "no"),
        (6, "42"),
    ]
    assert (job.name, job.title) == ("night-run", "Night Run")


def test_txt_of_comments_alone_has_no_prompt(faults_of) -> None:
    assert faults_of("# nothing\n", "a.txt") == ["a.txt:1: there is no prompt in the file -> write at least one"]


def test_jsonl_takes_texts_and_objects(write) -> None:
    text = '"a cat"\n\n{"prompt": "a dog\u2028", "seed": 8.0, "fps": null, "matrix": null}\n'
    job = read_job(write(text, "a.jsonl"))
    assert [(entry.line, entry.prompt) for entry in job.entries] == [(1, "a cat"), (3, "a dog")]
    assert job.entries[1].settings.values == {"seed": 8}


def test_jsonl_faults_name_their_lines(faults_of) -> None:
    lines = [
        "{nope}",
        '{"prompt": "x", "seed": "3"}',
        '{"prompt": "x", "prompt": "y"}',
        '"\\ud800 lone"',
        '"nul \\u0000"',
        "[" * 100_000,
        "[" * 20 + "]" * 20,
        '{"prompt": "x", "seed": ' + "9" * 5000 + "}",
        '{"prompt": "x", "fps": NaN}',
        "3",
        "null",
        '{"text": "a cat"}',
        '{"prompt": "x", "seed": ' + "9" * 100 + "}",
        '{"prompt": "x", "guidance_scale": 1e999}',
        '{"prompt": null}',
    ]
    found = faults_of("\n".join(lines), "a.jsonl")
    assert [int(fault.split(":")[1]) for fault in found] == list(range(1, len(lines) + 1))
    assert "not valid JSON at column 2" in found[0]
    assert "U+D800" in found[3] and "U+0000" in found[4]
    assert 'write prompt: "a cat"' in found[11]
