"""Host RAM and disk of a plan, and the inputs of a plan that are not in its profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import inf

from vgpipe.memory.strategies import Placement, Strategy
from vgpipe.models.caches.choice import StepCache
from vgpipe.planner.estimate.step_cache import denoisers_of, state_bytes
from vgpipe.planner.profile_records import Leaf, Profile, StageProfile
from vgpipe.units import MIB
from vgpipe.vocabulary import DECODE, DENOISE

PROCESS_BYTES = 440 * MIB
"""RSS of a working process without its tensors: torch 2.13 for CPUs, a diffusers pipeline and transformers are
imported, and code that a stage calls. It is 440 MiB (median of 30 stages) where the process has run the model's code on
fake tensors for its plan, or where a LoRA or torchao brings in all that diffusers asks for; 390 where the plan was in
the cache; a worker process, which plans nothing, has 339 by `models/imports/lean.py`."""
DEVICE_RUNTIME_BYTES = 512 * MIB  # what CUDA's libraries and context add; assumed, not measured

FRAME_BYTES = 3  # uint8 RGB
FLOAT_FRAME_COPIES = 3  # of float32 frames while they are rounded: as diffusers gives them, times 255, rounded
SAME_PRECISION = (0.8, 1.25)
"""A file's size per size of its weights; outside of it, loading converts them and holds both."""
CHECKPOINT_COPIES = 2
"""Of each tensor of a checkpoint in RAM: the tensor, and the bytes of the file."""
CHECKPOINT_LATENTS = 5
"""Tensors as large as the latents in a checkpoint, with the history of a scheduler such as UniPC of second order: of
the embedded model 113,988 bytes, where the latents have 20,480."""
VIDEO_BYTES_PER_PIXEL = 0.2  # of H.264 at the exporter's quality (vgpipe/exporters/sizes.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundBytes:
    """The bytes on the disk that a second of sound takes.

    Attributes:
        decoded_per_s: beside the decoded frames, until the files are written.
        files_per_s: in all files of a clip.
    """

    decoded_per_s: float = 0.0
    files_per_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """Everything that a plan depends on besides the profile, the device and the request.

    Attributes:
        download_bytes: weight files that are not on the disk yet.
        file_bytes: component -> size of its weight file, where the plan depends on it, as for GGUF.
        clips: clips in a wave; the cost of moving components once per wave is divided by it.
        loads_again: whether what is dropped after its stage is needed again: there are several waves, or segments.
        process_bytes: RSS of the process before any weight is loaded; None is the default.
        context_bytes: device memory that is taken before the first tensor; None is the default of the device's kind.
        attention: the denoiser's attention backend.
        own_ratios: stage -> least and most seconds that this machine's own runs took, per second that was expected.
        file_bytes_per_pixel: bytes of finished files per pixel of each frame.
        sound: how many bytes the sound of clips takes; nothing where they have none.
        cache: the denoiser's step cache; None for none.
    """

    download_bytes: int = 0
    file_bytes: Mapping[str, int] = field(default_factory=dict)
    clips: int = 1
    loads_again: bool = False
    process_bytes: int | None = None
    context_bytes: int | None = None
    attention: str = "sdpa"
    own_ratios: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    file_bytes_per_pixel: float = VIDEO_BYTES_PER_PIXEL
    sound: SoundBytes = SoundBytes()
    cache: StepCache | None = None

    @property
    def clips_per_load(self) -> float:
        """Returns how many clips share the loading of what is dropped after its stage; infinite where that is once."""
        return self.clips if self.loads_again else inf


