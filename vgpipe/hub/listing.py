"""Asks the hub for the commit and the files of a repo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.hub.cache import COMMIT, DIGEST, RemoteFile
from vgpipe.hub.errors import is_transient
from vgpipe.hub.files import refuse_hostile
from vgpipe.hub.meter import Meter


def asked(repo_id: str, revision: str, waits_s: Sequence[float]) -> tuple[str, dict[str, RemoteFile]]:
    """Returns the commit of a revision and its files: path -> size and digest.

    Args:
        repo_id: `owner/name`.
        revision: branch, tag or commit.
        waits_s: seconds before each further attempt.

    Raises:
        ModelError: where the answer names no commit, or files that may lie outside their folder.
        Exception: whatever the library and the network stack raise.
    """
    from huggingface_hub import HfApi, constants

    meter = Meter(0, 0, None, None)
    for wait_s in (*waits_s, None):
        try:
            info = HfApi().model_info(
                repo_id, revision=revision, files_metadata=True, timeout=constants.HF_HUB_ETAG_TIMEOUT
            )
            return _read(repo_id, info)
        except ModelError:
            raise
        except Exception as error:  # as above
            if wait_s is None or not is_transient(error):
                raise
            meter.sleep(wait_s)
    raise ModelError(f"{repo_id}: the model hub was not asked")


def _read(repo_id: str, info: Any) -> tuple[str, dict[str, RemoteFile]]:
    """Reads the commit and the listing from the hub's answer, checking everything that becomes a file name."""
    files = {}
    refuse_hostile((file.rfilename for file in info.siblings or ()), repo_id)
    for file in info.siblings or ():
        digest = str(file.lfs["sha256"] if file.lfs else file.blob_id)
        size_bytes = file.lfs["size"] if file.lfs else file.size
        if not isinstance(size_bytes, int) or size_bytes < 0 or not DIGEST.fullmatch(digest):
            raise ModelError(
                f"{repo_id}: the hub gives no size or checksum of {file.rfilename} -> unset HF_ENDPOINT, or use a "
                "mirror that provides them"
            )
        files[file.rfilename] = RemoteFile(size_bytes, digest)
    if not COMMIT.fullmatch(str(info.sha)):
        raise ModelError(f"{repo_id}: the hub gives no commit -> unset HF_ENDPOINT, or use another mirror")
    return str(info.sha), files
