"""Drives a family as the stages do, beside the stock pipeline it must equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vgpipe.models.base import (
    Decoded,
    DecodeRequest,
    DenoiseRequest,
    Family,
    PlacedFrames,
    SectionHistory,
    Settings,
    Windows,
    WindowShot,
)
from vgpipe.models.open import Origin, open_checkpoint
from vgpipe.models.registry import family
from vgpipe.models.resumable import ResumableScheduler, scheduler_state
from vgpipe.models.weights.load_component import load_component


@dataclass(frozen=True)
class Case:
    """One clip; the fields are diffusers' parameter names.

    `window` are a window's frames and those that neighbours share; `shots` the frames from which on other prompts hold.
    """

    prompt: str
    negative_prompt: str = ""
    seed: int = 0
    guidance_scale: float = 3.0
    width: int = 48
    height: int = 32
    num_frames: int = 9
    num_inference_steps: int = 6
    fps: float = 8
    frames_NHWC: np.ndarray | None = None
    window: tuple[int, int] | None = None
    shots: tuple[tuple[int, str], ...] = ()
    guidance_interval: tuple[float, float] = (0.0, 1.0)
    last_frame_HWC: np.ndarray | None = None
    placed: tuple[PlacedFrames, ...] = ()
    source_NHWC: np.ndarray | None = None
    strength: float | None = None

    @property
    def given(self) -> dict[str, Any]:
        """What it is given beside text, as the request names it."""
        return {
            name: getattr(self, name) for name in ("frames_NHWC", "last_frame_HWC", "placed", "source_NHWC", "strength")
        }

    @property
    def is_given_frames(self) -> bool:
        return bool(self.placed) or any(
            one is not None for one in (self.frames_NHWC, self.last_frame_HWC, self.source_NHWC)
        )

    @property
    def skipped(self) -> int:
        """Steps that are not made, as a video is their result."""
        steps = self.num_inference_steps
        return 0 if self.strength is None else steps - min(int(steps * self.strength), steps)


@dataclass
class Driven:
    """A family on a checkpoint, all parts loaded."""

    family: Family
    components: dict[str, Any] = field(default_factory=dict)

    def of(self, names: tuple[str, ...]) -> dict[str, Any]:
        for name in names:
            if name not in self.components:
                one = self.family
                self.components[name] = one.load(
                    name, lambda component, one=one: load_component(one.checkpoint, component, one.settings, "cpu")
                )
        return {name: self.components[name] for name in names}

    def latents(
        self,
        case: Case,
        *,
        done: int = 0,
        saved: tuple | None = None,
        spy: list | None = None,
        after: tuple[DecodeRequest, int] | None = None,
    ) -> tuple[torch.Tensor, DecodeRequest]:
        """Encodes and denoises; `spy` collects (steps done, latents, scheduler state, generator state).

        `after` are the section that the case continues, as this returned it, and the frames that they share.
        """
        one, scheduler, done = self.family, self.family.scheduler(), max(done, case.skipped)
        generator = torch.Generator().manual_seed(case.seed)
        if after is not None:
            generator.set_state(after[0].generator.get_state())

        def on_step_end(steps: int, latents: torch.Tensor) -> None:
            if spy is not None:
                spy.append((done + steps, latents.clone(), scheduler_state(scheduler), generator.get_state()))

        texts = self.of(one.encode_components)
        embeds = one.encode(texts, case.prompt)
        uses_negative = one.uses_negative_prompt(case.guidance_scale)
        request = DenoiseRequest(
            embeds=embeds,
            negative_embeds=one.encode(texts, case.negative_prompt) if uses_negative else None,
            width=case.width,
            height=case.height,
            num_frames=case.num_frames,
            fps=case.fps,
            num_inference_steps=case.num_inference_steps,
            guidance_scale=case.guidance_scale,
            generator=generator,
            latents=saved[1] if saved else None,
            on_step_end=on_step_end,
            **case.given,
            windows=self.windows(case),
            guidance_interval=case.guidance_interval,
            history=SectionHistory(latents=after[0].latents, num_frames=after[1]) if after else None,
        )
        resumable = ResumableScheduler(
            scheduler,
            done_steps=done,
            state=saved[2] if saved else None,
            before_first_step=(lambda: generator.set_state(saved[3])) if saved else None,
            skipped_steps=case.skipped,
        )
        parts = self.of(one.denoise_components(from_image=case.is_given_frames))
        latents = one.denoise(parts, resumable, request)
        floating = [tensor.dtype for tensor in embeds.values() if tensor.is_floating_point()]
        decode = DecodeRequest(
            latents=latents,
            width=case.width,
            height=case.height,
            num_frames=case.num_frames,
            generator=generator,
            embeds_dtype=floating[0] if floating else torch.float32,
        )
        return latents, decode

    def windows(self, case: Case) -> Windows | None:
        """The windows of a case, the prompts of its shots encoded."""
        if case.window is None:
            return None
        texts = self.of(self.family.encode_components)
        shots = (
            WindowShot(first_frame=frame, embeds=self.family.encode(texts, prompt)) for frame, prompt in case.shots
        )
        return Windows(num_frames=case.window[0], overlap_frames=case.window[1], shots=tuple(shots))

    def frames(self, request: DecodeRequest) -> np.ndarray:
        return self.decoded(request).frames_THWC

    def decoded(self, request: DecodeRequest) -> Decoded:
        return self.family.decode(self.of(self.family.decode_components), request)


def drive(name: str, folder: Path, settings: Settings | None = None, others: Mapping[str, Origin] | None = None):
    """Opens a checkpoint folder with a family and its default settings."""
    checkpoint = open_checkpoint(Origin(str(folder)), others)
    driven = Driven(family(name, checkpoint, settings or Settings(max_sequence_length=16)))
    driven.family.check()
    return driven


def assert_equals_stock(driven: Driven, case: Case, stock_latents: torch.Tensor, stock_frames: np.ndarray) -> None:
    """Compares latents and decoded frames (T, H, W, 3) in 0 to 1, bit for bit."""
    latents, decode = driven.latents(case)
    assert latents.dtype == stock_latents.dtype and torch.equal(latents, stock_latents)
    frames = driven.frames(decode)
    assert frames.dtype == np.uint8
    assert np.array_equal(frames, (stock_frames * 255).round().astype("uint8"))


def assert_resumes(driven: Driven, case: Case, steps: list[int]) -> None:
    """Goes on from each of `steps` and compares with the pass that was never interrupted.

    The frames are those of the same latents: where decoding begins with the same randomness too, that is seen once.
    """
    seen: list = []
    whole, decode = driven.latents(case, spy=seen)
    state = decode.generator.get_state()
    frames = driven.frames(decode)
    for step in steps:
        saved = seen[step - 1 - case.skipped]
        assert saved[0] == step
        latents, again = driven.latents(case, done=step, saved=saved)
        assert torch.equal(latents, whole), f"resumed at step {step}"
        if step == steps[-1] or not torch.equal(again.generator.get_state(), state):
            assert np.array_equal(driven.frames(again), frames), f"resumed at step {step}"


def assert_renders_and_reuses(vgpipe: Callable[..., Any], *command: str) -> Any:
    """Renders one clip by the command line, whole and undegraded, and finds it in the store the second time.

    Returns:
        What the first time said.
    """
    first = vgpipe(*command)
    assert first.code == 0, first.err
    assert "Loading checkpoint shards" not in first.err, "no bar but vgpipe's own"
    (record,) = first.records()
    assert record["state"] == "done" and not record["degradations"] and not record["reused"]
    assert (first.root / record["files"]["mp4"]).stat().st_size > 0
    again = vgpipe(*command)
    (record,) = again.records()
    assert again.code == 0 and record["state"] == "done" and record["reused"]
    return first
