"""The planner's arithmetic against diffusers' own hooks on a device that is not there, to the byte."""

from __future__ import annotations

import pytest
import torch
from diffusers.hooks import apply_layerwise_casting

from tests.memory.fake_device import DEVICE, peak_on_device
from tests.memory.test_fake_device import inputs, make
from tests.tiny import hunyuan_video15, wan_i2v
from vgpipe.memory.allocation import rounded_up
from vgpipe.memory.placement import place
from vgpipe.memory.strategies import Placement, Role, Strategy, placement_of
from vgpipe.planner.estimate.device_memory import StoredComponent, effective_placement, peak_usage
from vgpipe.planner.profile_records import ComponentFacts, ComponentUse
from vgpipe.planner.profiling.attention import Attention
from vgpipe.planner.profiling.fake_components import FakeComponent, Run
from vgpipe.planner.profiling.fake_mode import FakeRouting
from vgpipe.planner.profiling.memory_mode import Tracker
from vgpipe.planner.profiling.modules import parts_of
from vgpipe.planner.profiling.profile import _use
from vgpipe.planner.profiling.recorder import Recorder


@pytest.fixture(scope="module")
def use() -> ComponentUse:
    """What one call of a small Wan transformer showed on fakes."""
    routing, tracker = FakeRouting(), Tracker("cuda")
    shared = Run(Recorder(tracker), routing, Attention("cuda", tracker))
    with routing.fake_mode, torch.no_grad():
        component = FakeComponent("transformer", make().eval().requires_grad_(False), shared)
    given = inputs()
    with routing, tracker:
        tracker.hold(given.values())
        component(**given)
    return _use("transformer", component, 1)


def planned(use: ComponentUse, where: Placement, *, stream: bool = False, storage: str = "native") -> int:
    facts = ComponentFacts(
        name="transformer",
        role=Role.DENOISER,
        parameters=0,
        weight_bytes=use.weight_bytes,
        file_bytes=0,
        largest_leaf_bytes=max(leaf.weight_bytes for leaf in use.leaves),
    )
    return peak_usage(StoredComponent(facts, storage), use, where, stream=stream).total_bytes


def measured(where: Placement, *, stream: bool = False, calls: int = 1, fp8: bool = False) -> int:
    def put(model: torch.nn.Module) -> torch.nn.Module:
        if fp8:
            apply_layerwise_casting(model, torch.float8_e4m3fn, torch.bfloat16)
        return place(model, where, Role.DENOISER, DEVICE, stream=stream)

    return peak_on_device(make, inputs, put, calls=calls)


@pytest.mark.parametrize("fp8", [False, True], ids=["native", "fp8"])
@pytest.mark.parametrize("where", [Placement.WHOLE, Placement.BLOCKS, Placement.LEAVES])
def test_it_takes_what_was_planned(use, where, fp8):
    assert measured(where, fp8=fp8) == planned(use, where, storage="fp8" if fp8 else "native")


@pytest.mark.parametrize("where", [Placement.WHOLE, Placement.LEAVES])
def test_later_calls_take_no_more(use, where):
    assert measured(where, calls=3) == planned(use, where)


@pytest.mark.parametrize("stream", [False, True])
def test_later_calls_by_blocks_take_the_buffers_twice(use, stream):
    """diffusers 0.42 remembers the buffers that a module had before it was first moved away, and fetches them too."""
    buffers = sum(rounded_up(buffer.nbytes) for buffer in make().buffers())
    assert measured(Placement.BLOCKS, stream=stream, calls=3) == planned(use, Placement.BLOCKS, stream=stream) + buffers


def test_leaves_fetched_ahead_take_no_more_than_planned(use):
    took = measured(Placement.LEAVES, stream=True, calls=3)
    assert 0.85 < took / planned(use, Placement.LEAVES, stream=True) <= 1


@pytest.mark.parametrize("strategy", [Strategy.BLOCK_OFFLOAD, Strategy.LEAF_OFFLOAD, Strategy.DISK_OFFLOAD])
def test_an_encoder_whose_attention_reads_its_weights_directly_is_planned_where_it_is_placed(strategy, tmp_path):
    clip, siglip = wan_i2v.clip_image_encoder(), hunyuan_video15.siglip()
    for module, is_whole in ((clip, False), (siglip, True)):
        parts = parts_of(module)
        facts = ComponentFacts(
            name="image_encoder", role=Role.ENCODER, parameters=parts.parameters, weight_bytes=parts.weight_bytes,
            file_bytes=0, largest_leaf_bytes=0, is_indivisible=parts.is_indivisible,
        )  # fmt: skip
        where = effective_placement(strategy, facts, "native", is_cpu=True)
        assert (where is Placement.WHOLE) == is_whole
        place(module, placement_of(strategy, Role.ENCODER), Role.ENCODER, "cpu", offload_dir=tmp_path / str(is_whole))
        assert (tmp_path / str(is_whole)).exists() != is_whole
