"""Writes docs/matrix.md: the largest clip of every model that fits each card, and how 16 GB become 6.

    python -m benchmarks.plan_matrix [FOLDER]

Needs no GPU and no weights. Without cached profiles it takes about an hour of one core, afterwards two minutes. With a
folder, each model's answer is kept there as JSON, and taken from there the next time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.plan_calls import planned
from benchmarks.plan_claim import claim
from vgpipe.config.groups import options
from vgpipe.plans import figures

PAGE = Path(__file__).parents[1] / "docs" / "matrix.md"
NOT_MEANT = ("generic", "shapes")  # any repo; the model of the repository, which fits everything
CARDS = (
    *("gtx1660ti_6gb", "rtx3060_8gb", "rtx4060_8gb", "rtx5060_8gb", "rtx3080_10gb", "rtx2080ti_11gb", "rtx3060_12gb"),
    *("rtx5070_12gb", "apple_m_16gb", "rtx4080_16gb", "rtx5080_16gb", "t4_16gb", "rtx3090_24gb", "rtx4090_24gb"),
    *("rtx5090_32gb", "apple_m_64gb", "a100_80gb", "h100_80gb"),
)
"""Of the tiers, those of different memory, age and maker; the others are like one of these."""
LIBRARIES = ("torch", "diffusers", "transformers")
SMALL = ("cogvideox_2b", "cogvideox_5b", "wan21_t2v_1_3b")
SMALL_CARDS = ("gtx1660ti_6gb", "rtx3060_8gb", "rtx4060_8gb")
STAGES = ("encode", "denoise", "decode")
GIB = 1 << 30
SMALL_TILES = ("memory.vae_tiling=true", "memory.vae_tile_size=160")
Rows = dict[tuple[str, str], dict[str, Any]]

INTRO = """\
# Models and cards

For every model and each of {cards} [cards](hardware.md): the largest clip that fits, up to the model's reference size,
with which settings, and how long it takes. **All of it is a forecast** ([planning.md](planning.md)): nothing was run on
any of these cards.

```
python -m vgpipe plan model=all hardware=all      # a table like this; model=ltx_video_2b hardware=all: for one model
python -m benchmarks.plan_matrix                  # this page
```

Planned with {versions}.

`run.degrade` has its default, so where nothing else fits, a VAE may work in tiles and weights may be stored as fp8.
Sizes tried: the reference; three quarters and half of its sides, half and a quarter of its frames; the smallest that
the model makes. RAM is not checked here (`hardware.ram_gb=null`), because a card does not determine it: see its column.
On an Apple it is the same memory, and checked.
"Tight": torch's allocator would reserve more than the card has, and must release memory during
the run.

The GTX 1660 Ti computes in float32, because float16 gives NaN there. The T4 has no bfloat16; models that float16
breaks, such as CogVideoX 5B, are float32 there. Attention on an Apple is planned unfused, with a matrix of all scores.
"""

GLANCE = """
## At a glance

`full`: the reference clip; otherwise the largest that fits. `T`: the VAE is tiled. `8`: weights as fp8. `!`: tight.
"""

FEW = """
## CogVideoX and Wan 2.1 1.3B on 6 and 8 GB

