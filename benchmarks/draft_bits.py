"""Shows that a drafted and continued clip has the bits of one never drafted: families, schedulers, memory strategies.

    PYTHONPATH=. nice python benchmarks/draft_bits.py [SETUP ...]

For each family's tiny random checkpoint, text to video, beside given frames and in windows: the latents of a clip that
was made at once are compared bit for bit with those of clips that were drafted at each step and continued, and, where
the clip begins with a text, with those of the stock diffusers pipeline. Then processes are killed by SIGKILL in the
middle of a draft, between its preview and its checkpoint, and in the middle of the continuation, and the clip is
finished in another process. Memory strategies that place weights alike on a CPU are one column.
"""

from __future__ import annotations

import argparse
import inspect
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from tests import tiny
from tests.models.driven import Driven, drive
from tests.models.long_clips import SETUPS, Setup
from tests.stages.drafting import Drafting
from vgpipe.memory.placement import place
from vgpipe.memory.strategies import Placement, role_by_name
from vgpipe.models.open import Origin
from vgpipe.stages.draft_run import DraftRun

STEPS = 4
FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}
OF_FLOW = {
    "UniPCMultistep": FLOW, "FlowMatchEulerDiscrete": {"shift": 3.0}, "DPMSolverMultistep": FLOW,
    "FlowMatchHeunDiscrete": {"shift": 3.0}, "DEISMultistep": FLOW,
}  # fmt: skip
NOISE: dict[str, Any] = {"prediction_type": "epsilon"}
OF_NOISE = {
    "DDIM": NOISE, "PNDM": NOISE, "EulerDiscrete": NOISE, "EulerAncestralDiscrete": NOISE, "LCM": NOISE,
    "DPMSolverMultistep": NOISE, "UniPCMultistep": NOISE, "HeunDiscrete": NOISE, "LMSDiscrete": NOISE, "DDPM": NOISE,
    "TCD": NOISE,
}  # fmt: skip
OF_COGVIDEO: dict[str, Any] = {"CogVideoXDDIM": {}, "CogVideoXDPM": {}}
SCHEDULERS = {
    "wan": OF_FLOW, "wan-experts": dict(list(OF_FLOW.items())[:2]), "cogvideox-2b": OF_COGVIDEO,
    "cogvideox-5b": OF_COGVIDEO, "cogvideox-1.5": OF_COGVIDEO, "ms": OF_NOISE,
    "animatediff": dict(list(OF_NOISE.items())[:3]),
}  # fmt: skip
"""Setup -> schedulers that its pipeline takes, with the settings that fit the model; the others keep their own."""
ANYWHERE = "resident, model_offload, staged"
PLACEMENTS = {
    ANYWHERE: Placement.WHOLE, "block_offload": Placement.BLOCKS,
    "leaf_offload": Placement.LEAVES, "disk_offload": Placement.DISK,
}  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """One setup and where its work goes."""

    name: str
    setup: Setup
    model: Path
    work: Path

    def driven(
        self, scheduler: str | None, config: dict[str, Any] | None, placement: Placement = Placement.WHOLE
    ) -> Driven:
        """Opens the checkpoint with a scheduler, its weights placed."""
        settings = replace(self.setup.settings, scheduler=scheduler, scheduler_config=config or {})
        others = {"motion_adapter": Origin(str(self.model / "adapter"))} if self.name == "animatediff" else None
        made = drive(self.setup.family, self.model, settings, others)
        made.of(made.family.encode_components)
        if placement is not Placement.WHOLE:
            for part in made.family.denoise_components(from_image=self.setup.case.frames_NHWC is not None):
                module = made.of((part,))[part]
                made.components[part] = place(module, placement, role_by_name(part), "cpu", offload_dir=self.work)
        return made

    def drafting(self, driven: Driven, *, windows: bool = False) -> Drafting:
        """Returns a clip in a store of its own."""
        case = replace(self.setup.case, num_inference_steps=STEPS)
        if not windows:
            case = replace(case, window=None, num_frames=self.setup.case.window[0])
        return Drafting(Path(tempfile.mkdtemp(dir=self.work)), driven, case, every=1)


def continued(bench: Bench, driven: Driven, whole: torch.Tensor, total: int, **options: bool) -> str:
    """Drafts and continues from every step; says of how many the latents are the same."""
    same = 0
    for step in range(1, total):
        clip = bench.drafting(driven, **options)
        clip.draft(step)
        same += torch.equal(clip.run(), whole)
    return told(same, total - 1)


def told(same: int, of: int) -> str:
    return f"{same}/{of}" if same == of else f"**{same}/{of} DIFFERS**"


def killed(work: Callable[[], object]) -> None:
    """Runs something in a process that kills itself."""
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
        sys.exit("a process that was to be killed ended otherwise")


