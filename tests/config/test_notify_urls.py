from __future__ import annotations

import pickle

import pytest

from vgpipe.config.composer import composer
from vgpipe.config.load import load
from vgpipe.config.notify_urls import notify_urls
from vgpipe.config.secret_urls import VARIABLE, split_urls, urls_kept_out
from vgpipe.config.sources import BUILTIN
from vgpipe.errors import ConfigError

URLS = ("ntfy://s3cret", "mailto://me:s3cret@gmail.com?to=a@b.org,c@d.org&name=x")


@pytest.fixture
def own_file(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    path = tmp_path / "config.yaml"
    monkeypatch.setenv("VGPIPE_CONFIG", str(path))
    return path


@pytest.mark.parametrize(
    "text", [" ".join(URLS), ",".join(URLS), "\n".join(URLS), f"[{URLS[0]},'{URLS[1]}']", f'["{URLS[0]}", "{URLS[1]}"]']
)
def test_urls_are_separated_by_spaces_commas_or_lines_and_keep_their_own_commas(text):
    assert split_urls(text) == URLS


@pytest.mark.parametrize("text", ["", " ", "[]", ","])
def test_no_url_is_none(text):
    assert split_urls(text) == ()


def test_the_environment_is_stronger_than_the_users_file(own_file, monkeypatch):
    own_file.write_text(f"notify:\n  urls: [{URLS[0]}]\n")
    assert notify_urls() == URLS[:1]
    monkeypatch.setenv(VARIABLE, URLS[1])
    assert notify_urls() == URLS[1:]
    monkeypatch.setenv(VARIABLE, "")
    assert notify_urls() == ()


def test_urls_of_the_users_file_are_in_no_config_and_in_no_composer_that_a_launcher_pickles(own_file):
    own_file.write_text(f"quality: quick\nnotify:\n  urls:\n    - {URLS[0]}\n  on: [end]\n")
    config = load([])
    assert config.notify.on == ("end",) and config.quality.steps_scale < 1
    assert "s3cret" not in repr(config)
    assert b"s3cret" not in pickle.dumps(composer(BUILTIN).defaults)


@pytest.mark.parametrize("text", ["notify: {urls: {a: s3cret}}", f"notify:\n  urls: [{URLS[0]}\n"])
def test_a_file_that_cannot_be_read_is_told_without_the_url(own_file, text):
    own_file.write_text(text)
    with pytest.raises(ConfigError) as raised:
        notify_urls()
    assert "s3cret" not in str(raised.value) and str(own_file) in str(raised.value)


@pytest.mark.parametrize("prefix", ["", "+", "++"])
def test_a_typed_url_is_in_the_environment_while_the_command_runs_and_nowhere_else(own_file, monkeypatch, prefix):
    monkeypatch.setenv(VARIABLE, URLS[1])
    with urls_kept_out(["job=a", f"{prefix}notify.urls=[{URLS[0]}]", "notify.on=[end]"]) as arguments:
        assert arguments == ["job=a", "notify.on=[end]"] and notify_urls() == URLS[:1]
    assert notify_urls() == URLS[1:]


def test_a_config_that_holds_urls_is_refused_with_where_they_belong():
    with pytest.raises(ConfigError, match="VGPIPE_NOTIFY_URLS") as raised:
        load([f"notify.urls=[{URLS[0]}]"])
    assert "s3cret" not in str(raised.value)