Stage by stage; the peak consists of weights and activations. All in GiB.
"""

SMALLER = f"""
On the {SMALL_CARDS[0]}, CogVideoX is limited by its VAE, in float32 and in tiles of its own size. This table does
not try smaller tiles, though the plan of one clip does; with `{" ".join(SMALL_TILES)}`:
"""


def main() -> None:
    """Asks for all plans and writes the page."""
    models = [name for name in options("model", None) if name not in NOT_MEANT]
    cards = list(CARDS)
    rows: Rows = {}
    for model in models:
        sys.stderr.write(f"{model}\n")
        rows |= {(model, row["tier"]): row for row in _found(model, cards)}
    lines = [*_glance(rows, models, cards), *_by_model(rows, models, cards), *_small(rows), *claim()]
    versions = ", ".join(f"{name} {version(name).partition('+')[0]}" for name in LIBRARIES)
    PAGE.write_text(INTRO.format(versions=versions, cards=len(CARDS)) + "\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")


def _found(model: str, cards: list[str]) -> list[dict[str, Any]]:
    kept = Path(sys.argv[1]) / f"{model}.json" if sys.argv[1:] else None
    if kept is not None and kept.is_file():
        return list(json.loads(kept.read_text(encoding="utf-8"))["rows"])
    answer = planned(f"model={model}", f"hardware={','.join(cards)}", "hardware.ram_gb=null")
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(answer, indent=1), encoding="utf-8")
    return list(answer["rows"])


def _glance(rows: Rows, models: list[str], cards: list[str]) -> Iterator[str]:
    yield GLANCE
    yield f"| model | reference | {' | '.join(cards)} |"
    yield f"| --- | --- |{' --- |' * len(cards)}"
    for model in models:
        reference = _largest(rows, model, cards)
        yield f"| {model} | {reference} | {' | '.join(_brief(rows.get((model, card)), reference) for card in cards)} |"


def _largest(rows: Rows, model: str, cards: list[str]) -> str:
    found = [rows[model, card] for card in cards if (model, card) in rows]
    return _clip(max(found, key=lambda row: row["width"] * row["height"] * row["num_frames"]))


def _clip(row: dict[str, Any]) -> str:
    return f"{row['width']}x{row['height']}x{row['num_frames']}"


def _brief(row: dict[str, Any] | None, reference: str) -> str:
    if row is None:
        return "-"
    size = "full" if _clip(row) == reference else _clip(row)
    signs = "T" * row["vae_tiling"] + "8" * bool(_shrunk(row)) + "!" * bool(row["warnings"])
    return f"{size} {signs}".rstrip()


def _shrunk(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {how}" for name, how in row["weights"].items() if how != "native")


def _by_model(rows: Rows, models: list[str], cards: list[str]) -> Iterator[str]:
    yield "\n## Model by model"
    for model in models:
        yield f"\n### {model}\n"
        yield "| card | largest clip | encode | denoise | decode | VAE | weights | GPU GiB | RAM GiB | time per clip |"
        yield "| --- | --- | --- | --- | --- | --- | --- | ---: | ---: | --- |"
        for card in cards:
            yield _row(card, rows.get((model, card)))


def _row(card: str, row: dict[str, Any] | None) -> str:
    if row is None:
        return f"| {card} | nothing fits | - | - | - | - | - | - | - | - |"
    ways = " | ".join(row["stages"][stage]["strategy"] for stage in STAGES)
    vae = "tiled" if row["vae_tiling"] else "untiled"
    ram = max(stage["ram_gib"] for stage in row["stages"].values())
    peak = f"{row['peak_allocated_gib']:.1f}{', tight' if row['warnings'] else ''}"
    size, weights, takes = _clip(row), _shrunk(row) or "native", figures.seconds(_span(row["seconds"]))
    return f"| {card} | {size} | {ways} | {vae} | {weights} | {peak} | {ram:.0f} | {takes} |"


def _span(seconds: list[float] | None) -> figures.Span | None:
    return (seconds[0], seconds[1]) if seconds else None


def _small(rows: Rows) -> Iterator[str]:
    yield FEW
    yield "| model, card, clip | stage | strategy | GPU | weights | activations | reserved | RAM | time per clip |"
    yield "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    for model in SMALL:
        for card in SMALL_CARDS:
            yield from _stages(model, card, rows.get((model, card)))
    yield SMALLER
    for model in SMALL[:2]:
        yield _in_small_tiles(model)


def _in_small_tiles(model: str) -> str:
    answer = planned(f"model={model}", f"hardware={SMALL_CARDS[0]}", "hardware.ram_gb=null", *SMALL_TILES)
    row = next((one for one in answer["rows"] if one["chosen"]), None)
    if row is None:
        return f"* {model}: does not fit at its reference size either."
    ways = ", ".join(f"{stage} `{row['stages'][stage]['strategy']}`" for stage in STAGES)
    tight = " (tight)" if row["warnings"] else ""
    takes = figures.seconds(_span(row["seconds"]))
    return f"* {model} at {_clip(row)}: {row['peak_allocated_gib']:.2f} GiB{tight}, {ways}; {takes}."


def _stages(model: str, card: str, row: dict[str, Any] | None) -> Iterator[str]:
    if row is None:
        yield f"| {model}, {card}: nothing fits |{' |' * 8}"
        return
    for stage in STAGES:
        forecast = row["stages"][stage]
        what = f"{model}, {card}, {_clip(row)}" if stage == STAGES[0] else ""
        tiled = ", tiled" if stage == "decode" and row["vae_tiling"] else ""
        names = ("allocated_gib", "weights_gib", "activations_gib", "reserved_gib", "ram_gib")
        sizes = " | ".join(f"{forecast[name]:.2f}" for name in names)
        takes = figures.seconds(_span(forecast["seconds"]))
        yield f"| {what} | {stage}{tiled} | {forecast['strategy']} | {sizes} | {takes} |"


if __name__ == "__main__":
    main()
