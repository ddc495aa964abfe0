"""The page of a bench: a chart of quality against time, the table, and what to type; one file, without scripts."""

from __future__ import annotations

from collections.abc import Sequence

from vgpipe.bench.chart import chart
from vgpipe.bench.opening import Opened
from vgpipe.bench.presets import FOLDER, option_of
from vgpipe.bench.results import Result
from vgpipe.bench.table import MARKS, table_rows
from vgpipe.config.measurements import Measurement, shipped_of
from vgpipe.report.page import BASE, asset, rendered
from vgpipe.typed import typed_path
from vgpipe.units import counted

SHARE = 0.85
TEMPLATE, STYLE = "bench/bench.html.j2", "templates/bench/bench.css"
ABOUT = (
    "Each dot is a setting: the seconds of a clip, and the share that it keeps of what {full} adds over {baseline}, by "
    "{measure}, with its 95 % interval over the clips. The line joins the frontier: no other setting is as fast and "
    "keeps more. A clip unlike that of the full run need not be worse."
)


def page(opened: Opened, found: Sequence[Result], measurement: Measurement, presets: Sequence[str]) -> str:
    """Returns the page.

    Args:
        opened: the bench.
        found: of each setting.
        measurement: what it is called, and when it was made.
        presets: names of the options that were written.
    """
    shipped = shipped_of(opened.bench.config.model)
    done = sum(one.clips + one.failed for one in found)
    return rendered(
        TEMPLATE,
        f"bench of {measurement.model}",
        [],
        [asset(BASE), asset(STYLE)],
        told="" if done == opened.bench.passes else f"{done} of {opened.bench.passes} clips are measured",
        facts=_facts(measurement),
        chart=chart(found, opened.by),
        about=ABOUT.format(full=measurement.full, baseline=measurement.baseline, measure=measurement.measure),
        rows=table_rows(found, opened.by),
        marks=MARKS,
        lines=lines_to_type(opened, found, presets),
        published=shipped.published if shipped is not None else (),
    )


def _facts(measurement: Measurement) -> list[tuple[str, str]]:
    size = f"{measurement.width}x{measurement.height}, {counted(measurement.num_frames, 'frame')}"
    return [
        ("clips", f"{measurement.prompts} at each setting, {size}"),
        ("full run", measurement.full),
        ("baseline", measurement.baseline),
        ("device", measurement.device),
        ("measured", measurement.made),
    ]


def lines_to_type(opened: Opened, found: Sequence[Result], presets: Sequence[str]) -> list[str]:
    """Returns how its results are used, with the option of the cheapest setting that surely keeps 85 %.

    Args:
        opened: the bench.
        found: of each setting.
        presets: names of the options that were written.
    """
    model = opened.bench.config.model.name
    good = [one for one in found if one.is_on_frontier and one.kept[opened.by].low >= SHARE]
    names = [name for one in good if (name := option_of(one.setting.name)) in presets]
    lines = [f"python -m vgpipe job=prompts.yaml model={model} quality={SHARE:.0%}"]
    if names:
        folder = typed_path(opened.bench.root / FOLDER)
        lines.append(f"python -m vgpipe --config-dir {folder} job=prompts.yaml model={model} quality={names[0]}")
    return lines
