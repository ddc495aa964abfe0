"""Bytes by storage precision: against what the libraries really make, and by their published layouts."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
import torch

from tests.planner.profiles import linear
from vgpipe.memory.allocation import rounded_up
from vgpipe.planner.estimate.stored_weights import (
    is_kept,
    share_of_native,
    stored_bytes,
    working_bytes,
)
from vgpipe.planner.profile_records import Leaf
from vgpipe.units import MIB
from vgpipe.vocabulary import NATIVE, StoredPrecision

BF16 = Leaf(name="ff", kind="linear", weight_bytes=2 * MIB, elements=MIB, rows=1024, itemsize=2, peak_bytes=1)


def test_native_weights_stay_as_they_are():
    assert stored_bytes(BF16, NATIVE) == BF16.weight_bytes
    assert working_bytes(BF16, NATIVE) == 0


def test_int8_is_what_torchao_makes():
    torchao = pytest.importorskip("torchao.quantization")
    layer = torch.nn.Sequential(torch.nn.Linear(1024, 1024, bias=False, dtype=torch.bfloat16))
    torchao.quantize_(layer, torchao.Int8WeightOnlyConfig())
    weight = layer[0].weight
    made = sum(rounded_up(part.nbytes) for part in (weight.qdata, weight.scale))
    assert stored_bytes(BF16, "int8") == made


def test_fp8_is_what_layerwise_casting_makes_biases_included():
    from diffusers.hooks import apply_layerwise_casting

    model = torch.nn.ModuleDict({"ff": torch.nn.Linear(1024, 1024, dtype=torch.bfloat16)})
    apply_layerwise_casting(model, torch.float8_e4m3fn, torch.bfloat16)
    leaf = Leaf(
        name="ff",
        kind="linear",
        weight_bytes=2 * MIB + rounded_up(2048),
        elements=MIB,
        rows=1024,
        itemsize=2,
        peak_bytes=1,
    )
    assert stored_bytes(leaf, "fp8") == sum(rounded_up(tensor.nbytes) for tensor in model.parameters())


@pytest.mark.parametrize(
    ("storage", "bits"), [("int8", 8), ("fp8", 8), ("bnb_int8", 8), ("int4", 4.25), ("nf4", 4.5), ("gguf", 4.5)]
)
def test_a_large_layer_takes_the_bits_that_its_layout_says(storage, bits):
    assert share_of_native(storage) == pytest.approx(bits / 16, rel=0.005)


def test_int4_fills_its_input_features_up_to_whole_tiles():
    leaf = replace(BF16, elements=512 * 1920, rows=512, weight_bytes=2 * 512 * 1920)
    assert stored_bytes(leaf, "int4") == rounded_up(512 * 2048 / 2) + rounded_up(512 * 2048 / 128 * 4)


def test_only_fp8_stores_convolutions_and_embeddings():
    conv = Leaf(name="c", kind="conv", weight_bytes=MIB, elements=MIB // 2, rows=64, itemsize=2, peak_bytes=1)
    stored = {storage for storage in get_args(StoredPrecision) if stored_bytes(conv, storage) < conv.weight_bytes}
    assert stored == {"fp8"}


@pytest.mark.parametrize(
    ("name", "kept", "is_native"),
    [
        ("blocks.0.ff", (), False),
        ("blocks.0.norm1.linear", (), True),
        ("patch_embed.proj", (), True),
        ("proj_out", (), True),
        ("blocks.0.proj_out", (), False),  # the pattern is anchored
        ("condition_embedder.time_embedder.linear_1", ("condition_embedder",), True),
        ("encoder.block.0.DenseReluDense.wo", (r"(^|\.)wo$",), True),
        ("blocks.0.norm1.linear", (r"(^|\.)wo$",), False),  # patterns of a class take the place of the defaults
        ("shared.deeper", ("^shared$",), True),  # casting does not go below what it leaves alone
    ],
)
def test_fp8_leaves_alone_what_casting_leaves_alone(name, kept, is_native):
    assert is_kept(linear(name, 1, 1), "fp8", kept) is is_native


def test_names_say_nothing_of_other_storages():
    assert not is_kept(linear("norm", 1, 1), "int8", ("norm",))


def test_a_layer_needs_a_copy_in_its_own_precision_while_it_runs():
    assert working_bytes(BF16, "fp8") == working_bytes(BF16, "nf4") == 2 << 20
    assert working_bytes(BF16, "int4") == 0


def test_int8_needs_a_second_product_where_that_is_larger_than_the_copy():
    few, many = linear("ff", 2, 1, tokens=16), linear("ff", 2, 1, tokens=4096)
    assert working_bytes(few, "int8") == 2 * MIB
    assert working_bytes(many, "int8") == 4096 * 1024 * 2


def test_bnb_int8_needs_its_input_as_bytes_and_its_product_twice_more():
    assert working_bytes(linear("ff", 2, 1, tokens=4096), "bnb_int8") == 4096 * 1024 + 4096 * 1024 * (4 + 2)
