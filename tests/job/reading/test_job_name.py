from __future__ import annotations

import pytest

from vgpipe.job.reading.job_name import folder_of_job, title_of
from vgpipe.job.reading.parse import read_job

PROMPTS = "\n  - a red circle"


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (f"name: Night shift # two\nprompts:{PROMPTS}", "Night shift"),
        (f"\"name\": 'Тени: ночь'\nprompts:{PROMPTS}", "Тени: ночь"),
        (f"defaults: {{seed: 1}}\nprompts:{PROMPTS}\nname: last", "last"),
        ("{prompts: [a], name: flow}", "flow"),
        (f"defaults: &d\n  seed: 1\nname: >\n  two\n  lines\nprompts:{PROMPTS}", "two lines"),
        (f"prompts:{PROMPTS}", ""),
        ("prompts:\n  - prompt: |\n      a\nname:\n", ""),
        ("prompts:\n- prompt: a\n  name: not the job's", ""),
        (f"name: [1]\nprompts:{PROMPTS}", ""),
        ("- name: a list", ""),
        ("[name, a list]\n# {", ""),
        ("name: 'never closed", ""),
        ("name", ""),
    ],
)
def test_the_title_of_a_job(text, title):
    assert title_of(text) == title


def test_the_folder_is_named_as_the_reader_names_the_job(tmp_path):
    (tmp_path / "a.yaml").write_text("name: Night Shift, 2nd\nprompts: [a red circle]\n")
    assert folder_of_job("a.yaml", tmp_path, 60) == read_job(tmp_path / "a.yaml").name == "night-shift-2nd"


@pytest.mark.parametrize("given", ["missing.yaml", "jobs", "broken.yaml", "a.txt", "b.csv", "\0.yaml"])
def test_what_cannot_be_read_has_the_name_of_its_file(tmp_path, given):
    (tmp_path / "broken.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "a.txt").write_text("name: a prompt\n")
    assert folder_of_job(given, tmp_path, 60) == {"jobs": "jobs", "\0.yaml": "clip"}.get(given, given.partition(".")[0])


def test_of_a_long_job_only_the_name_is_parsed(tmp_path, monkeypatch):
    import yaml

    events = []
    parse = yaml.parse
    monkeypatch.setattr(yaml, "parse", lambda *args, **kwargs: (events.append(e) or e for e in parse(*args, **kwargs)))
    (tmp_path / "a.yaml").write_text("name: long\nprompts:" + PROMPTS * 5_000)
    (tmp_path / "b.yaml").write_text("prompts:" + PROMPTS * 5_000)
    assert (folder_of_job("a.yaml", tmp_path, 60), folder_of_job("b.yaml", tmp_path, 60)) == ("long", "b")
    assert len(events) < 10
