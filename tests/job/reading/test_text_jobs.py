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
