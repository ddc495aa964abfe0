"""The settings that continuing drafts may change: those of a resumed run, where it runs, and where its store is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vgpipe.config.run_limits import Limits, load_run_limits, loaded
from vgpipe.config.schema import Config, MemoryConfig
from vgpipe.errors import ConfigError, Fault
from vgpipe.typed import as_typed, shell_quoted

HARDWARE, MEMORY, STORE = ("hardware=", "hardware."), ("memory=", "memory."), ("store.dir=",)
PLACES = ("strategy", "stream")
"""The settings of `memory` that change no bit."""
MAX_SHOWN = 80


def load_continue_limits(overrides: Sequence[str], picks: str) -> Limits:
    """Checks the overrides of drafts that are continued.

    Args:
        overrides: as typed.
        picks: the part of a command that picks the same clips of the job, `pick=[p01234567]`.

    Returns:
        A function from the saved config to that of this attempt; see `load_run_limits`. It raises `ConfigError` for
        what would change the bits.

    Raises:
        ConfigError: for an override that a draft is bound to, and for an invalid value.
    """
    own = {group: [text for text in overrides if text.startswith(group)] for group in (HARDWARE, MEMORY, STORE)}
    others = [text for text in overrides if not text.startswith((*HARDWARE, *MEMORY, *STORE))]
    bound = [text for text in others if text.startswith(("clip.", "quality", "model", "job", "draft=", "exporter"))]

    def merge(saved: Config) -> Config:
        if bound:
            raise ConfigError("drafts cannot be continued like this", [_bound(text, saved, picks) for text in bound])
        config = load_run_limits(others)(saved)
        return replace(
            config,
            hardware=loaded(own[HARDWARE]).hardware if own[HARDWARE] else config.hardware,
            memory=_memory(config.memory, own[MEMORY]) if own[MEMORY] else config.memory,
            store=replace(config.store, dir=loaded(own[STORE]).store.dir) if own[STORE] else config.store,
        )

    if not bound:
        load_run_limits(others)
    return merge


def _bound(text: str, saved: Config, picks: str) -> Fault:
    job = [] if saved.job is None else [as_typed("job", saved.job)]
    remedy = " ".join(["python -m vgpipe", *job, *map(shell_quoted, filter(None, (picks, text)))])
    what = "a draft is the first steps of its own clip: with other settings it needs a new render"
    return Fault(text[:MAX_SHOWN], what, remedy)


def _memory(saved: MemoryConfig, overrides: Sequence[str]) -> MemoryConfig:
    given = loaded(overrides).memory
    named = {text.removeprefix("memory.").partition("=")[0].partition(".")[0] for text in overrides}
    bits = sorted(named - {*PLACES, "memory"})
    if bits:
        remedy = f"only memory=OPTION, {' and '.join(f'memory.{name}' for name in PLACES)} may change"
        raise ConfigError("drafts cannot be continued like this", [Fault(f"memory.{bits[0]}", "changes bits", remedy)])
    return replace(saved, **{name: getattr(given, name) for name in PLACES})
