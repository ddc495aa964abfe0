"""Requests over a real connection: ranges, what is refused, escape attempts, the token, slow and endless clients."""

from __future__ import annotations

import http.client
import os
import socket
import time

import pytest

from tests.serve.conftest import VIDEO, served
from vgpipe.errors import UsageError
from vgpipe.serve import server as server_module
from vgpipe.serve import slow_clients
from vgpipe.serve.server import endpoint_of

RUN = "/runs/job/2026-01-31_23-05-00"
MP4 = f"{RUN}/videos/a.mp4"
TOKEN = "a token of many characters"


def test_a_video_comes_whole_and_in_parts(visitor):
    whole = visitor.get(MP4)
    assert (whole.status, whole.body) == (200, VIDEO)
    assert whole.headers["Content-Type"] == "video/mp4" and whole.headers["Accept-Ranges"] == "bytes"
    first = visitor.get(MP4, Range="bytes=0-1")  # what iOS asks first
    assert (first.status, first.body) == (206, VIDEO[:2])
    assert first.headers["Content-Range"] == f"bytes 0-1/{len(VIDEO)}" and first.headers["Content-Length"] == "2"
    assert visitor.get(MP4, Range="bytes=-5").body == VIDEO[-5:]
    behind = visitor.get(MP4, Range=f"bytes={len(VIDEO)}-")
    assert behind.status == 416 and behind.headers["Content-Range"] == f"bytes */{len(VIDEO)}"


def test_head_has_the_headers_alone(visitor):
    for path in ("/", "/runs.json", MP4, f"{RUN}/report.html", "/nothing"):
        got, head = visitor.get(path), visitor.get(path, "HEAD")
        assert head.body == b"" and head.status == got.status
        assert head.headers["Content-Length"] == got.headers["Content-Length"]


def test_nothing_is_sent_twice(visitor):
    tag, date = (visitor.get(MP4).headers[name] for name in ("ETag", "Last-Modified"))
    again = visitor.get(MP4, If_None_Match=f'"other", W/{tag}')
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    assert visitor.get(MP4, If_Modified_Since=date).status == 304
    assert visitor.get(MP4, If_None_Match='"other"', If_Modified_Since=date).status == 200
    assert visitor.get(MP4, If_Modified_Since="nonsense").status == 200
    page = visitor.get("/")
    assert visitor.get("/", If_None_Match=page.headers["ETag"]).status == 304


def test_a_part_of_another_version_is_not_sent(visitor):
    tag, date = (visitor.get(MP4).headers[name] for name in ("ETag", "Last-Modified"))
    for same in (tag, date):
        assert visitor.get(MP4, Range="bytes=1-2", If_Range=same).status == 206
    for other in ('"other"', "Thu, 01 Jan 1970 00:00:00 GMT", "nonsense"):
        assert visitor.get(MP4, Range="bytes=1-2", If_Range=other).body == VIDEO


def test_one_connection_serves_many_requests(visitor):
    connection = http.client.HTTPConnection("127.0.0.1", visitor.server.server_port, timeout=10)
    for path in (MP4, "/nothing", MP4):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert len(answer.read()) == int(answer.headers["Content-Length"]) and not answer.will_close
    connection.close()


def test_all_kinds_of_media_are_served_with_their_type(visitor):
    for path, kind in {
        "contact-sheet.png": "image/png",
        "frames/a/000000.png": "image/png",
        "rejected/frames/b/000000.png": "image/png",
        "sheets/a.poster.jpg": "image/jpeg",
    }.items():
        got = visitor.get(f"{RUN}/{path}")
        assert got.status == 200 and got.headers["Content-Type"] == kind
        assert got.headers["X-Content-Type-Options"] == "nosniff"


def test_pages_are_this_versions_own_and_not_those_of_the_folder(visitor):
    page, data = visitor.get(f"{RUN}/report.html"), visitor.get(f"{RUN}/report-data.js?1")
    assert b"secret" not in page.body + data.body
    assert b'<a id="home" href="../../../">' in page.body and b'"url":"./videos/a.mp4"' in data.body
    assert page.headers["X-Frame-Options"] == "DENY" and data.headers["Cross-Origin-Resource-Policy"] == "same-origin"


