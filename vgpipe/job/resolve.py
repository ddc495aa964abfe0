"""The settings in force for one entry of the job, before its matrix and seeds are written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vgpipe.job.faults import Faults
from vgpipe.job.images import Images
from vgpipe.job.levels import InForce, Level, strongest
from vgpipe.job.record import Entry
from vgpipe.job.rules import ShapeRules
from vgpipe.job.shapes import duration_fault, shape_faults
from vgpipe.job.template import count_combinations

_NUMBERS = ("width", "height", "fps", "num_inference_steps", "guidance_scale")


@dataclass(frozen=True, slots=True)
class Resolved:
    """One entry with its settings in force.

    Attributes:
        entry: the entry.
        prompt: the prompt; its places are filled from the entry's matrix if it comes from the file.
        negative_prompt: likewise.
        image: the path of the image it starts from, likewise; None without one.
        seeds: one clip is made for each, per combination of the matrix.
        numbers: the other settings, as in `Clip`.
    """

    entry: Entry
    prompt: InForce
    negative_prompt: InForce
    image: InForce | None
    seeds: tuple[int, ...]
    numbers: dict[str, Any]

    @property
    def num_combinations(self) -> int:
        """How many different prompts the matrix makes."""
        return count_combinations(self.entry.matrix)

    @property
    def num_clips(self) -> int:
        """How many clips it makes, repeated ones included."""
        return self.num_combinations * len(self.seeds)


def resolve_entry(
    entry: Entry, levels: Sequence[Level], rules: ShapeRules, images: Images, faults: Faults
) -> Resolved | None:
    """Find the settings in force for an entry.

    Args:
        entry: the entry.
        levels: the strongest first, the entry's own among them.
        rules: what the model can make.
        images: checks the entry's image.
        faults: where faults are noted.

    Returns:
        The entry resolved, or None where a fault keeps it from being so.
    """
    prompt = strongest(levels, "prompt")
    negative = strongest(levels, "negative_prompt") or InForce("negative_prompt", "", levels[-1])
    seeds = strongest(levels, "seed", "seeds")
    found = {name: strongest(levels, name) for name in _NUMBERS}
    length = strongest(levels, "num_frames", "seconds")
    image = strongest(levels, "image")
    images.check(entry, image)
    for name, setting in {"prompt": prompt, **found, "num_frames": length}.items():
        if setting is None and not faults.is_at(f"clip.{name}"):
            faults.add_at(f"clip.{name}", f"nothing sets {name}", f"set it, for example with clip.{name}=...")
    numbers: dict[str, Any] = {name: setting.value for name, setting in found.items() if setting is not None}
    if prompt is None or length is None or len(numbers) < len(_NUMBERS):
        return None
    numbers["num_frames"] = _num_frames(length, float(numbers["fps"]), rules, faults)
    _check_sizes([setting for setting in found.values() if setting is not None], rules, faults)
    return Resolved(entry, prompt, negative, image, _as_seeds(seeds), numbers)


def _as_seeds(setting: InForce | None) -> tuple[int, ...]:
    value: Any = 0 if setting is None else setting.value
    return tuple(value) if isinstance(value, list | tuple) else (int(value),)


def _num_frames(length: InForce, fps: float, rules: ShapeRules, faults: Faults) -> int:
    value: Any = length.value
    if length.name == "seconds":
        fault = duration_fault(float(value), fps, rules)
        if fault is not None:
            length.level.note(fault.field, fault.what, fault.remedy, faults)
        return rules.num_frames_for(float(value), fps)
    _check_sizes([length], rules, faults)
    return int(value)


def _check_sizes(settings: Sequence[InForce], rules: ShapeRules, faults: Faults) -> None:
    for setting in settings:
        for fault in shape_faults({setting.name: setting.value}, rules):
            setting.level.note(fault.field, fault.what, fault.remedy, faults)
