"""`verify --store`: reads all that the store holds, and sets aside what is damaged."""

from __future__ import annotations

import json
from collections.abc import Sequence

from vgpipe.commands.chosen_store import chosen_store
from vgpipe.executor.cancel_token import CancelToken
from vgpipe.runs.exit_codes import EXIT_STOPPED
from vgpipe.runs.signals import cancelled_by_signals
from vgpipe.stages.store_check import Checked, check_store
from vgpipe.terminal import on_one_line, write_line
from vgpipe.units import counted, format_size

USAGE = "python -m vgpipe verify --store [--json] [store.dir=DIR]"
JSON = "--json"
EXIT_WHOLE, EXIT_DAMAGED = 0, 1


def verify_store(arguments: Sequence[str]) -> int:
    """Checks the store and prints a line for each damaged artifact, and how many there are.

    Args:
        arguments: `--json`, and `store.dir=DIR`.

    Returns:
        The exit code: 0 where all is whole.

    Raises:
        UsageError: for bad usage, or where there is no store.
        OSError: where something damaged cannot be set aside.
    """
    store = chosen_store([word for word in arguments if word != JSON], USAGE)
    as_json = JSON in arguments
    number = damaged = size_bytes = 0
    with cancelled_by_signals(CancelToken()) as stop:
        for checked in check_store(store):
            number, size_bytes = number + 1, size_bytes + checked.bytes
            if checked.damage:
                damaged += 1
                write_line(_as_json(checked) if as_json else _as_text(checked))
            if stop():
                break
    if as_json:
        write_line(json.dumps({"checked": number, "bytes": size_bytes, "damaged": damaged}))
    else:
        write_line(
            f"{store}: {counted(number, 'artifact')} checked, {format_size(size_bytes)}; {damaged or 'none'} damaged"
        )
    return EXIT_STOPPED if stop() else EXIT_DAMAGED if damaged else EXIT_WHOLE


def _as_json(checked: Checked) -> str:
    aside = None if checked.aside is None else str(checked.aside)
    return json.dumps({"path": str(checked.path), "damage": checked.damage, "aside": aside})


def _as_text(checked: Checked) -> str:
    where = "" if checked.aside is None else f"; set aside as {checked.aside}"
    return on_one_line(f"damaged  {checked.name}: {checked.damage}{where}")
