"""Host RAM and disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planner.profiles import linear, profile
from vgpipe.memory.strategies import Placement, Strategy
from vgpipe.planner.estimate.host_memory import (
    DEVICE_RUNTIME_BYTES,
    PROCESS_BYTES,
    Counted,
    HostComponent,
    PlanInputs,
    SoundBytes,
    disk_bytes,
    pinned_bytes,
    ram_by_cause,
)
from vgpipe.units import MIB

MADE = profile()
FRAMES = 512 * 256 * 17


def parts(stage: str, where: Placement) -> tuple[HostComponent, ...]:
    return tuple(
        HostComponent(
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


def ram_of(
    stage: str, where: Placement, strategy: Strategy, *, stream: bool = False, is_cpu: bool = False
) -> dict[str, int]:
    return ram_by_cause(
        MADE,
        next(one for one in MADE.stages if one.stage == stage),
        parts(stage, where),
        strategy=strategy,
        stream=stream,
        is_cpu=is_cpu,
        allocated_bytes=5000 * MIB,
        inputs=PlanInputs(),
    )


def test_a_component_passes_through_ram():
    found = ram_of("denoise", Placement.WHOLE, Strategy.STAGED)
    assert found == {"process": PROCESS_BYTES + DEVICE_RUNTIME_BYTES, "loading": 2100 * MIB, "offloaded": 0}


def test_components_that_wait_are_all_in_ram():
    assert ram_of("denoise", Placement.WHOLE, Strategy.MODEL_OFFLOAD)["waiting"] == 3300 * MIB


def test_offloaded_weights_of_the_stage_alone_are_in_ram():
    assert ram_of("denoise", Placement.BLOCKS, Strategy.BLOCK_OFFLOAD)["offloaded"] == 2100 * MIB
    assert ram_of("encode", Placement.LEAVES, Strategy.LEAF_OFFLOAD)["offloaded"] == 1000 * MIB


def test_pinned_weights_are_rounded_up_to_powers_of_two():
    assert ram_of("denoise", Placement.LEAVES, Strategy.LEAF_OFFLOAD, stream=True)["offloaded"] == (128 + 8 * 256) * MIB


def test_a_matrix_of_a_power_of_two_is_not_doubled_by_its_bias():
    leaf = replace(linear("ff", 256, 1), weight_bytes=256 * MIB + 512)
    part = HostComponent(
        name="x",
        where=Placement.LEAVES,
        stored_bytes=leaf.weight_bytes,
        native_bytes=leaf.weight_bytes,
        leaves=(leaf,),
        in_stage=True,
    )
    assert pinned_bytes(part) == 256 * MIB + 512


def test_weights_in_files_leave_one_layer_in_ram():
    assert ram_of("denoise", Placement.DISK, Strategy.DISK_OFFLOAD)["offloaded"] == 250 * MIB


def test_on_a_cpu_the_device_is_ram():
    assert ram_of("denoise", Placement.WHOLE, Strategy.STAGED, is_cpu=True) == {
        "process": PROCESS_BYTES,
        "device": 5000 * MIB,
        "workspace": 0,
        "loading": 0,
    }


def test_on_a_cpu_convolutions_take_more_than_tensors():
    working = replace(MADE.stages[0], workspace_bytes=70 * MIB)
    options = {"strategy": Strategy.STAGED, "stream": False, "allocated_bytes": 50 * MIB, "inputs": PlanInputs()}
    found = [ram_by_cause(MADE, working, (), is_cpu=is_cpu, **options) for is_cpu in (True, False)]
    assert [one.get("workspace") for one in found] == [70 * MIB, None]


def on_cpu(*loaded: HostComponent, strategy: Strategy = Strategy.STAGED, allocated: int = 0) -> int:
    found = ram_by_cause(
        MADE,
        MADE.stages[0],
        loaded,
        strategy=strategy,
        stream=False,
        is_cpu=True,
        allocated_bytes=allocated * MIB,
        inputs=PlanInputs(process_bytes=0),
    )
    return sum(found.values()) // MIB


def part(native: int, file: int, *, where: Placement = Placement.WHOLE, in_stage: bool = True) -> HostComponent:
    return HostComponent(
        name="x",
        where=where,
        stored_bytes=native * MIB,
        native_bytes=native * MIB,
        leaves=(),
        in_stage=in_stage,
        file_bytes=file * MIB,
    )


def test_what_is_converted_has_its_file_beside_it():
    assert on_cpu(part(100, 200), allocated=120) == 300
    assert on_cpu(part(100, 101), allocated=120) == 120  # used as it lies in the file
    assert on_cpu(part(100, 0), allocated=120) == 120  # not known


def test_what_is_loaded_already_stays_while_the_next_is():
    assert on_cpu(part(100, 200), part(50, 100)) == 300
    assert on_cpu(part(50, 100), part(100, 200)) == 350
    assert on_cpu(part(50, 100, where=Placement.LEAVES), part(100, 200)) == 300  # in files by then


def test_what_is_resident_stays_while_another_stage_loads():
    loaded = part(70, 70, in_stage=False), part(100, 200)
    assert on_cpu(*loaded, strategy=Strategy.RESIDENT) == 370
    assert on_cpu(*loaded) == 300


def test_what_goes_to_files_is_whole_in_ram_first():
    assert on_cpu(part(100, 100, where=Placement.LEAVES), allocated=20) == 100


def test_on_a_device_files_of_another_precision_are_in_ram_too():
    loaded = (part(100, 200), part(30, 30))
    for strategy, expected in ((Strategy.STAGED, 300), (Strategy.MODEL_OFFLOAD, 330)):
        found = ram_by_cause(
            MADE,
            MADE.stages[0],
            loaded,
            strategy=strategy,
            stream=False,
            is_cpu=False,
            allocated_bytes=0,
            inputs=PlanInputs(process_bytes=0),
        )
        assert sum(found.values()) == expected * MIB


def test_frames_come_when_the_files_of_the_weights_are_gone():
    found = ram_of("decode", Placement.WHOLE, Strategy.STAGED)
    assert found["loading"] == 200 * MIB
    assert found["frames"] == 0  # 36 bytes a pixel are less than what loading took
    offloaded = ram_of("decode", Placement.DISK, Strategy.DISK_OFFLOAD)
    assert offloaded["loading"] + offloaded["frames"] == FRAMES * 36


def test_frames_on_a_cpu_come_when_the_activations_are_gone():
    found = ram_of("decode", Placement.WHOLE, Strategy.STAGED, is_cpu=True)
    assert found["frames"] == 0
    assert found["device"] == 5000 * MIB


def test_a_measured_process_takes_the_place_of_the_default():
    found = ram_by_cause(
        MADE,
        MADE.stages[0],
        parts("encode", Placement.WHOLE),
        strategy=Strategy.STAGED,
        stream=False,
        is_cpu=False,
        allocated_bytes=0,
        inputs=PlanInputs(process_bytes=700 * MIB),
    )
    assert found["process"] == 700 * MIB


@pytest.mark.parametrize(
    ("where", "is_cpu", "offloaded"),
    [
        (Placement.WHOLE, False, 0),
        (Placement.LEAVES, False, 0),
        (Placement.LEAVES, True, 3300),
        (Placement.DISK, False, 3300),
    ],
)
def test_the_disk_holds_latents_frames_and_offloaded_weights(where, is_cpu, offloaded):
    taken = disk_bytes(MADE, parts("denoise", where), PlanInputs(), is_cpu=is_cpu)
    assert taken == offloaded * MIB + 2 * MIB + round(FRAMES * 3.2)


def test_sound_takes_room_by_the_second():
    sound = SoundBytes(decoded_per_s=800.0, files_per_s=80.0)
    seconds = MADE.spec.num_frames / MADE.spec.fps
    placed = parts("denoise", Placement.WHOLE)
    mute, loud = (disk_bytes(MADE, placed, PlanInputs(**given), is_cpu=True) for given in ({}, {"sound": sound}))
    assert loud - mute == pytest.approx(880 * seconds, abs=1)


@pytest.mark.parametrize(
    ("native", "file", "stored", "where", "needed", "resident"),
    [
        (100, 101, 100, Placement.WHOLE, 0, 100),  # the mapped file itself, which the system can read again
        (100, 200, 100, Placement.WHOLE, 100, 300),  # converted
        (100, 200, 100, Placement.DISK, 0, 300),  # converted on its way into files, one tensor at a time
        (100, 0, 100, Placement.WHOLE, 100, 100),  # nothing is known of its files
        (100, 0, 100, Placement.DISK, 100, 100),
        (100, 101, 50, Placement.WHOLE, 50, 100),  # stored in fewer bits, so no longer as in its file
        (100, 200, 50, Placement.DISK, 50, 300),
    ],
)
def test_pages_of_weight_files_are_not_needed(native, file, stored, where, needed, resident):
    made = replace(part(native, file, where=where), stored_bytes=stored * MIB)
    found = [
        ram_by_cause(
            MADE,
            MADE.stages[0],
            (made,),
            strategy=Strategy.STAGED,
            stream=False,
            is_cpu=False,
            allocated_bytes=0,
            inputs=PlanInputs(process_bytes=0),
            counted=counted,
        )
        for counted in (Counted.NEEDED, Counted.RESIDENT)
    ]
    assert [sum(one.values()) // MIB for one in found] == [needed, resident]


def test_blocks_are_pinned_while_what_was_converted_is_still_there():
    for where, loading in ((Placement.BLOCKS, 2100), (Placement.LEAVES, 0)):
        assert ram_of("denoise", where, Strategy.BLOCK_OFFLOAD, stream=True)["loading"] == loading * MIB


def test_the_disk_also_holds_the_converted_copy_of_the_largest_component():
    waiting = [part(native, file, where=Placement.DISK) for native, file in ((100, 101), (80, 160), (60, 120))]
    as_stored = [replace(one, file_bytes=one.native_bytes) for one in waiting]
    with_copy, without = (disk_bytes(MADE, tuple(some), PlanInputs(), is_cpu=False) for some in (waiting, as_stored))
    assert with_copy - without == 80 * MIB