class Counted(Enum):
    """Which pages of a process count as its RAM."""

    NEEDED = "needed"
    """Those that the system cannot drop: it reads pages of weight files again where RAM is short."""
    RESIDENT = "resident"
    """All that are in RAM (RSS), so also weight files as far as they are mapped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostComponent:
    """What one component takes of RAM.

    Attributes:
        name: in the checkpoint.
        where: where its weights are while its stage runs.
        stored_bytes: its weights as stored.
        native_bytes: its weights in the precision that they are loaded in.
        leaves: its layers.
        in_stage: whether the stage runs it.
        file_bytes: its weight files; 0 where not known.
    """

    name: str
    where: Placement
    stored_bytes: int
    native_bytes: int
    leaves: tuple[Leaf, ...]
    in_stage: bool
    file_bytes: int = 0

    @property
    def mapped_bytes(self) -> int:
        """Size of the files that are in RAM besides the weights while these are converted; 0 if none is converted."""
        return 0 if self.is_as_stored else self.file_bytes

    @property
    def is_as_stored(self) -> bool:
        """Whether its files have the precision that it is loaded in, so that its weights are the mapped files."""
        least, most = (self.native_bytes * share for share in SAME_PRECISION)
        return least <= self.file_bytes <= most

    def loading_bytes(self, counted: Counted, *, in_files: bool) -> int:
        """Returns what loading takes until the weights are where they belong.

        Args:
            counted: which pages count.
            in_files: whether the weights go to files; then they are converted one tensor at a time.
        """
        if counted is Counted.RESIDENT:
            return self.native_bytes + self.mapped_bytes
        if not (self.is_as_stored or (in_files and self.file_bytes)):
            return self.native_bytes
        return self.stored_bytes if self.stored_bytes != self.native_bytes else 0

    @property
    def largest_leaf_bytes(self) -> int:
        """Weights of its largest layer."""
        return max((leaf.weight_bytes for leaf in self.leaves), default=0)


def ram_by_cause(
    profile: Profile,
    stage: StageProfile,
    parts: tuple[HostComponent, ...],
    *,
    strategy: Strategy,
    stream: bool,
    is_cpu: bool,
    allocated_bytes: int,
    inputs: PlanInputs,
    counted: Counted = Counted.RESIDENT,
) -> dict[str, int]:
    """Returns the RAM of the process at the moment when a stage takes the most, by cause, in bytes.

    Causes:
        process: interpreter, libraries and, with a device, its runtime.
        device: on the CPU, where RAM is the device: everything that `allocated_bytes` counts.
        workspace: on the CPU, the internal copies of its convolutions.
        loading: the stage's component that takes the most on its way from its files to its place, as far as that
            exceeds the peak of the work.
        waiting: components that wait in RAM for their stage.
        offloaded: weights that are in RAM until their component, block or leaf runs; pinned ones as the host allocator
            rounds them up.
        checkpoint: what a step cache keeps on a device, as it is copied into a checkpoint.
        frames: finished frames while they are rounded, as far as they exceed loading, or decoding on the CPU.

    Args:
        profile: the model at one size.
        stage: the stage.
        parts: every component.
        strategy: where components live.
        stream: whether offloaded weights are pinned.
        is_cpu: whether RAM is the device.
        allocated_bytes: peak of the device's memory in this stage.
        inputs: the process's own size.
        counted: which pages count.
    """
    process = PROCESS_BYTES + (0 if is_cpu else DEVICE_RUNTIME_BYTES)
    found = {"process": process if inputs.process_bytes is None else inputs.process_bytes}
    if is_cpu:
        found |= _on_cpu(parts, strategy, allocated_bytes, stage.workspace_bytes, counted)
    else:
        found |= _weights_in_ram(parts, strategy, stream, counted)
    if kept := state_bytes(inputs.cache, denoisers_of(profile, stage)):
        found["checkpoint"] = CHECKPOINT_COPIES * kept
    if stage.stage != DECODE:
        return found
    return _with_frames(found, _frame_bytes(profile), _staying_bytes(parts) if is_cpu else 0)


def _on_cpu(
    parts: tuple[HostComponent, ...], strategy: Strategy, allocated_bytes: int, workspace_bytes: int, counted: Counted
) -> dict[str, int]:
    stays = [part for part in parts if not part.in_stage and strategy is Strategy.RESIDENT]
    held_bytes = sum(part.stored_bytes for part in stays)
    loading = 0
    for part in parts:
        if part.in_stage:
            in_files = part.where is not Placement.WHOLE
            loading = max(loading, held_bytes + part.loading_bytes(counted, in_files=in_files))
            held_bytes += 0 if in_files else part.stored_bytes
    working = allocated_bytes + workspace_bytes
    return {"device": allocated_bytes, "workspace": workspace_bytes, "loading": max(loading - working, 0)}


def _with_frames(found: dict[str, int], frame_bytes: int, staying_bytes: int) -> dict[str, int]:
    """Adds what frames take after decoding, when its activations, or the files of its weights, are freed."""
    freed = found.get("loading", 0) + found.get("workspace", 0)
    freed += found["device"] - staying_bytes if "device" in found else 0
    return found | {"frames": max(frame_bytes - freed, 0)}


def _staying_bytes(parts: tuple[HostComponent, ...]) -> int:
    return sum(part.stored_bytes for part in parts if part.in_stage and part.where is Placement.WHOLE)


def _weights_in_ram(
    parts: tuple[HostComponent, ...], strategy: Strategy, stream: bool, counted: Counted
) -> dict[str, int]:
    if strategy is Strategy.MODEL_OFFLOAD:  # between two stages all of them are in RAM
        exceeding = (part.loading_bytes(counted, in_files=False) - part.stored_bytes for part in parts)
        return {"waiting": sum(part.stored_bytes for part in parts), "loading": max([0, *exceeding])}
    mine = [part for part in parts if part.in_stage]
    offloaded = {part.name: _offloaded_bytes(part, stream) for part in mine}
    total = sum(offloaded.values())
    loading = (
        total
        - (0 if _is_held_twice(part, stream) else offloaded[part.name])
        + part.loading_bytes(counted, in_files=part.where is Placement.DISK)
        for part in mine
    )
    return {"loading": max(max(loading, default=0) - total, 0), "offloaded": total}


def _is_held_twice(part: HostComponent, stream: bool) -> bool:
    """Returns whether all pinned copies exist before the first weight is released: diffusers (0.42) pins all blocks."""
    return stream and part.where is Placement.BLOCKS


def _offloaded_bytes(part: HostComponent, stream: bool) -> int:
    if part.where is Placement.DISK:
        return part.largest_leaf_bytes
    if part.where is Placement.WHOLE:
        return 0
    return pinned_bytes(part) if stream and part.where is not Placement.ON_CALL else part.stored_bytes


def pinned_bytes(part: HostComponent) -> int:
    """Returns what a component takes in pinned RAM: torch rounds every tensor up to a power of two (pytorch#171662)."""
    share = part.stored_bytes / max(part.native_bytes, 1)
    matrices = [leaf.elements * leaf.itemsize for leaf in part.leaves]
    others = [leaf.weight_bytes - matrix for leaf, matrix in zip(part.leaves, matrices, strict=True)]
    return sum(_power_of_two(size_bytes * share) for size_bytes in (*matrices, *others)) or part.stored_bytes


def _power_of_two(size_bytes: float) -> int:
    whole = int(size_bytes)
    return 1 << (whole - 1).bit_length() if whole > 0 else 0


def _frame_bytes(profile: Profile) -> int:
    return _pixels(profile) * FRAME_BYTES * 4 * FLOAT_FRAME_COPIES


def _seconds(profile: Profile) -> float:
    return profile.spec.num_frames / profile.spec.fps


def _pixels(profile: Profile) -> int:
    return profile.spec.width * profile.spec.height * profile.spec.num_frames


def disk_bytes(profile: Profile, parts: tuple[HostComponent, ...], inputs: PlanInputs, *, is_cpu: bool) -> int:
    """Returns what one clip leaves in the store, and the size of the files of offloaded weights.

    Args:
        profile: the model at one size.
        parts: every component, with where its weights are.
        inputs: the size of finished files per pixel.
        is_cpu: whether all offloaded weights wait in files.
    """
    in_files = {Placement.DISK} | ({Placement.BLOCKS, Placement.LEAVES} if is_cpu else set())
    waiting = [part for part in parts if part.where in in_files]
    offloaded = sum(part.stored_bytes for part in waiting)
    # A converted copy of one component at a time, until its weights are in files of their own.
    offloaded += max((part.native_bytes for part in waiting if part.file_bytes and not part.is_as_stored), default=0)
    decoded = _pixels(profile) * FRAME_BYTES + round(_seconds(profile) * inputs.sound.decoded_per_s)
    return offloaded + decoded + kept_bytes(profile, inputs)


def kept_bytes(profile: Profile, inputs: PlanInputs) -> int:
    """Returns what one clip leaves in the store for good; its frames are deleted once its files are written.

    A draft also leaves the checkpoint that it is continued from.
    """
    outputs = sum(use.output_bytes for stage in profile.stages if stage.stage != DECODE for use in stage.uses)
    denoising = (use.output_bytes for stage in profile.stages if stage.stage == DENOISE for use in stage.uses)
    checkpoint = CHECKPOINT_LATENTS * max(denoising, default=0) if profile.spec.is_draft else 0
    if profile.spec.is_draft:
        checkpoint += sum(state_bytes(inputs.cache, denoisers_of(profile, stage)) for stage in profile.stages)
    files = _pixels(profile) * inputs.file_bytes_per_pixel + _seconds(profile) * inputs.sound.files_per_s
    return outputs + checkpoint + round(files)
