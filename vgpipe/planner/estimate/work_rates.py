"""The rates at which a device does each kind of work: what was timed on it, or shares of its data sheet."""

from __future__ import annotations

from dataclasses import dataclass

from vgpipe.planner.estimate import efficiency
from vgpipe.planner.forecast_records import PeakRates, Tier, TimedRates
from vgpipe.planner.profile_records import ComponentUse

TERA, GIGA = 1e12, 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRates:
    """What a device does in a second.

    Attributes:
        matmul: floating-point operations of linear layers.
        conv: of convolutions.
        attention: of attention proper.
        elementwise: bytes that other operations read and write; None: not known, and left out.
        weights: bytes of weights that are read once per call; None: not known.
        kernel_s: seconds that an operation takes beside its work.
        launch_s: seconds between the starts of two operations on a device that works meanwhile.
    """

    matmul: float
    conv: float
    attention: float
    elementwise: float | None
    weights: float | None
    kernel_s: float = 0.0
    launch_s: float = 0.0

    def seconds(self, use: ComponentUse) -> float:
        """Returns the seconds of one call of a component.

        Args:
            use: its work; where kernels were not counted, the time of all that is not a product is left out.
        """
        products = use.matmul_flops / self.matmul + use.conv_flops / self.conv + use.attention_flops / self.attention
        moved = use.moved_bytes / self.elementwise if self.elementwise else 0.0
        read = use.weight_bytes / self.weights if self.weights else 0.0
        return max(products + moved + use.kernels * self.kernel_s, read, use.kernels * self.launch_s)


def work_rates(tier: Tier, dtype: str) -> WorkRates | None:
    """Returns the rates of a device in a precision; None if that of matrix products is unknown.

    Args:
        tier: the device.
        dtype: torch name of the precision that a component computes in.
    """
    peaks = peak_rates(tier, dtype)
    if peaks is None:
        return None
    return _timed(tier, dtype, peaks[0]) if tier.timed is not None else _of_data_sheet(tier, peaks)


def _timed(tier: Tier, dtype: str, matmul: float) -> WorkRates:
    timed = tier.timed or TimedRates()
    conv, attention = (_named(rates, dtype) or matmul for rates in (timed.conv, timed.attention))
    return WorkRates(
        matmul=matmul * TERA,
        conv=conv * TERA,
        attention=attention * TERA,
        elementwise=_giga(timed.elementwise_gb_s, efficiency.TIMED_ELEMENTWISE),
        weights=_giga(tier.memory_bandwidth_gb_s, 1.0),
        kernel_s=(timed.kernel_s or 0.0) * efficiency.PYTHON_PER_KERNEL,
    )


def _of_data_sheet(tier: Tier, peaks: tuple[float, float]) -> WorkRates:
    share = efficiency.shares_of(tier.peak.bf16 or tier.peak.fp16 or 0.0, fused=tier.fused_attention)
    return WorkRates(
        matmul=peaks[0] * TERA * share.matmul,
        conv=peaks[1] * TERA * share.conv,
        attention=peaks[0] * TERA * share.attention,
        elementwise=_giga(tier.memory_bandwidth_gb_s, share.elementwise),
        weights=_giga(tier.memory_bandwidth_gb_s, 1.0),
        launch_s=efficiency.LAUNCH_S,
    )


def _giga(rate: float | None, share: float) -> float | None:
    return rate * GIGA * share if rate else None


def peak_rates(tier: Tier, dtype: str) -> tuple[float, float] | None:
    """Returns the peak rates of matrix products and of convolutions, 10^12 operations per second; None if unknown.

    A device without a rate for a precision computes in float32 (bfloat16 on cards before Ampere). Convolutions in
    float32 use TF32 on cards that have bfloat16, at half of its rate: cuDNN is allowed to by torch's defaults.

    Args:
        tier: the device.
        dtype: torch name of a precision.
    """
    plain = _named(tier.peak, dtype)
    if not plain:
        return None
    has_tf32 = tier.kind == "cuda" and plain == tier.peak.fp32 and tier.peak.bf16
    return (plain, max(plain, tier.peak.bf16 / 2)) if has_tf32 and tier.peak.bf16 else (plain, plain)


def _named(rates: PeakRates, dtype: str) -> float | None:
    named = {"float32": rates.fp32, "float16": rates.fp16, "bfloat16": rates.bf16}
    return named.get(dtype) or rates.fp32
