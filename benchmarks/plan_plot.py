"""Draws the peak device memory of three models by stage and strategy, as `plan` foresees it.

    python -m benchmarks.plan_plot            # writes docs/memory.svg

Needs no GPU and no weights; without cached profiles it takes some minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.plan_calls import by_strategy

PICTURE = Path(__file__).parents[1] / "docs" / "memory.svg"
MODELS = {"wan21_t2v_1_3b": "Wan 2.1 1.3B", "cogvideox_5b": "CogVideoX 5B", "hunyuan_video": "HunyuanVideo"}
DEVICE = ("hardware=a100_80gb", "memory.stream=false")
STRATEGIES = {
    "resident": ("resident",),
    "staged, model_offload": ("staged", "model_offload"),
    "block_offload": ("block_offload",),
    "leaf_offload, disk_offload": ("leaf_offload", "disk_offload"),
}
GROUPS = {
    "encode": (False, "encode"),
    "denoise": (False, "denoise"),
    "decode untiled": (False, "decode"),
    "decode tiled": (True, "decode"),
}
CARDS_GB = (6, 8, 12, 16, 24)
TOP_GIB = 29.0  # bars that reach higher are cut and have their figure

BAR, GAP, GROUP_GAP, PANEL_GAP = 15, 1, 16, 26
LEFT, RIGHT, HEAD, HEIGHT, FOOT = 44, 84, 112, 300, 44
CUT = 7  # height of the notch of a bar that is cut, pixels
PANEL = len(GROUPS) * (len(STRATEGIES) * (BAR + GAP) + GROUP_GAP)
WIDTH = LEFT + len(MODELS) * (PANEL + PANEL_GAP) - PANEL_GAP + RIGHT

STYLE = """\
text { font-family: "Segoe UI", Helvetica, Arial, "DejaVu Sans", sans-serif; font-size: 11px; fill: #24292f }
.title { font-size: 15px; font-weight: 600 } .model { font-size: 13px; font-weight: 600 }
.soft { fill: #57606a } .value { font-size: 9px } .back { fill: #ffffff }
.line { stroke: #8c959f; stroke-dasharray: 4 3; opacity: .75 } .axis { stroke: #57606a } .cut { stroke: #ffffff }
.s0 { fill: #b35900 } .s1 { fill: #2f7fc1 } .s2 { fill: #3a9d6e } .s3 { fill: #8f6fc0 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .soft { fill: #9ba5b0 } .back { fill: #0d1117 }
  .line { stroke: #7d8590 } .axis { stroke: #9ba5b0 } .cut { stroke: #0d1117 }
  .s0 { fill: #e08a3c } .s1 { fill: #5aa9e6 } .s2 { fill: #56c08d } .s3 { fill: #b196e0 }
}
"""


def main() -> None:
    """Asks for the plans and writes the picture."""
    shown = {model: figures(model) for model in MODELS}
    PICTURE.write_text(drawn(shown), encoding="utf-8")
    sys.stdout.write(f"{PICTURE}\n")


def figures(model: str) -> tuple[str, dict[str, list[float]]]:
    """Returns the clip in words, and group -> GiB of each strategy, in the order of `STRATEGIES`."""
    rows = {tiled: by_strategy(model, *DEVICE, f"memory.vae_tiling={str(tiled).lower()}") for tiled in (False, True)}
    row = rows[False]["resident"]
    return f"{row['width']}x{row['height']}, {row['num_frames']} frames", {
        group: [_gib(rows[tiled], names, stage) for names in STRATEGIES.values()]
        for group, (tiled, stage) in GROUPS.items()
    }


def _gib(rows: dict[str, dict[str, Any]], names: tuple[str, ...], stage: str) -> float:
    found = {round(rows[name]["stages"][stage]["allocated_gib"], 1) for name in names}
    if len(found) > 1:
        raise SystemExit(f"{names} no longer take the same at {stage}: {found}")
    return float(rows[names[0]]["stages"][stage]["allocated_gib"])


def drawn(shown: dict[str, tuple[str, dict[str, list[float]]]]) -> str:
    """Returns the picture.

    Args:
        shown: model -> its clip in words, and group -> GiB of each strategy.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEAD + HEIGHT + FOOT}" role="img">',
        f"<title>Peak GPU memory by stage and strategy</title><style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{HEAD + HEIGHT + FOOT}" rx="6"/>',
        _text(LEFT, 22, "Peak GPU memory by stage and strategy, GiB", "title"),
        *_legend(),
        *_cards(),
    ]
    for place, (model, (clip, groups)) in enumerate(shown.items()):
        parts.extend(_panel(LEFT + place * (PANEL + PANEL_GAP), MODELS[model], clip, groups))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend() -> Iterator[str]:
    left = LEFT
    for place, name in enumerate(STRATEGIES):
        yield f'<rect class="s{place}" x="{left}" y="34" width="11" height="11" rx="2"/>'
        yield _text(left + 16, 44, name)
        left += 38 + round(6.1 * len(name))


def _cards() -> Iterator[str]:
    right = WIDTH - RIGHT
    for card in CARDS_GB:
        y = _y(card)
        yield f'<line class="line" x1="{LEFT}" x2="{right}" y1="{y}" y2="{y}"/>'
        yield _text(right + 6, y + 4, f"{card} GB card", "soft")
        yield _text(LEFT - 6, y + 4, str(card), "soft", anchor="end")
    yield _text(LEFT - 6, _y(0) + 4, "0", "soft", anchor="end")


def _panel(left: float, title: str, clip: str, groups: dict[str, list[float]]) -> Iterator[str]:
    yield _text(left + PANEL / 2, HEAD - 38, title, "model", anchor="middle")
    yield _text(left + PANEL / 2, HEAD - 23, clip, "soft", anchor="middle")
    yield f'<line class="axis" x1="{left}" x2="{left + PANEL}" y1="{_y(0)}" y2="{_y(0)}"/>'
    for place, (group, sizes) in enumerate(groups.items()):
        start = left + GROUP_GAP / 2 + place * (len(sizes) * (BAR + GAP) + GROUP_GAP)
        for line, word in enumerate(group.split(" ", 1)):
            yield _text(start + len(sizes) * (BAR + GAP) / 2, _y(0) + 16 + 13 * line, word, anchor="middle")
        for number, size in enumerate(sizes):
            yield from _bar(start + number * (BAR + GAP), number, size)


def _bar(x: float, number: int, size: float) -> Iterator[str]:
    top = _y(min(size, TOP_GIB))
    yield f'<rect class="s{number}" x="{x}" y="{top}" width="{BAR}" height="{_y(0) - top:.1f}"/>'
    if size > TOP_GIB:
        yield f'<path class="cut" stroke-width="3" d="M{x - 1} {top + CUT + 4} l{BAR + 2} -{CUT}"/>'
    figure = f"{size:.0f}" if size >= 10 else f"{size:.1f}"
    yield _text(x + BAR / 2, top - 3, figure, "value", anchor="middle")


def _y(size_gib: float) -> float:
    return round(HEAD + HEIGHT * (1 - size_gib / TOP_GIB), 1)


def _text(x: float, y: float, text: str, style: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{style}" text-anchor="{anchor}">{text}</text>'


if __name__ == "__main__":
    main()