ESCAPES = [
    "/runs/../secret.mp4", "/runs/%2e%2e/secret.mp4", f"{RUN}/videos/../../../../secret.mp4", "/../secret.mp4",
    f"{RUN}/videos/..%2f..%2f..%2f..%2fsecret.mp4", f"{RUN}/videos/%2e%2e/%2e%2e/config.yaml", "/etc/passwd",
    "/runs//etc/passwd", f"{RUN}//videos/a.mp4", f"{RUN}/videos//a.mp4", f"{RUN}/videos/./a.mp4",
    "/runs/.store/secret.mp4",
    f"{RUN}/config.yaml", f"{RUN}/run.log", f"{RUN}/clips.jsonl", f"{RUN}/events.jsonl", f"{RUN}/.lock",
    f"{RUN}/videos/page.html", f"{RUN}/videos/.hidden.mp4", f"{RUN}/videos", f"{RUN}/videos/", f"{RUN}", f"{RUN}/",
    f"{RUN}/videos/out.mp4", f"{RUN}/videos/store.mp4", f"{RUN}/videos/config.mp4", f"{RUN}/videos/pipe.mp4",
    f"{RUN}/videos/loop.mp4", f"{RUN}/out/secret.mp4", "/runs/link/videos/a.mp4", "/runs/hidden/videos/a.mp4",
    f"{RUN}/videos\\a.mp4", f"{RUN}/videos%5ca.mp4", f"{RUN}/videos/a.mp4%00.png", f"{RUN}/videos/{'a' * 5000}.mp4",
    f"{RUN}/videos/%ff.mp4", "/runs", "/runs/", "/runs/job", "/runs.json/", "/.store/secret.mp4", "/%2e%2e/secret.mp4",
    "/runs/clips/videos/a.mp4",
]  # fmt: skip


@pytest.mark.parametrize("path", ESCAPES, ids=lambda path: path[-40:])
def test_nothing_else_is_served(visitor, outputs, tmp_path, path):
    run, other = outputs / RUN[6:], tmp_path / "elsewhere"
    (other / "videos").mkdir(parents=True)
    for name in ("clips.jsonl", "videos/a.mp4"):
        (other / name).write_text("{}")
    (outputs / "clips" / "videos").mkdir(parents=True)
    (outputs / "clips" / "videos" / "a.mp4").write_text("a run by a link to records alone")
    links = {
        run / "videos" / "out.mp4": tmp_path / "secret.mp4",
        run / "videos" / "store.mp4": outputs / ".store" / "secret.mp4",
        run / "videos" / "config.mp4": run / "config.yaml",
        run / "videos" / "loop.mp4": run / "videos" / "loop.mp4",
        run / "out": tmp_path,
        outputs / "link": other,
        outputs / "hidden": outputs / ".store",
        outputs / "clips" / "clips.jsonl": other / "clips.jsonl",
    }
    for link, target in links.items():
        os.symlink(target, link)
    os.mkfifo(run / "videos" / "pipe.mp4")
    got = visitor.get(path)
    assert got.status == 404 and b"secret" not in got.body


def test_a_link_inside_the_folder_is_followed(visitor, outputs):
    os.symlink("a.mp4", outputs / RUN[6:] / "videos" / "same.mp4")
    assert visitor.get(f"{RUN}/videos/same.mp4").body == VIDEO


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_only_reading_methods(visitor, method):
    got = visitor.get(MP4, method)
    assert got.status == 405 and got.headers["Allow"] == "GET, HEAD"


