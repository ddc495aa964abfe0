"""Classes of the installed libraries, or which package keeps one from being imported."""

from __future__ import annotations

import importlib
import re
from typing import Any

from vgpipe.errors import ModelError
from vgpipe.models.imports.lean import prepare

OLDER_NAMES = {"TokenizersBackend": "PreTrainedTokenizerFast"}  # what transformers 5 saves, as 4 calls it
MISSING = re.compile(r"from '(\w+)|No module named '(\w+)")


def class_of(library: str, name: str) -> Any:
    """Returns a class of a library, also under the name that an older release has for it; imports the library.

    Args:
        library: `diffusers`, `transformers`, or a module of one of them.
        name: the class.

    Returns:
        The class; None where the library has none.

    Raises:
        ModelError: where the installed versions of other packages keep it from being imported.
    """
    prepare()
    try:
        module = importlib.import_module(library)
        return getattr(module, name, None) or getattr(module, OLDER_NAMES.get(name, name), None)
    except Exception as error:  # a library that does not fit fails with anything
        raise ModelError(_not_importable(library, name, error)) from error


def _not_importable(library: str, name: str, error: Exception) -> str:
    # The lazy modules put the cause on the last line, with the path of a file behind it.
    cause = re.sub(r" \(\S*[/\\]\S*\)$", "", (str(error).strip().splitlines() or [type(error).__name__])[-1])
    named = MISSING.search(cause)
    package = next(filter(None, named.groups()), library) if named else library
    # Either may be the one that is too old.
    packages = " ".join(dict.fromkeys([library.partition(".")[0], package]))
    return (
        f"{library}.{name} cannot be imported with the installed packages: {cause} -> pip install -U {packages}; "
        "python -m vgpipe doctor says what else does not fit"
    )
