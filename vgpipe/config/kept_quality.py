"""Chooses the cheapest setting that is known to keep a share of the full run's quality (`quality=85%`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace

from vgpipe.config.measurements import Found, MeasuredSetting, Source, find
from vgpipe.config.schema import Config, QualityConfig
from vgpipe.config.validate import validate_as
from vgpipe.errors import ConfigError

BENCH = "python -m vgpipe bench model=%s"


def with_kept_quality(config: Config) -> Config:
    """Returns a config whose quality has the settings that `quality.keep` stands for.

    Args:
        config: the whole config.

    Returns:
        The same where nothing is to be chosen, or was before. What the user set beside the share stays as it is; what
        was chosen, and by which measurement, is in `quality.chosen`.
    """
    if config.quality.keep is None or config.quality.chosen is not None:
        return config
    return replace(config, quality=_chosen(config, config.quality.keep))


def _chosen(config: Config, share: float) -> QualityConfig:
    found = find(config.model, _shape(config))
    usable = [] if found is None else _usable(found.measurement.settings, config.quality)
    enough = [one for one in usable if one[0].kept.low >= share]
    asked = f"quality={100 * share:g}%"
    if found is None or not enough:
        return replace(config.quality, chosen=f"{asked}: {_not_measured(config, found)}")
    setting, quality = min(enough, key=lambda one: one[0].seconds)
    return replace(quality, chosen=f"{asked}: {_told(setting, found, _shape(config))}")


def _usable(settings: Iterable[MeasuredSetting], quality: QualityConfig) -> list[tuple[MeasuredSetting, QualityConfig]]:
    """Returns the settings that this version has, each with the config that it gives."""
    found, default = [], QualityConfig()
    own = {name: value for name, value in asdict(quality).items() if value != getattr(default, name)}
    for setting in settings:
        try:
            given = validate_as(QualityConfig, {**asdict(quality), **setting.quality, **own})
        except ConfigError:
            continue
        found.append((setting, given))
    return found


def _shape(config: Config) -> tuple[int, int, int]:
    reference, forced = config.model.reference, asdict(config.clip)
    width, height, num_frames = (
        forced.get(name) or getattr(reference, name) for name in ("width", "height", "num_frames")
    )
    return width, height, num_frames


def _told(setting: MeasuredSetting, found: Found, shape: tuple[int, int, int]) -> str:
    known, kept = found.measurement, setting.kept
    measured = (known.width, known.height, known.num_frames)
    where = f" at {known.width}x{known.height}, {known.num_frames} frames" if measured != shape else ""
    return (
        f"{setting.name}, {setting.speed_up:.2g} times as fast as {known.full}; keeps {kept.mean:.0%} (95 % interval "
        f"{kept.low:.0%} to {kept.high:.0%}) of what {known.full} adds over {known.baseline} in {known.measure}, by "
        f"the {found.source.value} ({known.made}, {known.prompts} prompts{where})"
    )


def _not_measured(config: Config, found: Found | None) -> str:
    remedy = f"to measure it here: {BENCH % config.model.name}"
    if found is None or not found.measurement.settings:
        others = "" if found is None else " (published figures, by which nothing is chosen, are in docs/quality.md)"
        return f"no setting of {config.model.name} has been measured{others}, so the model's own are taken; {remedy}"
    source = "the table that ships with vgpipe" if found.source is Source.SHIPPED else "the bench of this machine"
    return f"{source} has no setting that surely keeps as much, so the model's own are taken; {remedy}"
