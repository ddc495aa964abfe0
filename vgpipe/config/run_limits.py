"""The settings of a run that resuming it may change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vgpipe.config.schema import RunConfig
from vgpipe.errors import ConfigError, Fault

RESUMABLE = ("run.until=", "run.budget=", "run.degrade=", "run.plan=")
KEPT = ("degrade", "plan", "sheet", "metadata", "objective")
Limits = Callable[[RunConfig], RunConfig]


def load_run_limits(overrides: Sequence[str]) -> Limits:
    """Checks the `run.*` overrides of a resumed run, the only ones it takes.

    Returns:
        A function from the saved `run` settings to those of this attempt: the time limits are dropped; `degrade`,
        `plan`, `sheet` and `metadata` are kept unless they are given again.

    Raises:
        ConfigError: for any other override, and for an invalid value.
    """
    others = [text for text in overrides if not text.startswith(RESUMABLE)]
    if others:
        may = f"only {', '.join(f'{name}...' for name in RESUMABLE)} may follow"
        fault = Fault(others[0][:80], "a resumed run keeps its settings", may)
        raise ConfigError("invalid command line", [fault])
    typed = _typed(overrides)
    kept = [name for name in KEPT if not any(text.startswith(f"run.{name}=") for text in overrides)]

    def merge(saved: RunConfig) -> RunConfig:
        return replace(typed, **{name: getattr(saved, name) for name in kept})

    return merge


def _typed(overrides: Sequence[str]) -> RunConfig:
    if not overrides:  # then nothing is composed: `conf/config.yaml` repeats the schema's defaults, which a test holds
        return RunConfig()
    from vgpipe.config.load import load
    from vgpipe.config.sources import Defaults, Sources

    return load(overrides, Sources(defaults=Defaults.NONE)).run