BROKEN = {
    "no host": (b"GET / HTTP/1.1\r\n\r\n", b"421"),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", b"421"),
    "rebinding": (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"421"),
    "a proxy's": (b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
    "a body": (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\nGET /runs.json", b"413"),
    "a body after none": (
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n",
        b"413",
    ),
    "a body in parts": (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"413"),
    "many fields": (b"GET /?" + b"a=1&" * 50 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
    "a long path": (b"GET /" + b"a" * 60_000, b"431"),
    "endless headers": (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000, b"431"),
    "no request": (b"\x16\x03\x01\x02\x00 \x01\n\r\n", b"400"),
    "another site": (b"GET / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n", b"403"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_and_foreign_requests(visitor, name):
    request, status = BROKEN[name]
    head, _, rest = request.partition(b"\r\n")
    closing = head + b"\r\nConnection: close\r\n" + rest if b"\r\n\r\n" in request else request
    try:
        received = visitor.send(closing)
    except ConnectionResetError:  # it was not read to its end
        received = status
    assert status in received[:20] or (name == "no request" and b"Bad" in received)
    assert b"evil" not in received and received.count(b"HTTP/1.1") <= 1
    assert visitor.get(MP4).status == 200


def test_the_token_is_given_once_then_the_cookie(outputs):
    with served(outputs, TOKEN) as visitor:
        for path in ("/", "/runs.json", MP4, f"{RUN}/report-data.js", "/nothing"):
            asked = visitor.get(path)
            assert asked.status == 403 and b'<input name="token"' in asked.body and b"job" not in asked.body
        wrong = visitor.get("/?token=wrong")
        assert wrong.status == 403 and b"not the token" in wrong.body and "Set-Cookie" not in wrong.headers
        given = visitor.get(f"{RUN}/report.html?token={TOKEN.replace(' ', '+')}")
        assert given.status == 303 and given.headers["Location"] == "./report.html"
        cookie = given.headers["Set-Cookie"].partition(";")[0]
        assert visitor.get(MP4, Cookie=cookie).body == VIDEO
        assert visitor.get("/", Cookie=f"{cookie}x").status == 403
    with served(outputs, TOKEN + "2") as other:
        moved = cookie.replace(str(visitor.server.server_port), str(other.server.server_port))
        assert other.get("/", Cookie=moved).status == 403


def test_the_token_is_in_no_log(outputs, caplog, capfd):
    with caplog.at_level("DEBUG"), served(outputs, TOKEN) as visitor:
        visitor.get(f"/?token={TOKEN.replace(' ', '+')}")
        visitor.send(f"GET /?token={TOKEN}".encode() + b"\r\n\r\n")
    out = capfd.readouterr()
    assert "token" not in caplog.text + out.out + out.err


def test_a_silent_and_a_slow_client_are_left(visitor, monkeypatch):
    monkeypatch.setattr(slow_clients, "IDLE_S", 0.1)
    monkeypatch.setattr(slow_clients, "REQUEST_S", 0.3)
    begun = time.monotonic()
    assert visitor.send(b"") == b""
    with socket.create_connection(("127.0.0.1", visitor.server.server_port)) as slow, pytest.raises(OSError):
        for byte in b"GET / HTTP/1.1\r\n" * 100:
            slow.sendall(bytes([byte]))
            time.sleep(0.02)
    assert time.monotonic() - begun < 5


def test_a_client_that_does_not_read_is_left(visitor, outputs, monkeypatch):
    monkeypatch.setattr("vgpipe.serve.handler.PIECE_S", 0.1)
    with (outputs / RUN[6:] / "videos" / "a.mp4").open("wb") as file:
        file.truncate(64 << 20)
    with socket.create_connection(("127.0.0.1", visitor.server.server_port)) as idle:
        idle.sendall(f"GET {MP4} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        for is_answered in (True, False):
            end = time.monotonic() + 5
            while (visitor.server.connections > 0) is not is_answered:
                assert time.monotonic() < end
                time.sleep(0.01)


@pytest.mark.parametrize("limit", ["MAX_THREADS", "MAX_PER_CLIENT"])
def test_too_many_connections_are_turned_away(outputs, monkeypatch, limit):
    monkeypatch.setattr(server_module, limit, 2)
    with served(outputs) as visitor:
        held = [socket.create_connection(("127.0.0.1", visitor.server.server_port)) for _ in range(2)]
        assert visitor.send(b"").startswith(b"HTTP/1.1 503")
        for one in held:
            one.close()
        end = time.monotonic() + 5
        while visitor.get("/").status != 200:
            assert time.monotonic() < end


def test_only_this_machine_is_loopback():
    assert endpoint_of("localhost", 0).is_loopback and endpoint_of("127.9.9.9", 0).is_loopback
    assert not endpoint_of("0.0.0.0", 0).is_loopback and not endpoint_of("192.0.2.1", 0).is_loopback
    with pytest.raises(UsageError, match="no address"):
        endpoint_of("no such name.invalid", 0)