def die(*_args: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_between(clip: Drafting) -> None:
    DraftRun.write_checkpoint = die  # type: ignore[method-assign] # in a process of its own
    clip.draft(2)


def dies_after(clip: Drafting, steps: int, work: Callable[[], object]) -> None:
    clip.stops = lambda: die() if clip.seen[-1] >= steps else False  # type: ignore[assignment,return-value]
    work()


def kills(bench: Bench, driven: Driven, whole: torch.Tensor, **options: bool) -> str:
    """Kills a draft in its middle, between its two files, and the continuation; then finishes each clip."""
    deaths: list[Callable[[Drafting], None]] = [
        lambda clip: dies_after(clip, 2, lambda: clip.draft(3)),
        dies_between,
        lambda clip: (clip.draft(1), dies_after(clip, 2, clip.run))[1],
    ]
    same = 0
    for death in deaths:
        clip = bench.drafting(driven, **options)
        killed(lambda clip=clip, death=death: death(clip))
        clip.draft(2)
        same += clip.is_drafted(2) and torch.equal(clip.run(), whole)
    return told(same, len(deaths))


def stock(bench: Bench, driven: Driven) -> torch.Tensor:
    """The latents of the stock pipeline for the same arguments."""
    case, family = replace(bench.setup.case, num_frames=bench.setup.case.window[0]), driven.family
    # transformers 5 takes HunyuanVideo's tokenizer for another, and loads Kandinsky's with torchvision alone.
    tokenizers = {name: part for name, part in driven.components.items() if name.startswith("tokenizer")}
    parts = {"scheduler": family.scheduler(), **dict.fromkeys(tokenizers)}
    if bench.name == "animatediff":
        parts["motion_adapter"] = diffusers.MotionAdapter.from_pretrained(bench.model / "adapter")
    pipeline_class = getattr(diffusers, family.pipeline)
    pipe = pipeline_class.from_pretrained(bench.model, torch_dtype=torch.float32, **parts)
    pipe.set_progress_bar_config(disable=True)
    for name, part in tokenizers.items():
        setattr(pipe, name, part)
    given = {
        "prompt": case.prompt, "negative_prompt": case.negative_prompt, "height": case.height, "width": case.width,
        "num_frames": case.num_frames, "frames": case.num_frames, "frame_rate": case.fps, "num_inference_steps": STEPS,
        "guidance_scale": case.guidance_scale, "generator": torch.Generator().manual_seed(case.seed),
        "max_sequence_length": family.settings.max_sequence_length, "output_type": "latent",
        **family.settings.pipeline_kwargs,
    }  # fmt: skip
    if "guider" in pipe.components:
        pipe.guider = pipe.guider.new(guidance_scale=case.guidance_scale)
        pipe.tokenizer_max_length = family.settings.max_sequence_length
    known = inspect.signature(pipeline_class.__call__).parameters
    latents: torch.Tensor = pipe(**{name: value for name, value in given.items() if name in known}).frames
    return latents


def row(*cells: str) -> None:
    print("| " + " | ".join(cells) + " |", flush=True)


def of_schedulers(bench: Bench) -> None:
    """Prints a row for each scheduler."""
    schedulers: dict[str | None, dict[str, Any]] = {**SCHEDULERS.get(bench.name, {None: {}})}
    for name, config in schedulers.items():
        driven = bench.driven(None if name is None else f"{name}Scheduler", config)
        clip = bench.drafting(driven)
        whole = clip.run()
        is_text = bench.setup.case.frames_NHWC is None
        equal = ("yes" if torch.equal(stock(bench, driven), whole) else "**no**") if is_text else "-"
        found = continued(bench, driven, whole, clip.seen[-1]), kills(bench, driven, whole)
        row(bench.name, driven.family.scheduler_name.removesuffix("Scheduler"), ANYWHERE, equal, *found)


def of_placements(bench: Bench) -> None:
    """Prints a row for each memory strategy beside the first, and one for windows."""
    own = bench.driven(None, None)
    name = own.family.scheduler_name.removesuffix("Scheduler")
    clip = bench.drafting(own)
    whole = clip.run()
    for label, placement in list(PLACEMENTS.items())[1:]:
        driven = bench.driven(None, None, placement)
        again = bench.drafting(driven).run()
        same = "same as resident" if torch.equal(again, whole) else "**other than resident**"
        row(bench.name, name, label, same, continued(bench, driven, whole, clip.seen[-1]), kills(bench, driven, whole))
    clip = bench.drafting(own, windows=True)
    whole = clip.run()
    row(
        f"{bench.name}, in windows", name, ANYWHERE, "-",
        continued(bench, own, whole, clip.seen[-1], windows=True), kills(bench, own, whole, windows=True),
    )  # fmt: skip


def measure(names: Iterable[str]) -> None:
    row(
        "setup", "scheduler", "memory.strategy", "undrafted = stock diffusers", "continued = undrafted", "after SIGKILL"
    )
    row(*["---"] * 6)
    with tempfile.TemporaryDirectory(prefix="draft-bits-") as folder:
        for name in names:
            setup, work = SETUPS[name], Path(folder, "work", name)
            work.mkdir(parents=True)
            model = Path(folder, setup.option)
            bench = Bench(name, setup, model if model.is_dir() else tiny.build(setup.option, model), work)
            of_schedulers(bench)
            of_placements(bench)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setups", nargs="*", default=list(SETUPS), help=f"some of {', '.join(SETUPS)}")
    warnings.filterwarnings("ignore")
    diffusers.logging.set_verbosity_error()
    transformers.logging.set_verbosity_error()
    for library in (diffusers, transformers):
        library.logging.disable_progress_bar()
    torch.set_num_threads(1)  # a process with threads cannot be forked
    measure(parser.parse_args().setups)


if __name__ == "__main__":
    main()
