"""What a bench will take, said before it starts."""

from __future__ import annotations

from datetime import datetime

from vgpipe.bench.grid import Setting, config_of
from vgpipe.bench.measuring import Bench
from vgpipe.bench.opening import Opened
from vgpipe.bench.rows import Rows
from vgpipe.plans.figures import Span, added, finishing, seconds, times
from vgpipe.plans.planning import plan_of
from vgpipe.plans.refusal import refuse_what_cannot_fit
from vgpipe.typed import shown_path
from vgpipe.units import counted

OFF = "off"
"""`run.plan`: nothing is planned."""


def forecast(opened: Opened, rows: Rows, now: datetime) -> str:
    """Returns what is measured, where, and how long that takes.

    Args:
        opened: the bench.
        rows: what is known already.
        now: when it starts.

    Raises:
        ConfigError: where the full run does not fit this machine.
        VgpipeError: where no plan can be made.
    """
    bench, clip = opened.bench, opened.clip
    left = [(one, _left(bench, rows, one)) for one in bench.grid.settings]
    is_planned = bench.config.run.plan != OFF
    took = added(_span(opened, setting, count) for setting, count in left if count and is_planned)
    done = bench.passes - sum(count for _, count in left)
    lines = [
        f"{bench.config.model.name}, {clip.width}x{clip.height}, {counted(clip.num_frames, 'frame')}: "
        f"{counted(len(bench.grid.settings), 'setting')}, {counted(bench.clips, 'clip')} each; the full run is "
        f"{bench.grid.full.name}, the baseline {bench.grid.baseline.name}",
        *opened.notes,
    ]
    if done:
        lines.append(f"{done} of {bench.passes} are measured already")
    if done < bench.passes and is_planned:
        lines.append(f"about {seconds(took)}, done about {finishing(took, now)}")
    return "\n".join([*lines, f"in {shown_path(bench.root)}"])


def _left(bench: Bench, rows: Rows, setting: Setting) -> int:
    return sum((row := rows.find(setting.name, clip)) is None or not row.is_compared for clip in range(bench.clips))


def _span(opened: Opened, setting: Setting, count: int) -> Span | None:
    config = config_of(setting, opened.bench.config)
    plan = plan_of(config, opened.lines)
    if setting == opened.bench.grid.full:
        refuse_what_cannot_fit(plan, config)
    return times(plan.seconds(), count / max(1, plan.clips))
