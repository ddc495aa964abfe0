"""Refuses clips and files that would be too large, before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from vgpipe.config.exporter_schema import AnyExporter
from vgpipe.config.schema import Config
from vgpipe.errors import ConfigError, Fault
from vgpipe.exporters.bounds import OWN, Bounds, Extent, excess_of
from vgpipe.job.clip import Clip


def refuse_too_large(
    config: Config, clips: Iterable[Clip], *, of_clips: Bounds = OWN, of_files: Bounds = OWN, instead: str = ""
) -> None:
    """Refuses clips and files of more pixels than can be encoded, or than anybody waits for.

    Args:
        config: the whole config.
        clips: what is rendered with it.
        of_clips: the largest clip.
        of_files: the largest file.
        instead: what to type in place of an exporter that makes a file too large; empty for its largest setting.

    Raises:
        ConfigError: naming the settings at fault, the figure, the limit and the largest value that is allowed.
    """
    extents = {Extent(one.width, one.height, one.num_frames, one.fps) for one in clips}
    faults = dict.fromkeys(
        fault for extent in extents for fault in _faults(config, extent, of_clips, of_files, instead)
    )
    if faults:
        raise ConfigError("this would be too large; nothing was started", list(faults))


def _faults(config: Config, clip: Extent, of_clips: Bounds, of_files: Bounds, instead: str) -> Iterator[Fault]:
    if what := clip.excess(of_clips):
        yield Fault("clip", f"{what} ({of_clips.why})", "a smaller clip, or fewer frames")
        return
    for key, exporter in _exporters(config):
        excess = excess_of(asdict(exporter), clip, of_files)
        if excess is not None:
            setting = f"{key}.{excess.setting}"
            yield Fault(setting, f"{excess.what} ({of_files.why})", instead or f"{setting}={excess.largest:.12g}")


def _exporters(config: Config) -> Iterator[tuple[str, AnyExporter]]:
    yield "exporter", config.exporter
    yield from ((f"also.{name}", exporter) for name, exporter in config.also.items())
