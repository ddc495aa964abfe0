"""The figures of conf/hardware against facts they were not taken from: cores, clocks, bus widths, lanes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
import yaml

from vgpipe.config.groups import group_table
from vgpipe.config.load import load
from vgpipe.config.schema import Config
from vgpipe.config.validate import validate_config
from vgpipe.errors import ConfigError
from vgpipe.hardware import Pcie, pick_device, supported_dtypes
from vgpipe.hardware.capability import cuda_capability


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
    "rtx4090_24gb": Chip("RTX 4090", 128, 128, 2.52, 384, 21, (4, 16), (8, 9)),
    "rtx4080_16gb": Chip("RTX 4080", 76, 128, 2.505, 256, 22.4, (4, 16), (8, 9)),
    "rtx4060_8gb": Chip("RTX 4060", 24, 128, 2.46, 128, 17, (4, 8), (8, 9)),
    "rtx3090_24gb": Chip("RTX 3090", 82, 128, 1.695, 384, 19.5, (4, 16), (8, 6)),
    "rtx3080_10gb": Chip("RTX 3080", 68, 128, 1.71, 320, 19, (4, 16), (8, 6)),
    "rtx3060_12gb": Chip("RTX 3060", 28, 128, 1.777, 192, 15, (4, 16), (8, 6)),
    "rtx3060_8gb": Chip("RTX 3060", 28, 128, 1.777, 128, 15, (4, 16), (8, 6)),
    "gtx1660ti_6gb": Chip("GTX 1660 Ti", 24, 64, 1.77, 192, 12, (3, 16), (7, 5)),
    "t4_16gb": Chip("Tesla T4", 40, 64, 1.59, 256, 10, (3, 16), (7, 5)),
    "a100_80gb": Chip("A100", 108, 64, 1.41, 5120, 3.186, (4, 16), (8, 0)),
    "h100_80gb": Chip("H100", 132, 128, 1.98, 5120, 5.234, (5, 16), (9, 0)),
}
CONSUMER = [name for name in CHIPS if name.startswith("rtx")]
OTHERS = ("apple_m_16gb", "cpu", "auto")


def tier(name):
    return load([f"hardware={name}"]).hardware


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


def _root(hardware):
    plain = asdict(load([]))
    return {**plain, "hardware": hardware}


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


@pytest.mark.parametrize("name", [*CHIPS, "apple_m_16gb"])
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


@pytest.mark.parametrize(("name", "per_clock", "ghz"), [("t4_16gb", 512, 1.59), ("a100_80gb", 1024, 1.41),
                                                        ("h100_80gb", 2048, 1.83)])  # fmt: skip
def test_data_centre_cards_accumulate_at_full_rate(name, per_clock, ghz):
    peak = tier(name).peak_tflops
    assert peak.fp16 == peak.fp16_fp16_accumulate == close(CHIPS[name].sms * per_clock * 2 * ghz / 1000)
    assert peak.int8 == close(2 * peak.fp16)


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


@pytest.mark.parametrize("name", [*CHIPS, "apple_m_16gb"])
def test_a_tier_runs_on_whatever_is_there_under_its_own_limit(name):
    card = tier(name)
    assert card.device == "auto" and pick_device(card.device) in ("cpu", "cuda", "mps", "xpu")
    shares = {"t4_16gb": 15 / 16, "apple_m_16gb": 2 / 3}  # error correction; macOS's own limit
    assert card.memory_limit_gb == close(card.memory_gb * shares.get(name, 1), 0.001)


def test_the_limit_stays_in_the_resolved_config_that_a_run_keeps():
    config = load(["hardware=rtx4090_24gb", "hardware.memory_limit_gb=7.5"])
    kept: Config = validate_config(yaml.safe_load(yaml.safe_dump(asdict(config))))
    assert kept == config and kept.hardware.memory_limit_gb == 7.5 and kept.hardware.memory_gb == 24


def test_a_run_from_before_the_tiers_is_still_read():
    plain = asdict(load([]))
    plain["hardware"] = {"device": "auto", "threads": 2}
    assert validate_config(plain).hardware.threads == 2


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
    figures = [card.memory_gb, card.memory_limit_gb, capability, *asdict(card.peak_tflops).values(), *rates]
    shown = ["-" if figure is None else figure if isinstance(figure, str) else f"{figure:g}" for figure in figures]
    assert [cell.strip() for cell in row.strip("|").split("|")[1:]] == shown
    assert card.source is None or card.source in page
