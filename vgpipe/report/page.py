"""Puts a page together from its template, scripts and styles, all inside one file."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

BASE = "templates/common/base.css"
"""The styles that every page has."""
VIEWER_SCRIPTS = tuple(
    f"viewer/{name}"
    for name in (
        *("buttons", "facts", "tracks", "transport", "zoom", "gestures", "strip", "panel", "layout", "stage"),
        *("controls", "bar", "address", "keys", "actions", "viewer"),
    )
)
"""Of the viewer, which any page of clips may hold; its styles are in `templates/viewer/viewer.css`."""


def script(data: Mapping[str, Any], name: str = "vgpipeReport") -> str:
    """Returns data as a script, pure ASCII, in which no HTML parser can find the end of the script element."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return f"window.{name} = {text.replace('<', chr(92) + 'u003c')};\n"


def rendered(template: str, title: str, scripts: Sequence[str], styles: Sequence[str], **more: object) -> str:
    """Returns a page with its scripts and styles inline; its policy allows only these, by their digests.

    Args:
        template: which page.
        title: of the page; escaped.
        scripts: in order; none may contain the end of a script element.
        styles: likewise.
        more: other variables of the template; escaped.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("vgpipe.report"), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(template).render(
        title=title.encode("utf-8", "replace").decode(),
        scripts=[Markup(text) for text in scripts],
        styles=[Markup(text) for text in styles],
        script_hashes=[_digest(text) for text in scripts],
        style_hashes=[_digest(text) for text in styles],
        **more,
    )


def asset(name: str) -> str:
    """Returns a script, style or licence of the pages."""
    return (resources.files("vgpipe.report") / name).read_text("utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
