"""Each kind of service is the real plugin of apprise against a stand-in on the loopback."""

from __future__ import annotations

import base64
import io
import json
import logging
from dataclasses import asdict

import pytest
from PIL import Image

from tests.notify.stand_ins import mail_service
from vgpipe.notify.child import answered
from vgpipe.notify.message import Message, Mood

SECRET = "s3cret"


def sent(urls, *pictures, limit_s=10.0):
    message = Message(title="night: 7 of 8 <b>", body="failed: a\nreport: x", mood=Mood.WARNING, pictures=pictures)
    return {one.number: one for one in answered(asdict(message), urls, limit_s)}


def size_of(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.format, max(image.size)


def test_ntfy_gets_the_words_and_the_picture(service, sheet):
    assert not sent([f"ntfy://{service.place}/{SECRET}"], str(sheet))[1].reason
    (got,) = service.got
    assert got.path.startswith(f"/{SECRET}?") and got.query["title"] == "night: 7 of 8 <b>"
    assert got.query["message"] == "failed: a\nreport: x" and size_of(got.body) == ("JPEG", 1280)


def test_a_server_of_ntfy_that_takes_no_files_gets_the_words(service, sheet):
    service.refuses_files = True
    assert not sent([f"ntfy://{service.place}/{SECRET}"], str(sheet))[1].reason
    assert service.got[-1].json()["message"] == "failed: a\nreport: x"


def test_a_program_gets_json_with_the_kind_of_news_and_the_picture(service, sheet):
    assert not sent([f"json://{service.place}/{SECRET}"], str(sheet))[1].reason
    (got,) = service.got
    told = got.json()
    assert (told["title"], told["type"]) == ("night: 7 of 8 <b>", "warning")
    assert size_of(base64.b64decode(told["attachments"][0]["base64"]))[0] == "JPEG"


def test_discord_gets_the_words_and_the_picture(service, sheet, monkeypatch):
    from apprise.plugins.discord import NotifyDiscord

    monkeypatch.setattr(NotifyDiscord, "notify_url", f"http://{service.place}/api/webhooks")
    assert not sent([f"discord://12345/{SECRET}"], str(sheet))[1].reason
    words, picture = service.got
    assert words.path == f"/api/webhooks/12345/{SECRET}" and "night: 7 of 8" in json.dumps(words.json())
    assert b"image/jpeg" in picture.body or b"contact-sheet.jpg" in picture.body


def test_slack_gets_the_words(service, sheet, monkeypatch):
    from apprise.plugins.slack import NotifySlack

    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://{service.place}/slack")
    assert not sent(["slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"], str(sheet))[1].reason
    assert "night: 7 of 8" in json.dumps(service.got[0].json())


def test_mail_gets_the_words_as_they_are_and_the_picture(sheet):
    with mail_service() as (port, mails):
        url = f"mailto://127.0.0.1:{port}?from=night@example.org&to=me@example.org&mode=insecure"
        assert not sent([url], str(sheet))[1].reason
    (mail,) = mails
    assert mail["Subject"] == "night: 7 of 8 <b>" and mail["To"].addresses[0].addr_spec == "me@example.org"
    parts = {part.get_content_type(): part for part in mail.walk() if not part.is_multipart()}
    assert "failed: a" in parts["text/plain"].get_content() if "text/plain" in parts else True
    assert size_of(parts["image/jpeg"].get_content())[0] == "JPEG"


def test_one_service_that_hangs_or_refuses_holds_up_no_other_and_no_answer_names_a_url(service, caplog, capfd):
    urls = [f"json://{service.place}/{SECRET}/{end}" for end in ("hangs", "refuses", "fine")]
    with caplog.at_level(logging.WARNING):
        found = sent([*urls, f"ntfy://127.0.0.1:1/{SECRET}", f"{SECRET}-is-no-url"], limit_s=0.5)
    reasons = [found[number].reason for number in range(1, 6)]
    assert reasons[0].startswith("no answer") and reasons[1].endswith("error 401") and reasons[2] == ""
    assert reasons[3].startswith("no connection") and reasons[4].startswith("not the URL of a service")
    said = f"{found}{caplog.text}{capfd.readouterr()}"
    assert SECRET not in said


def test_a_look_at_urls_sends_nothing(service):
    found = list(answered(None, [f"ntfy://{service.place}/{SECRET}", "nothing"], 1.0))
    assert [bool(one.reason) for one in sorted(found, key=lambda one: one.number)] == [False, True]
    assert service.got == []


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
