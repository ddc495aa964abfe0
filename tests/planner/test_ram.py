"""Host RAM and disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planner.profiles import MIB, linear, profile
from vgpipe.memory.strategies import Placing, Strategy
from vgpipe.planner.ram import DEVICE_RUNTIME_BYTES, PROCESS_BYTES, Facts, Part, disk_bytes, pinned_bytes, ram_parts

MADE = profile()
FRAMES = 512 * 256 * 17


def parts(stage: str, where: Placing) -> tuple[Part, ...]:
    return tuple(
        Part(
            name=use.component,
            where=where,
            stored_bytes=use.weight_bytes,
            native_bytes=use.weight_bytes,
            leaves=use.leaves,
            in_stage=one.stage == stage,
        )
        for one in MADE.stages
        for use in one.uses
    )


def told(
    stage: str, where: Placing, strategy: Strategy, *, stream: bool = False, is_cpu: bool = False
) -> dict[str, int]:
    return ram_parts(
        MADE,
        next(one for one in MADE.stages if one.stage == stage),
        parts(stage, where),
        strategy=strategy,
        stream=stream,
        is_cpu=is_cpu,
        allocated_bytes=5000 * MIB,
        facts=Facts(),
    )


def test_a_component_passes_through_ram():
    found = told("denoise", Placing.WHOLE, Strategy.STAGED)
    assert found == {"process": PROCESS_BYTES + DEVICE_RUNTIME_BYTES, "loading": 2100 * MIB, "offloaded": 0}


def test_components_that_wait_are_all_in_ram():
    assert told("denoise", Placing.WHOLE, Strategy.MODEL_OFFLOAD)["waiting"] == 3300 * MIB


def test_offloaded_weights_of_the_stage_alone_are_in_ram():
    assert told("denoise", Placing.BLOCKS, Strategy.BLOCK_OFFLOAD)["offloaded"] == 2100 * MIB
    assert told("encode", Placing.LEAVES, Strategy.LEAF_OFFLOAD)["offloaded"] == 1000 * MIB


def test_pinned_weights_are_rounded_up_to_powers_of_two():
    assert told("denoise", Placing.LEAVES, Strategy.LEAF_OFFLOAD, stream=True)["offloaded"] == (128 + 8 * 256) * MIB


def test_a_matrix_of_a_power_of_two_is_not_doubled_by_its_bias():
    leaf = replace(linear("ff", 256, 1), weight_bytes=256 * MIB + 512)
    part = Part(
        name="x",
        where=Placing.LEAVES,
        stored_bytes=leaf.weight_bytes,
        native_bytes=leaf.weight_bytes,
        leaves=(leaf,),
        in_stage=True,
    )
    assert pinned_bytes(part) == 256 * MIB + 512


def test_weights_in_files_leave_one_layer_in_ram():
    assert told("denoise", Placing.DISK, Strategy.DISK_OFFLOAD)["offloaded"] == 250 * MIB


def test_on_a_cpu_the_device_is_ram():
    assert told("denoise", Placing.WHOLE, Strategy.STAGED, is_cpu=True) == {
        "process": PROCESS_BYTES,
        "device": 5000 * MIB,
    }


def test_frames_come_when_the_files_of_the_weights_are_gone():
    found = told("decode", Placing.WHOLE, Strategy.STAGED)
    assert found["loading"] == 200 * MIB
    assert found["frames"] == 0  # 36 bytes a pixel are less than what loading took
    offloaded = told("decode", Placing.DISK, Strategy.DISK_OFFLOAD)
    assert offloaded["frames"] == FRAMES * 36


def test_frames_on_a_cpu_come_when_the_activations_are_gone():
    found = told("decode", Placing.WHOLE, Strategy.STAGED, is_cpu=True)
    assert found["frames"] == 0
    assert found["device"] == 5000 * MIB


def test_a_measured_process_takes_the_place_of_the_default():
    found = ram_parts(
        MADE,
        MADE.stages[0],
        parts("encode", Placing.WHOLE),
        strategy=Strategy.STAGED,
        stream=False,
        is_cpu=False,
        allocated_bytes=0,
        facts=Facts(process_bytes=700 * MIB),
    )
    assert found["process"] == 700 * MIB


@pytest.mark.parametrize(
    ("where", "is_cpu", "offloaded"),
    [(Placing.WHOLE, False, 0), (Placing.LEAVES, False, 0), (Placing.LEAVES, True, 3300), (Placing.DISK, False, 3300)],
)
def test_the_disk_holds_latents_frames_and_offloaded_weights(where, is_cpu, offloaded):
    taken = disk_bytes(MADE, parts("denoise", where), is_cpu=is_cpu)
    assert taken == offloaded * MIB + 2 * MIB + round(FRAMES * 3.1)
