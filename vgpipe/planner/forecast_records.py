"""Records of a forecast: the device that is planned for, and what each stage takes on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from vgpipe.memory.strategies import Strategy
from vgpipe.planner.profile_records import ClipSpec, Kernels


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakRates:
    """Peak rates of a device, 10^12 operations per second; None where unknown."""

    fp32: float | None = None
    fp16: float | None = None
    bf16: float | None = None
    fp8: float | None = None
    int8: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRates:
    """What was timed on this machine beside matrix products; None where it could not be.

    Attributes:
        conv: convolutions.
        attention: attention proper.
        elementwise_gb_s: operations on every element, 10^9 bytes read and written per second.
        kernel_s: seconds that an operation takes beside its work.
    """

    conv: PeakRates = field(default_factory=PeakRates)
    attention: PeakRates = field(default_factory=PeakRates)
    elementwise_gb_s: float | None = None
    kernel_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """The device of a plan.

    Attributes:
        name: the hardware option, such as `rtx3060_12gb`.
        kind: cuda, mps, xpu or cpu.
        memory_gb: usable device memory, GiB; for a CPU, RAM. None: unknown, anything fits.
        ram_gb: usable RAM of the host, GiB; None: unknown, anything fits.
        assumed_ram_gb: all RAM of the host, GiB, where it was not read but assumed; else None.
        disk_gb: free disk, GiB; None: unknown.
        peak: peak rates.
        memory_bandwidth_gb_s: 10^9 bytes per second; None: unknown.
        pcie_bandwidth_gb_s: host to device, 10^9 bytes per second; None: unknown or shared memory.
        fused_attention: whether attention takes no quadratic memory.
        label: what people call the device, `RTX 3060 12GB`; empty where it has only its name.
        timed: the rates of other work, where this machine was timed; None for what a data sheet describes.
    """

    name: str
    kind: str
    memory_gb: float | None
    ram_gb: float | None = None
    assumed_ram_gb: float | None = None
    disk_gb: float | None = None
    peak: PeakRates = field(default_factory=PeakRates)
    memory_bandwidth_gb_s: float | None = None
    pcie_bandwidth_gb_s: float | None = None
    fused_attention: bool = True
    label: str = ""
    timed: TimedRates | None = None

    @property
    def title(self) -> str:
        """What people call the device."""
        return self.label or self.name

    @property
    def kernels(self) -> Kernels:
        """The kernels that a profile for this device assumes."""
        if self.kind == "cpu":
            return "cpu"
        return "cuda" if self.fused_attention else "cuda_math"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageForecast:
    """Memory, work and time of one stage.

    Attributes:
        stage: encode, denoise, decode or export.
        allocated_bytes: peak of live device memory.
        reserved_bytes: what the caching allocator holds then, the device's context included.
        ram_bytes: peak RAM that the process needs: without pages of weight files, which the system drops and reads
            again where RAM is short.
        weight_bytes: of the peak, weights.
        activation_bytes: of the peak, everything else.
        own_bytes: all weights of its components as stored, wherever they are.
        flops: operations for one clip.
        transfer_bytes: moved between host and device for one clip.
        seconds: least and most, for one clip; None where no rate is known.
        method: how the memory figure was found.
        strategy: where its components live, if stages differ; None is the strategy of the whole forecast.
        file_pages_bytes: how much larger the process is at its peak (RSS) while weight files are mapped.
        expected_s: the most likely seconds of its computations, before own measurements; None where no rate is known.
    """

    stage: str
    allocated_bytes: int
    reserved_bytes: int
    ram_bytes: int
    weight_bytes: int
    activation_bytes: int
    own_bytes: int
    flops: float
    transfer_bytes: int
    seconds: tuple[float, float] | None
    method: str
    strategy: Strategy | None = None
    file_pages_bytes: int = 0
    expected_s: float | None = None

    @property
    def resident_bytes(self) -> int:
        """Peak of the process's RSS, which is what a run measures."""
        return self.ram_bytes + self.file_pages_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Memory, disk and time of one way to make a clip.

    Attributes:
        model: its name.
        spec: the clip.
        tier: the device's name.
        strategy: where components live; where stages differ, the most frugal of them.
        stream: whether offloaded weights are prefetched.
        vae_tiling: whether the VAE works in tiles.
        vae_tile_size: side of a tile in pixels; None is the VAE's own.
        weights: component -> how its weights are stored, all of them.
        stages: in order.
        weight_bytes: all components' weights as stored.
        load_seconds: least and most to load every component once; None where unknown.
        download_bytes: weight files that are not on the disk yet.
        disk_bytes: what one clip leaves in the store, and files of offloaded weights.
        refusals: why it does not fit; empty where it fits.
        warnings: what is tight.
    """

    model: str
    spec: ClipSpec
    tier: str
    strategy: Strategy
    stream: bool
    vae_tiling: bool
    vae_tile_size: int | None
    weights: dict[str, str]
    stages: tuple[StageForecast, ...]
    weight_bytes: int
    load_seconds: tuple[float, float] | None
    download_bytes: int
    disk_bytes: int
    refusals: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it fits the device."""
        return not self.refusals

    @property
    def peak_bytes(self) -> int:
        """The most device memory that any stage takes."""
        return max(stage.allocated_bytes for stage in self.stages)

    @property
    def ram_bytes(self) -> int:
        """The most RAM that any stage needs."""
        return max(stage.ram_bytes for stage in self.stages)
