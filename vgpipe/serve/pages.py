"""The HTML that is served: the list of runs, the report of a run, and the question for the token."""

from __future__ import annotations

from functools import cache

from vgpipe.report.build import gallery_page
from vgpipe.report.index import STYLES, index_page
from vgpipe.report.page import asset, rendered


@cache
def runs_page(folder: str) -> str:
    """Returns the page of all runs, which loads its data as JSON.

    Args:
        folder: that is served; escaped.
    """
    return index_page(folder, None)


def run_page(title: str, depth: int) -> str:
    """Returns the page of a run, with a link to the page of all.

    Args:
        title: of the run; escaped.
        depth: how many folders lie between the two pages.
    """
    return gallery_page(title, home="../" * depth)


@cache
def token_page(*, is_wrong: bool) -> str:
    """Returns the page that asks for the token.

    Args:
        is_wrong: whether the visitor gave one, and it was another.
    """
    message = "That is not the token." if is_wrong else ""
    return rendered(
        "runs/token.html.j2", "token needed", [], [asset(name) for name in STYLES], forms="'self'", message=message
    )
