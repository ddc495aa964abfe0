"""What every run of a bench has in common: nothing but making the clips, in this process, and judging them."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from vgpipe.config.checks_schema import ChecksConfig
from vgpipe.config.executor_schema import LocalConfig
from vgpipe.config.exporter_schema import FramesConfig
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, Fault

STORE, FRAMES = ".store", "frames"
WARN = "warn"


def ordinary(config: Config, root: Path, drawn_from: int) -> Config:
    """Returns the config of the full run, from what the user asked for.

    Frames are kept as PNG, to be compared. One worker, so that seconds are those of a clip; a store of its own, so that
    none are of another day; no canaries, messages or contact sheets; checks that warn, since a clip of few steps counts
    however it looks.

    Args:
        config: as typed.
        root: the directory of the bench.
        drawn_from: what random seeds are drawn from, the same for all settings.

    Raises:
        ConfigError: where clips would be made elsewhere.
    """
    if not isinstance(config.executor, LocalConfig):
        remedy = "executor=local, on the machine that is to be measured"
        raise ConfigError("invalid configuration", [Fault("executor", "bench measures this machine", remedy)])
    run = replace(config.run, until=None, budget=None, follow=False, sheet=False, on_end=None, objective=(), name=None)
    return replace(
        config,
        run=run,
        drawn_from=drawn_from if config.drawn_from is None else config.drawn_from,
        notify=replace(config.notify, on=()),
        executor=replace(config.executor, workers=1, canary=False),
        exporter=FramesConfig() if config.exporter.name == FRAMES else config.exporter,
        also={**config.also, FRAMES: FramesConfig()},
        store=replace(config.store, dir=str(root / STORE), max_gb=None),
        checks=_that_warn(config.checks),
    )


def _that_warn(checks: ChecksConfig) -> ChecksConfig:
    found = {one.name: getattr(checks, one.name) for one in fields(checks)}
    warning = {name: replace(limit, action=WARN) for name, limit in found.items() if limit is not None}
    return replace(checks, **warning)
