"""Job files that change while their clips are rendered."""

from __future__ import annotations

import pytest

from vgpipe.clips.requested import request
from vgpipe.config.load import load
from vgpipe.errors import ConfigError
from vgpipe.runs.job_follower import JobFollower, followed_config, looking


@pytest.fixture
def followed(workdir, monkeypatch):
    monkeypatch.setattr("vgpipe.runs.job_follower.EVERY_S", 0.0)

    def follow(text="prompts: [a red circle]\n", *typed):
        write(text)
        config = load(["job=job.yaml", "run.follow=true", *typed])
        wanted = request(config)
        return JobFollower(followed_config(config, wanted), wanted.clips)

    def write(text):
        (workdir / "job.yaml").write_text(text)

    return follow, write


def test_what_is_appended_is_taken_once(followed, caplog):
    follow, write = followed
    follower = follow()
    assert follower.take() == ()
    write("prompts: [a red circle, a blue square]\n")
    assert [clip.prompt for clip in follower.take()] == ["a blue square"]
    assert follower.take() == ()
    caplog.set_level("INFO")
    write("prompts: [a red circle, a blue square, {prompt: a fox, seeds: [1, 2]}]\n")
    follower.look()
    follower.look()
    assert caplog.text.count("2 clips added to the job") == 1
    assert [clip.seed for clip in follower.take()] == [1, 2]


def test_a_half_saved_file_is_one_warning_and_is_read_again(followed, caplog):
    follow, write = followed
    follower = follow()
    write("prompts:\n  - {prompt: a bl")
    for _ in range(3):
        follower.look()
    assert follower.take() == ()
    assert caplog.text.count("is ignored until it changes again") == 1 and "job.yaml:2: " in caplog.text
    assert "nothing was started" not in caplog.text
    write("prompts:\n  - a red circle\n  - a blue square\n")
    assert len(follower.take()) == 1


def test_a_file_that_is_gone_for_a_moment_is_read_again(followed, workdir):
    follow, write = followed
    follower = follow()
    (workdir / "job.yaml").unlink()
    assert follower.take() == ()
    write("prompts: [a blue square]\n")
    assert len(follower.take()) == 1


def test_clips_that_vanish_are_rendered_all_the_same_and_that_is_said_once(followed, caplog):
    follow, write = followed
    follower = follow("prompts: [a red circle, a fox]\n")
    write("prompts: [a fox]\n")
    follower.look()
    write("prompts: [a fox ]\n")
    follower.look()
    assert caplog.text.count("1 clip no longer in the job: rendered all the same") == 1


def test_random_seeds_stay_when_the_file_is_read_again_from_elsewhere(followed, tmp_path_factory, monkeypatch):
    follow, write = followed
    follower = follow("prompts: [{prompt: a red circle, seed: random}]\n")
    write("prompts: [{prompt: a red circle, seed: random}, {prompt: a fox, seed: random}]\n")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert [clip.prompt for clip in follower.take()] == ["a fox"]


def test_clips_that_cannot_be_made_wait_for_the_next_change(followed, caplog):
    follow, write = followed
    follower = follow()
    write("prompts: [a red circle, a fox]\n")
    follower.refuse(follower.take(), ConfigError("a fox does not fit"))
    assert follower.take() == () and "a fox does not fit" in caplog.text
    write("prompts: [a red circle, a fox, a blue square]\n")
    assert [clip.prompt for clip in follower.take()] == ["a fox", "a blue square"]


def test_without_a_file_there_is_nothing_to_follow(workdir):
    config = load(["clip.prompt=x", "run.follow=true"])
    with pytest.raises(ConfigError, match=r"run\.follow: there is no job file to follow"):
        followed_config(config, request(config))


def test_who_asks_for_a_pause_also_looks_at_the_files(followed):
    follow, write = followed
    follower = follow()
    write("prompts: [a red circle, a fox]\n")
    assert not looking(lambda: False, follower)()
    assert len(follower.take()) == 1
    assert looking(lambda: True, None)()
