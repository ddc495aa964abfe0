"""Runs the stages of a family on fake components."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.overrides import TorchFunctionMode

from vgpipe.models.base import DecodeRequest, DenoiseRequest, Embeds, Family, PlacedFrames
from vgpipe.models.resumable import ResumableScheduler
from vgpipe.planner.profile_records import ClipSpec, Kernels
from vgpipe.planner.profiling.attention import Attention
from vgpipe.planner.profiling.fake_components import FakeComponent, Run
from vgpipe.planner.profiling.fake_mode import FakeRouting
from vgpipe.planner.profiling.fake_tokenizer import PROMPT, FakeTokenizer
from vgpipe.planner.profiling.memory_mode import Tracker
from vgpipe.planner.profiling.meta_weights import make_fake, meta_component
from vgpipe.planner.profiling.recorder import Recorder
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE

STEPS, STEPS_OF_EXPERTS = 4, 8
GREY = 128


class _LeftDevice(Exception):
    """Ends a pipeline once its frames leave the device."""


class _StopAtDeviceExit(TorchFunctionMode):
    """Ends a stage where fake frames leave the device, or would become a NumPy array."""

    def __init__(self, kernels: Kernels):
        super().__init__()
        self._exits = (torch.Tensor.numpy,) if kernels == "cpu" else (torch.Tensor.numpy, torch.Tensor.cpu)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs a function, or raises `_Ended`."""
        if func in self._exits and isinstance(args[0], FakeTensor):
            raise _LeftDevice
        return func(*args, **(kwargs or {}))


@dataclass(slots=True)
class StageRun:
    """The measurements of one stage's fake run.

    Attributes:
        stage: encode, denoise or decode.
        components: part -> fake component, in the family's order, without those that have no weights.
        peak_bytes: the most alive at once, the pipeline's own tensors included.
        pipeline_bytes: the most alive while no component ran.
        workspace_bytes: what convolutions on a CPU need internally, beyond that peak.
        result: of the stage; None for decode.
        rounds: iterations of the stage's loop: denoising steps, otherwise 1.
    """

    stage: str
    components: dict[str, FakeComponent] = field(default_factory=dict)
    peak_bytes: int = 0
    pipeline_bytes: int = 0
    workspace_bytes: int = 0
    result: Any = None
    rounds: int = 1


