"""Explains errors of the model hub in one sentence with a remedy, without access tokens."""

from __future__ import annotations

import re

from vgpipe.errors import ModelError

LOG_IN = "`hf auth login`, or set HF_TOKEN"
TRANSIENT = (408, 429)


class Incomplete(ConnectionError):
    """The hub's answer does not hold the bytes that it announced."""


def status_of(error: BaseException) -> int | None:
    """Returns the HTTP status of an error, or None if the hub did not answer."""
    return getattr(getattr(error, "response", None), "status_code", None)


def is_transient(error: BaseException) -> bool:
    """Returns whether a retry may help: no answer, too many requests, or a server error."""
    status = status_of(error)
    return status is None or status in TRANSIENT or status >= 500


def explain(error: BaseException, repo_id: str, revision: str, file: str = "") -> ModelError:
    """Turns an error of huggingface_hub into one message.

    Args:
        error: the error raised.
        repo_id: the requested repo.
        revision: as the user gave it.
        file: the repo path of the requested file, or empty for the repo itself.

    Returns:
        An error for the user; it quotes nothing from the server.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import EntryNotFoundError, GatedRepoError, RevisionNotFoundError

    status = status_of(error)
    page = f"{without_secrets(constants.ENDPOINT)}/{repo_id}"
    of_file = f" (requested {file})" if file else ""
    if isinstance(error, RevisionNotFoundError):
        return ModelError(
            f"model.revision: {repo_id} has no revision {revision!r} -> choose one listed on {page}/tree/main"
        )
    if isinstance(error, GatedRepoError) or status == 403:
        return ModelError(
            f"{repo_id} is gated: its owners must grant you access{of_file} -> "
            f"accept their terms on {page}, then {LOG_IN}"
        )
    if status == 401:
        return ModelError(
            f"model.id: the hub does not show {repo_id} without a valid token{of_file} -> check the name on {page}; "
            f"if it is private or gated, {LOG_IN}"
        )
    if isinstance(error, EntryNotFoundError):
        return ModelError(f"{repo_id} at revision {revision} has no file {file} -> see {page}/tree/{revision}")
    if status == 404:
        return ModelError(f"model.id: no folder and no hub repo is named {repo_id} -> check the name on {page}")
    if isinstance(error, Incomplete):
        return ModelError(
            f"{repo_id}: {file} arrives incomplete ({error}) -> run the same command again later; the download resumes"
        )
    answer = f"answered {status}" if status else f"cannot be reached ({_reason(error)})"
    return ModelError(
        f"{repo_id}: the model hub {without_secrets(constants.ENDPOINT)} {answer}{of_file} -> "
        "run the same command again later; the download resumes"
    )


def without_secrets(text: str) -> str:
    """Removes access tokens, passwords in addresses and signed query strings from a text."""
    text = re.sub(r"hf_\w+", "hf_***", text)
    text = re.sub(r"(?i)bearer \S+", "Bearer ***", text)
    text = re.sub(r"//[^/\s@]+@", "//", text)
    return re.sub(r"\?[^\s'\"]*=[^\s'\"]*", "", text)


def _reason(error: BaseException) -> str:
    """Returns the innermost error's message: it names the fault, the outer ones repeat addresses."""
    while inner := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = inner
    first = (str(error).strip().splitlines() or [""])[0]
    return without_secrets(f"{type(error).__name__}: {first}" if first else type(error).__name__)
