"""What went wrong between here and the model hub, in one sentence with its remedy and without anybody's token."""

from __future__ import annotations

import re

from vgpipe.errors import ModelError

LOG_IN = "`hf auth login`, or set HF_TOKEN"
TRANSIENT = (408, 429)


class Incomplete(ConnectionError):
    """The hub answered, and the answer holds other bytes than it announced."""


def status_of(error: BaseException) -> int | None:
    """Returns the HTTP status that an error came with, or None where the hub gave no answer."""
    return getattr(getattr(error, "response", None), "status_code", None)


def is_transient(error: BaseException) -> bool:
    """Says whether asking again may help: no answer, too many requests, or a fault of the server."""
    status = status_of(error)
    return status is None or status in TRANSIENT or status >= 500


def explain(error: BaseException, repo_id: str, revision: str, file: str = "") -> ModelError:
    """Turns what huggingface_hub raised into one message.

    Args:
        error: what was raised.
        repo_id: the repo that was asked for.
        revision: the revision as the user gave it.
        file: the repo path of the file, or empty where the repo itself was asked for.

    Returns:
        An error for the user; none of its words comes from the server.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RevisionNotFoundError

    status = status_of(error)
    page = f"{without_secrets(constants.ENDPOINT)}/{repo_id}"
    of_file = f" (asked for {file})" if file else ""
    if isinstance(error, RevisionNotFoundError):
        return ModelError(
            f"model.revision: {repo_id} has no revision {revision!r} -> choose one of those on {page}/tree/main"
        )
    if isinstance(error, GatedRepoError) or status == 403:
        return ModelError(
            f"{repo_id} is gated: its owners must let you in{of_file} -> accept their terms on {page}, then {LOG_IN}"
        )
    if status == 401:
        return ModelError(
            f"model.id: the hub shows no {repo_id} without a valid token{of_file} -> check the name on {page}; "
            f"if it is private or gated, {LOG_IN}"
        )
    if isinstance(error, EntryNotFoundError):
        return ModelError(f"{repo_id} at revision {revision} has no file {file} -> look at {page}/tree/{revision}")
    if status == 404:
        return ModelError(f"model.id: no folder and no repo of the hub is called {repo_id} -> check the name on {page}")
    if isinstance(error, Incomplete):
        return ModelError(
            f"{repo_id}: {file} does not arrive whole ({error}) -> run the same command again later; "
            "what has arrived is kept and continued"
        )
    answer = f"answered {status}" if status else f"cannot be reached ({_reason(error)})"
    return ModelError(
        f"{repo_id}: the model hub {without_secrets(constants.ENDPOINT)} {answer}{of_file} -> "
        "run the same command again later; what has arrived is kept and continued"
    )


def without_secrets(text: str) -> str:
    """Returns a text without access tokens, passwords in addresses and signed query strings."""
    text = re.sub(r"hf_\w+", "hf_***", text)
    text = re.sub(r"(?i)bearer \S+", "Bearer ***", text)
    text = re.sub(r"//[^/\s@]+@", "//", text)
    return re.sub(r"\?[^\s'\"]*=[^\s'\"]*", "", text)


def _reason(error: BaseException) -> str:
    """What the innermost library said: it names the fault, the outer ones repeat addresses."""
    while inner := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = inner
    first = (str(error).strip().splitlines() or [""])[0]
    return without_secrets(f"{type(error).__name__}: {first}" if first else type(error).__name__)
