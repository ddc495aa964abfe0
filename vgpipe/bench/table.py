"""The table of a bench, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence

from vgpipe.bench.results import WORST, Result
from vgpipe.bench.scores import PSNR, SSIM, VMAF
from vgpipe.quality.frontier import Interval

FRONTIER, NONE = "*", "-"
MARKS = f"{FRONTIER} no other setting is as fast and keeps more; in ( ) the 95 % interval, below / the worst frame"
RIGHT = range(2, 9)


def table_rows(found: Sequence[Result], by: str) -> list[tuple[str, ...]]:
    """Returns the head of the table and a row for each setting.

    Args:
        found: the settings.
        by: the measure of the share that is shown.
    """
    has_vmaf = any(VMAF in one.scores for one in found)
    memory = "GPU GiB" if any(one.on_gpu for one in found) else "RAM GiB"
    head = ("", "setting", "seconds", "times as fast", memory, "PSNR dB", "SSIM", *(["VMAF"] if has_vmaf else []))
    rows = [_row(one, by, has_vmaf=has_vmaf) for one in found]
    return [(*head, "keeps", "remarks"), *rows]


def _row(one: Result, by: str, *, has_vmaf: bool) -> tuple[str, ...]:
    return (
        FRONTIER if one.is_on_frontier else "",
        one.setting.name,
        NONE if one.seconds is None else f"{one.seconds:.2f}",
        NONE if one.speed is None else f"{one.speed.mean:.2f} ({one.speed.low:.2f}-{one.speed.high:.2f})",
        NONE if one.peak_gb is None else f"{one.peak_gb:.2f}",
        _score(one, PSNR, 1),
        _score(one, SSIM, 3),
        *([_score(one, VMAF, 1)] if has_vmaf else []),
        share(one.kept.get(by)),
        remarks(one),
    )


def _score(one: Result, name: str, digits: int) -> str:
    mean, worst = one.scores.get(name), one.scores.get(f"{WORST}{name}")
    if mean is None:
        return NONE
    return f"{mean:.{digits}f}" if worst is None else f"{mean:.{digits}f} / {worst:.{digits}f}"


def share(kept: Interval | None) -> str:
    """Returns a share with its interval: `92 % (88-96)`; `-` where there is none."""
    return NONE if kept is None else f"{kept.mean:.0%} ({100 * kept.low:.0f}-{100 * kept.high:.0f})"


def remarks(one: Result) -> str:
    """Returns what is to be known of a setting beside its numbers: clips that failed, were degraded or warned of."""
    parts = [f"{count} of {one.clips} {check}" for check, count in sorted(one.warned.items())]
    if one.failed:
        parts.insert(0, f"{one.failed} failed")
    if one.degraded:
        parts.insert(0, f"{one.degraded} degraded")
    return ", ".join(parts)
