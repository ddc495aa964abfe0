"""The figures of conf/hardware against facts they were not taken from: cores, clocks, bus widths, lanes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from vgpipe.config.groups import group_table
from vgpipe.config.load import load
from vgpipe.config.schema import Config
from vgpipe.config.validate import validate_config
from vgpipe.errors import ConfigError
from vgpipe.hardware import Pcie, pick_device, supported_dtypes
from vgpipe.hardware.capability import cuda_capability, rocm_capability
from vgpipe.plans.target import target_of


@dataclass
class Chip:
    """Streaming multiprocessors, their float32 cores, boost GHz, memory bits and Gbit/s a pin, PCIe, capability."""

    name: str
    sms: int
    cores: int
    ghz: float
    bits: int
    gbit_s: float
    pcie: tuple[int, int]
    capability: tuple[int, int]


CHIPS = {
    "rtx5090_32gb": Chip("RTX 5090", 170, 128, 2.407, 512, 28, (5, 16), (12, 0)),
    "rtx5080_16gb": Chip("RTX 5080", 84, 128, 2.617, 256, 30, (5, 16), (12, 0)),
    "rtx5070ti_16gb": Chip("RTX 5070 Ti", 70, 128, 2.452, 256, 28, (5, 16), (12, 0)),
    "rtx5070_12gb": Chip("RTX 5070", 48, 128, 2.512, 192, 28, (5, 16), (12, 0)),
    "rtx5060ti_16gb": Chip("RTX 5060 Ti", 36, 128, 2.572, 128, 28, (5, 8), (12, 0)),
    "rtx5060_8gb": Chip("RTX 5060", 30, 128, 2.497, 128, 28, (5, 8), (12, 0)),
    "rtx5090_laptop_24gb": Chip("RTX 5090 Laptop GPU", 82, 128, 2.16, 256, 28, (5, 16), (12, 0)),
    "rtx5080_laptop_16gb": Chip("RTX 5080 Laptop GPU", 60, 128, 2.287, 256, 28, (5, 16), (12, 0)),
    "rtx5070ti_laptop_12gb": Chip("RTX 5070 Ti Laptop GPU", 46, 128, 2.22, 192, 28, (5, 16), (12, 0)),
    "rtx5070_laptop_8gb": Chip("RTX 5070 Laptop GPU", 36, 128, 2.347, 128, 24, (5, 8), (12, 0)),
    "rtx5060_laptop_8gb": Chip("RTX 5060 Laptop GPU", 26, 128, 2.497, 128, 24, (5, 8), (12, 0)),
    "rtx4090_24gb": Chip("RTX 4090", 128, 128, 2.52, 384, 21, (4, 16), (8, 9)),
    "rtx4080_16gb": Chip("RTX 4080", 76, 128, 2.505, 256, 22.4, (4, 16), (8, 9)),
    "rtx4090_laptop_16gb": Chip("RTX 4090 Laptop GPU", 76, 128, 2.04, 256, 18, (4, 16), (8, 9)),
    "rtx4070_12gb": Chip("RTX 4070", 46, 128, 2.475, 192, 21, (4, 16), (8, 9)),
    "rtx4060ti_16gb": Chip("RTX 4060 Ti", 34, 128, 2.535, 128, 18, (4, 8), (8, 9)),
    "rtx4060_8gb": Chip("RTX 4060", 24, 128, 2.46, 128, 17, (4, 8), (8, 9)),
    "rtx3090_24gb": Chip("RTX 3090", 82, 128, 1.695, 384, 19.5, (4, 16), (8, 6)),
    "rtx3080_10gb": Chip("RTX 3080", 68, 128, 1.71, 320, 19, (4, 16), (8, 6)),
    "rtx3060_12gb": Chip("RTX 3060", 28, 128, 1.777, 192, 15, (4, 16), (8, 6)),
    "rtx3060_8gb": Chip("RTX 3060", 28, 128, 1.777, 128, 15, (4, 16), (8, 6)),
    "rtx2080ti_11gb": Chip("RTX 2080 Ti", 68, 64, 1.545, 352, 14, (3, 16), (7, 5)),
    "gtx1660ti_6gb": Chip("GTX 1660 Ti", 24, 64, 1.77, 192, 12, (3, 16), (7, 5)),
    "t4_16gb": Chip("Tesla T4", 40, 64, 1.59, 256, 10, (3, 16), (7, 5)),
    "a100_80gb": Chip("A100", 108, 64, 1.41, 5120, 3.186, (4, 16), (8, 0)),
    "h100_80gb": Chip("H100", 132, 128, 1.98, 5120, 5.234, (5, 16), (9, 0)),
}
CONSUMER = [name for name in CHIPS if name.startswith(("rtx3", "rtx4", "rtx5"))]


@dataclass
class Units:
    """Compute units, GHz, dense operations a clock of one in float32, float16 and int8, memory bits and Gbit/s."""

    count: int
    ghz: float
    fp32: int
    fp16: int
    int8: int
    bits: int
    gbit_s: float


OTHER_CARDS = {
    "rx9070xt_16gb": Units(64, 2.97, 256, 1024, 2048, 256, 20),
    "rx7900xtx_24gb": Units(96, 2.5, 256, 512, 512, 384, 20),
    "arc_b580_12gb": Units(20, 2.67, 256, 2048, 4096, 192, 19),
}
APPLES = {"apple_m_16gb": 2 / 3, "apple_m_32gb": 2 / 3, "apple_m_64gb": 3 / 4, "apple_m_128gb": 3 / 4}
"""What macOS lets a GPU have: two thirds up to 36 GB, three quarters above."""
WRITTEN_DOWN = (*CHIPS, *OTHER_CARDS, *APPLES)
OTHERS = (*OTHER_CARDS, *APPLES, "cpu", "auto")


@cache
def tier(name):
    return load([f"hardware={name}"]).hardware


@cache
def plain():
    return asdict(load([]))


def close(expected, share=0.02):
    return pytest.approx(expected, rel=share)


def test_every_option_is_checked_here():
    assert set(dict(group_table())["hardware"]) == {*CHIPS, *OTHERS}


@pytest.mark.parametrize("name", [*CHIPS, *OTHERS])
def test_every_key_stands_in_its_yaml_and_the_name_is_the_options(name):
    from vgpipe.config.groups import builtin_conf

    values = yaml.safe_load((builtin_conf() / f"hardware/{name}.yaml").read_text())
    assert validate_config(_root(values)).hardware == tier(name)
    assert tier(name).name == name
    # Hydra overrides only what is written down, and records that compare equal may owe it to their defaults.
    assert _keys(values) == _keys(asdict(tier(name)))


@pytest.mark.parametrize("name", WRITTEN_DOWN)
def test_people_know_a_card_by_its_label(name):
    label = tier(name).label
    assert label.lower().replace(" ", "") == name.replace("_", "")
    assert label.endswith(f" {tier(name).memory_gb:.0f}GB")
    assert target_of(tier(name), for_run=False).tier.title == label


def _root(hardware):
    return {**plain(), "hardware": hardware}


def _keys(values):
    return {key: _keys(value) if isinstance(value, dict) else None for key, value in values.items()}


@pytest.mark.parametrize("name", CHIPS)
def test_a_cards_rates_follow_from_its_chip(name):
    chip, card = CHIPS[name], tier(name)
    assert card.peak_tflops.fp32 == close(chip.sms * chip.cores * 2 * chip.ghz / 1000)
    assert card.memory_bandwidth_gb_s == close(chip.bits / 8 * chip.gbit_s)
    link = Pcie(generation=chip.pcie[0], width=chip.pcie[1])
    assert card.pcie_bandwidth_gb_s == close(link.bandwidth_gb_s, 0.005)


@pytest.mark.parametrize("name", CHIPS)
def test_a_cards_capabilities_are_those_detection_would_find(name):
    chip, card = CHIPS[name], tier(name)
    found = asdict(cuda_capability(chip.capability, f"NVIDIA {chip.name}"))
    found.pop("tensor_cores")
    assert asdict(card.capabilities) == found and card.compute_capability == chip.capability


@pytest.mark.parametrize("name", WRITTEN_DOWN)
def test_rates_and_capabilities_agree(name):
    card = tier(name)
    for dtype in ("bf16", "fp8"):
        assert getattr(card.peak_tflops, dtype) is None or getattr(card.capabilities, dtype)
    if "float16" in supported_dtypes(card.capabilities):
        assert card.peak_tflops.fp16 is not None
    assert card.source and card.memory_gb == int(name.split("_")[-1].removesuffix("gb"))


@pytest.mark.parametrize("name", CONSUMER)
def test_geforce_accumulates_in_float32_at_half_rate_and_no_figure_is_a_sparse_one(name):
    peak = tier(name).peak_tflops
    # A SM of GA10x and AD10x: 512 dense float16 multiply-adds a clock in its tensor cores, 128 of float32 beside them.
    assert peak.fp16_fp16_accumulate == close(4 * peak.fp32)
    assert peak.fp16 == peak.bf16 == close(peak.fp16_fp16_accumulate / 2)
    assert peak.int8 == close(2 * peak.fp16_fp16_accumulate)
    if peak.fp8 is not None:
        assert peak.fp8 == close(2 * peak.fp16)


@pytest.mark.parametrize("name", OTHER_CARDS)
def test_rates_of_an_amd_or_intel_card_follow_from_its_units(name):
    units, peak = OTHER_CARDS[name], tier(name).peak_tflops
    for rate, each in ((peak.fp32, units.fp32), (peak.fp16, units.fp16), (peak.int8, units.int8)):
        assert rate == close(units.count * each * units.ghz / 1000)
    assert peak.bf16 == peak.fp16 and tier(name).memory_bandwidth_gb_s == close(units.bits / 8 * units.gbit_s)


@pytest.mark.parametrize(
    ("name", "kind"), [("arc_b580_12gb", "xpu"), ("rx9070xt_16gb", "cuda"), ("apple_m_64gb", "mps")]
)
def test_a_tier_is_planned_as_the_kind_of_device_that_torch_calls_it(name, kind):
    assert target_of(tier(name), for_run=False).tier.kind == kind


@pytest.mark.parametrize(("name", "architecture"), [("rx9070xt_16gb", "gfx1201"), ("rx7900xtx_24gb", "gfx1100")])
def test_an_amd_cards_capabilities_are_those_detection_would_find(name, architecture):
    found = asdict(rocm_capability(architecture))
    found.pop("tensor_cores")
    assert asdict(tier(name).capabilities) == found


@pytest.mark.parametrize(("name", "per_clock", "ghz"), [("t4_16gb", 512, 1.59), ("a100_80gb", 1024, 1.41),
                                                        ("h100_80gb", 2048, 1.83)])  # fmt: skip
def test_data_centre_cards_accumulate_at_full_rate(name, per_clock, ghz):
    peak = tier(name).peak_tflops
    assert peak.fp16 == peak.fp16_fp16_accumulate == close(CHIPS[name].sms * per_clock * 2 * ghz / 1000)
    assert peak.int8 == close(2 * peak.fp16)


def test_a_turing_accumulates_in_float32_at_half_rate_and_has_no_bfloat16():
    peak = tier("rtx2080ti_11gb").peak_tflops
    assert peak.fp16 == close(4 * peak.fp32) and peak.fp16_fp16_accumulate == close(2 * peak.fp16)
    assert peak.int8 == close(4 * peak.fp16) and supported_dtypes(tier("rtx2080ti_11gb").capabilities)[0] == "float16"


def test_a_gtx_16_computes_in_float32():
    card = tier("gtx1660ti_6gb")
    assert supported_dtypes(card.capabilities) == ("float32",)
    assert card.peak_tflops.fp16_fp16_accumulate == close(2 * card.peak_tflops.fp32)


def test_the_cpu_is_the_cpu_and_computes_bfloat16():
    assert tier("cpu").device == "cpu" and supported_dtypes(tier("cpu").capabilities) == ("bfloat16", "float32")


def test_auto_leaves_everything_to_detection():
    def leaves(value):
        return [leaf for item in value.values() for leaf in leaves(item)] if isinstance(value, dict) else [value]

    values = asdict(tier("auto"))
    assert (values.pop("name"), values.pop("device")) == ("auto", "auto")
    assert set(values.pop("floor")) == {"num_frames", "side"}
    assert set(leaves(values)) == {None}


@pytest.mark.parametrize("name", WRITTEN_DOWN)
def test_a_tier_runs_on_whatever_is_there_under_its_own_limit(name):
    card = tier(name)
    assert card.device == "auto" and pick_device(card.device) in ("cpu", "cuda", "mps", "xpu")
    shares = {"t4_16gb": 15 / 16, **APPLES}  # error correction; macOS's own limit
    assert card.memory_limit_gb == close(card.memory_gb * shares.get(name, 1), 0.001)


@pytest.mark.parametrize("name", WRITTEN_DOWN)
def test_a_tier_assumes_the_ram_of_the_machine_that_it_is_in(name):
    card = tier(name)
    assert card.ram_gb == (card.memory_gb if name.startswith("apple") else 16 if card.memory_gb <= 8 else 32)


def test_the_limit_stays_in_the_resolved_config_that_a_run_keeps():
    config = load(["hardware=rtx4090_24gb", "hardware.memory_limit_gb=7.5"])
    kept: Config = validate_config(yaml.safe_load(yaml.safe_dump(asdict(config))))
    assert kept == config and kept.hardware.memory_limit_gb == 7.5 and kept.hardware.memory_gb == 24


def test_a_run_from_before_the_tiers_is_still_read():
    old = {**plain(), "hardware": {"device": "auto", "threads": 2}}
    assert validate_config(old).hardware.threads == 2


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps", "xpu", "xpu:0"])
def test_devices_that_may_be_named(device):
    assert load([f"hardware.device={device}"]).hardware.device == device


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("hardware.device=gpu", ["hardware.device", '"gpu"', "cuda:1"]),
        ("hardware.device=cuda:x", ["hardware.device", "cuda, mps or xpu"]),
        ("hardware.device=mps:0", ["hardware.device"]),
        ("hardware.memory_limit_gb=0", ["hardware.memory_limit_gb", "greater than 0"]),
        ("hardware.memory_limit_gb=inf", ["hardware.memory_limit_gb"]),
        ("hardware.compute_capability=8.9", ["hardware.compute_capability"]),
        ("hardware.peak_tflops.fp4=1", ["hardware.peak_tflops.fp4"]),
        ("hardware=rtx4090", ["rtx4090", "did you mean rtx4090_24gb?"]),
    ],
)
def test_faulty_settings_are_named(override, words):
    with pytest.raises(ConfigError) as caught:
        load([override])
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("name", [*CHIPS, *OTHERS])
def test_the_table_in_the_docs_holds_the_same_figures(name):
    page = (Path(__file__).parents[2] / "docs/hardware.md").read_text()
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
    card = tier(name)
    rates = (card.memory_bandwidth_gb_s, card.pcie_bandwidth_gb_s)
    capability = ".".join(map(str, card.compute_capability)) if card.compute_capability else None
    figures = [
        card.memory_gb,
        card.memory_limit_gb,
        capability,
        *asdict(card.peak_tflops).values(),
        *rates,
        card.ram_gb,
    ]
    shown = ["-" if figure is None else figure if isinstance(figure, str) else f"{figure:g}" for figure in figures]
    assert [cell.strip() for cell in row.strip("|").split("|")[1:]] == shown
    assert card.source is None or card.source in page