class FakeStages:
    """Runs stages of one family for one clip.

    Args:
        family: bound to the model.
        spec: the clip.
        kernels: those to assume.
    """

    def __init__(self, family: Family, spec: ClipSpec, kernels: Kernels):
        self._family, self._spec, self._kernels = family, spec, kernels
        family.check_classes()  # imports them now, so that what their modules allocate is not counted

    def encode(self) -> StageRun:
        """Encodes one text of full length; the result is its embeddings, real zeros."""
        with self._running(ENCODE, self._family.encode_components) as (run, parts, _tracker):
            run.result = self._family.encode(parts, PROMPT)
        return run

    def denoise(self, embeds: Embeds) -> StageRun:
        """Runs a few steps from noise; the result is latents, a real tensor."""
        spec, names = self._spec, self._family.denoise_components(from_image=self._spec.from_image)
        experts = sum(name.startswith("transformer") for name in names)
        steps = STEPS if experts < 2 else STEPS_OF_EXPERTS
        steps_run: list[int] = []
        negative = None
        if self._family.uses_negative_prompt(spec.guidance_scale):
            negative = {name: tensor.clone() for name, tensor in embeds.items()}
        with self._running(DENOISE, names) as (run, parts, tracker):
            tracker.hold([*embeds.values(), *(negative or {}).values()])
            scheduler = ResumableScheduler(self._family.scheduler())
            run.result = self._family.denoise(
                parts, scheduler, self._request(embeds, negative, steps, steps_run.append)
            )
        run.rounds = len(steps_run) or steps  # some schedules run one step more than requested
        return run

    def decode(self, latents: torch.Tensor | None, embeds: Embeds) -> StageRun:
        """Decodes latents until the frames leave the device."""
        with self._running(DECODE, self._family.decode_components) as (run, parts, tracker):
            if latents is not None:
                others = self._read_with_latents()
                tracker.hold([latents, *others])
                self._family.decode(parts, self._decode_request(latents, embeds))
        return run

    def _read_with_latents(self) -> list[torch.Tensor]:
        """Returns the tensors that a run reads with the latents, and keeps in RAM."""
        return [torch.Generator("cpu").get_state()] if self._kernels == "cpu" else []

    @contextmanager
    def _running(self, stage: str, names: tuple[str, ...]) -> Iterator[tuple[StageRun, dict[str, Any], Tracker]]:
        routing, tracker = FakeRouting(), Tracker(self._kernels)
        shared = Run(Recorder(tracker), routing, Attention(self._kernels, tracker))
        parts = {name: self._part(name, shared, routing) for name in names}
        run = StageRun(stage, {name: part for name, part in parts.items() if isinstance(part, FakeComponent)})
        try:
            with routing, tracker, _StopAtDeviceExit(self._kernels):
                yield run, parts, tracker
        except _LeftDevice:
            pass
        run.peak_bytes, run.pipeline_bytes = tracker.top.peak_bytes, tracker.top.own_bytes
        run.workspace_bytes = max(tracker.workspace_peak_bytes - run.peak_bytes, 0)

    def _part(self, name: str, shared: Run, routing: FakeRouting) -> Any:
        family = self._family
        if name.startswith("tokenizer"):
            return FakeTokenizer(str(family.checkpoint.index[name][1]))
        with torch.device("meta"), torch.no_grad():
            loaded = family.load(name, lambda one: meta_component(family.checkpoint, one, family.settings))
        if not isinstance(loaded, torch.nn.Module):
            return loaded
        make_fake(loaded, routing.fake_mode)
        return FakeComponent(name, loaded, shared)

    def _request(
        self, embeds: Embeds, negative: Embeds | None, steps: int, on_step: Callable[[int], None]
    ) -> DenoiseRequest:
        spec = self._spec
        return DenoiseRequest(
            embeds=embeds,
            negative_embeds=negative,
            width=spec.width,
            height=spec.height,
            num_frames=spec.num_frames,
            fps=spec.fps,
            num_inference_steps=steps,
            guidance_scale=spec.guidance_scale,
            generator=torch.Generator("cpu").manual_seed(0),
            latents=None,
            on_step_end=lambda step, _latents: on_step(step),
            **self._given(),
        )

    def _given(self) -> dict[str, Any]:
        """Returns grey frames where a clip is given any, as a request names them; images are spread over its length."""
        import numpy as np

        spec = self._spec

        def grey(count: int) -> Any:
            return np.full((count, spec.height, spec.width, 3), GREY, np.uint8)

        first = spec.first_frames or int(spec.from_image and not (spec.last_image or spec.num_images or spec.restyles))
        has_last = spec.last_image or (spec.from_image and self._family.needs_last_image)
        apart = (spec.num_frames - 1) / (spec.num_images + 1)
        places = [round(apart * number) for number in range(1, spec.num_images + 1)]
        return {
            "frames_NHWC": grey(first) if first else None,
            "last_frame_HWC": grey(1)[0] if has_last else None,
            "placed": tuple(PlacedFrames(first_frame=place, frames_NHWC=grey(1)) for place in places),
            "source_NHWC": grey(spec.num_frames) if spec.restyles else None,
            "strength": 1.0 if spec.restyles else None,
        }

    def _decode_request(self, latents: torch.Tensor, embeds: Embeds) -> DecodeRequest:
        dtypes = [tensor.dtype for tensor in embeds.values() if tensor.is_floating_point()]
        return DecodeRequest(
            latents=latents,
            width=self._spec.width,
            height=self._spec.height,
            num_frames=self._spec.num_frames,
            generator=torch.Generator("cpu").manual_seed(0),
            embeds_dtype=dtypes[0] if dtypes else torch.float32,
        )
