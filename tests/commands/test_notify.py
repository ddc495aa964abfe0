from __future__ import annotations

import pytest

from vgpipe.notify import delivery
from vgpipe.notify.delivery import Outcome


@pytest.fixture(autouse=True)
def answers(monkeypatch):
    monkeypatch.delenv("VGPIPE_NOTIFY_URLS", raising=False)
    monkeypatch.setattr(delivery, "check", lambda urls: [Outcome(1, "ntfy"), Outcome(2, "", "no URL")][: len(urls)])
    monkeypatch.setattr(
        delivery, "deliver", lambda _, urls: [Outcome(number, "ntfy") for number, _ in enumerate(urls, 1)]
    )


def test_it_lists_the_services_and_shows_no_url(vgpipe):
    ran = vgpipe("notify", "notify.urls=ntfy://s3cret s3cret://b")
    assert ran.code == 1 and "URL 1: ntfy\nURL 2: no URL\n" in ran.out and "s3cret" not in ran.out + ran.err


def test_a_trial_message_goes_to_each(vgpipe):
    ran = vgpipe("notify", "--test", "notify.urls=ntfy://s3cret")
    assert ran.code == 0 and ran.out.startswith("URL 1 (ntfy): sent\n")


def test_without_a_url_it_says_where_they_belong(vgpipe):
    ran = vgpipe("notify")
    assert ran.code == 2 and "VGPIPE_NOTIFY_URLS=ntfy://TOPIC" in ran.err


def test_without_the_extra_it_says_what_to_install(vgpipe, monkeypatch):
    monkeypatch.setattr(delivery, "is_installed", lambda: False)
    ran = vgpipe("notify", "notify.urls=ntfy://s3cret")
    assert ran.code == 2 and 'pip install "vgpipe[apprise]"' in ran.err


def test_another_word_is_refused(vgpipe):
    assert "takes --test alone" in vgpipe("notify", "--tset").err
