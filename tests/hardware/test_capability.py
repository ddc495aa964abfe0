from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vgpipe.config.hardware_schema import CapabilitiesConfig
from vgpipe.hardware import supported_dtypes
from vgpipe.hardware.capability import cuda_capability, rocm_capability

CAPABILITIES = st.tuples(st.integers(3, 13), st.integers(0, 9))


@given(CAPABILITIES, CAPABILITIES)
def test_a_newer_nvidia_card_computes_all_that_an_older_one_does(one, other):
    old, new = (cuda_capability(pair, "NVIDIA") for pair in sorted((one, other)))
    for field in ("bf16", "fp16", "fp8", "tensor_cores", "flash_attention", "fp16_is_sound"):
        assert getattr(old, field) <= getattr(new, field)


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        ((5, 2), ("float32",)),
        ((6, 1), ("float16", "float32")),
        ((7, 5), ("float16", "float32")),
        ((8, 0), ("bfloat16", "float16", "float32")),
        ((12, 0), ("bfloat16", "float16", "float32")),
    ],
)
def test_dtypes_of_nvidia_cards(capability, expected):
    assert supported_dtypes(cuda_capability(capability, "NVIDIA card")) == expected


def test_float8_arithmetic_begins_with_8_9():
    assert [cuda_capability(pair, "").fp8 for pair in ((8, 6), (8, 9), (9, 0))] == [False, True, True]


@pytest.mark.parametrize(
    "name",
    ["NVIDIA GeForce GTX 1660 Ti", "NVIDIA GeForce GTX 1650 SUPER", "GeForce GTX 1630", "NVIDIA GeForce MX450",
     "NVIDIA T1000 8GB", "Quadro T2000", "NVIDIA T600 Laptop GPU", "NVIDIA T400 4GB"],
)  # fmt: skip
def test_chips_without_tensor_cores_are_known_by_name(name):
    found = cuda_capability((7, 5), name)
    assert not found.fp16_is_sound and not found.tensor_cores and found.fp16


@pytest.mark.parametrize("name", ["Tesla T4", "NVIDIA GeForce RTX 2080 Ti", "Quadro RTX 4000", "NVIDIA TITAN RTX"])
def test_other_turing_cards_are_sound(name):
    found = cuda_capability((7, 5), name)
    assert found.fp16_is_sound and found.tensor_cores


def test_a_name_refines_nothing_but_7_5():
    assert cuda_capability((8, 6), "NVIDIA GeForce GTX 1660 Ti").fp16_is_sound


@pytest.mark.parametrize(
    ("architecture", "bf16", "fp8", "flash"),
    [
        ("gfx1030", False, False, False),
        ("gfx1100", True, False, False),
        ("gfx1201", True, True, False),
        ("gfx90a:sramecc+:xnack-", True, False, True),
        ("gfx942:sramecc+:xnack-", True, True, True),
        ("", False, False, False),
    ],
)
def test_amd_cards(architecture, bf16, fp8, flash):
    found = rocm_capability(architecture)
    assert (found.bf16, found.fp8, found.flash_attention) == (bf16, fp8, flash)
    assert "float16" in supported_dtypes(found)


def test_what_a_config_leaves_to_detection_is_not_offered():
    assert supported_dtypes(CapabilitiesConfig()) == ("float32",)
    assert supported_dtypes(CapabilitiesConfig(fp16=True, fp16_is_sound=False)) == ("float32",)
    assert supported_dtypes(CapabilitiesConfig(fp16=True, fp16_is_sound=True)) == ("float16", "float32")
