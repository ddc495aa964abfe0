"""Who may read the pages: the name in the address, other pages in the same browser, and the token."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from urllib.parse import urlsplit

from vgpipe.serve.content import Headers

COOKIE_DAYS = 30
MAX_COOKIES = 50
FROM_ELSEWHERE = frozenset({"cross-site", "same-site"})


class Access:
    """Decides who may read.

    Args:
        host: the address or name that the server was asked to listen on.
        port: which it listens on.
        token: that every visitor needs; None where only this machine reaches the server.
    """

    def __init__(self, host: str, port: int, token: str | None):
        own = socket.gethostname().lower()
        self._names = {"localhost", host.lower(), own, f"{own.partition('.')[0]}.local"}
        self._cookie_name = f"vgpipe-{port}"
        self._expected = None if token is None else _digest(token)

    def knows_host(self, header: str) -> bool:
        """Says whether a `Host` header has a name of this machine, or an address.

        The page of a stranger may give its own name this machine's address, and then read what is served under it
        (DNS rebinding). It cannot do so without a name.
        """
        try:
            parts = urlsplit(f"//{header}")
            name = (parts.hostname or "").rstrip(".")
            is_bare = parts.netloc == header and parts.username is None
        except ValueError:
            return False
        return is_bare and (name in self._names or _is_address(name))

    def is_from_elsewhere(self, headers: Headers) -> bool:
        """Says whether the page of another site asks, other than by a link that the user follows."""
        is_link = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
        return headers.get("Sec-Fetch-Site") in FROM_ELSEWHERE and not is_link

    def admits(self, cookies: str | None) -> bool:
        """Says whether a visitor with these cookies may read."""
        if self._expected is None:
            return True
        pairs = (part.strip().partition("=") for part in (cookies or "").split(";")[:MAX_COOKIES])
        given = [value for name, _, value in pairs if name == self._cookie_name]
        # All are compared, in constant time.
        return any([hmac.compare_digest(self._expected.encode(), one.encode("utf-8", "replace")) for one in given])

    def is_token(self, given: str) -> bool:
        """Says whether a visitor knows the token; always False where there is none."""
        return self._expected is not None and hmac.compare_digest(self._expected, _digest(given))

    def cookie(self) -> str:
        """Returns the value of the `Set-Cookie` header for a visitor who knows the token.

        The cookie has a digest of the token, which the browser thus never stores.
        """
        age_s = COOKIE_DAYS * 86_400
        return f"{self._cookie_name}={self._expected}; Max-Age={age_s}; Path=/; HttpOnly; SameSite=Lax"


def _digest(token: str) -> str:
    return hashlib.sha256(b"vgpipe serve\0" + token.encode("utf-8", "surrogatepass")).hexdigest()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
