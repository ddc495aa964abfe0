"""Who may read: names in the address, other sites, the token."""

from __future__ import annotations

import pytest

from vgpipe.serve.access import Access

TOKEN = "a long enough token"


@pytest.fixture(autouse=True)
def named(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "Box.lan")


@pytest.mark.parametrize(
    "header",
    [
        "localhost",
        "localhost:8765",
        "127.0.0.1:1",
        "192.168.1.5:8765",
        "[::1]:8765",
        "box.lan",
        "BOX.local",
        "Nas:8765",
    ],
)
def test_names_of_this_machine_and_addresses_are_known(header):
    assert Access("nas", 8765, None).knows_host(header)


@pytest.mark.parametrize(
    "header",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:8765",
        "user@localhost",
        "localhost/x",
        "",
        "[",
        "::1",
    ],
)
def test_other_names_are_not(header):
    assert not Access("127.0.0.1", 8765, None).knows_host(header)


def test_a_page_of_another_site_may_link_here_and_no_more():
    access = Access("127.0.0.1", 1, None)
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert not access.is_from_elsewhere(linked)
    assert access.is_from_elsewhere({**linked, "Sec-Fetch-Dest": "iframe"})
    assert access.is_from_elsewhere({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"})  # another port
    assert not access.is_from_elsewhere({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"})
    assert not access.is_from_elsewhere({})


def test_the_cookie_of_a_visitor_who_knew_the_token():
    access = Access("0.0.0.0", 8765, TOKEN)
    assert access.is_token(TOKEN) and not access.is_token(TOKEN + "x") and not access.is_token("")
    cookie, *flags = access.cookie().split("; ")
    assert TOKEN not in cookie and {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(flags)
    assert access.admits(cookie) and access.admits(f"other=1; {cookie}; {cookie.partition('=')[0]}=wrong")
    for wrong in (None, "", cookie[:-1], cookie.replace("8765", "8766"), f"vgpipe-8765={TOKEN}", "vgpipe-8765=\udcff"):
        assert not access.admits(wrong)


def test_without_a_token_everybody_is_admitted_and_none_is_right():
    access = Access("127.0.0.1", 1, None)
    assert access.admits(None) and not access.is_token("")
