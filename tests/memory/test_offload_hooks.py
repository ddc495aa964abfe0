"""Two denoisers of a stage: one at a time on the device, with the bits of both."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from diffusers import WanPipeline  # here, as nothing can be imported on a device that is not there

from tests.memory.fake_device import DEVICE, RAM, fake_device, fused_attention, peak_on_device
from tests.memory.family_stub import FAMILY, FamilyStub
from tests.memory.test_fake_device import inputs, make
from tests.models.driven import Case, drive
from tests.models.pairs import settings_of
from tests.tiny import build
from vgpipe.memory import offload_hooks, residency
from vgpipe.memory.live_bytes import LiveBytes
from vgpipe.memory.placement import place
from vgpipe.memory.residency import Residency
from vgpipe.memory.strategies import Placement, Role, Strategy

EXPERTS = ("transformer", "transformer_2")


def load(_family: FamilyStub, _part: str, where: Placement) -> torch.nn.Module:
    with torch.device(RAM):
        module = make().eval().requires_grad_(False)
    return place(module, where, Role.DENOISER, DEVICE)


def is_there(module: torch.nn.Module) -> bool:
    return {str(tensor.device) for tensor in module.parameters()} == {DEVICE}


@pytest.fixture
def stage(monkeypatch):
    """Two denoisers as a residency hands them out, on a device that is not there, and how to change its strategy."""
    monkeypatch.setattr(residency, "empty_cache", lambda _device: gc.collect())

    def made(strategy: Strategy) -> Residency[FamilyStub]:
        return Residency(load, DEVICE, {"denoise": strategy})

    with fake_device(), torch.no_grad(), fused_attention():
        yield made


def called(strategy: Strategy, made, order: str) -> tuple[int, list[tuple[bool, bool]]]:
    """Returns the most bytes alive, and which of the two was on the device after each call."""
    with LiveBytes(counts=lambda tensor: str(tensor.device) == DEVICE) as live:
        given = {name: tensor.to(DEVICE) for name, tensor in inputs().items()}
        where = []
        with made(strategy).stage("denoise") as take:
            experts = take(FAMILY, EXPERTS)
            live.hold(tensor for one in experts.values() for tensor in one.parameters() if is_there(one))
            for name in order:
                experts = take(FAMILY, EXPERTS)
                experts[EXPERTS["12".index(name)]](**given)
                where.append(tuple(is_there(one) for one in experts.values()))
            del experts
        return live.top.peak_bytes, where


@pytest.mark.parametrize("strategy", [Strategy.MODEL_OFFLOAD, Strategy.STAGED])
def test_one_at_a_time_is_on_the_device(stage, strategy, monkeypatch):
    monkeypatch.setattr(residency, "move", lambda module, _device: module)  # at the end; a fake cannot go to the CPU
    took, where = called(strategy, stage, "1122122")
    first, second = (True, False), (False, True)
    assert where == [first, first, second, second, first, second, second]
    assert took == alone()


def alone() -> int:
    """Returns what one of the two takes alone."""
    return peak_on_device(make, inputs, lambda module: place(module, Placement.WHOLE, Role.DENOISER, DEVICE), calls=2)


def test_resident_has_both_there(stage):
    took, where = called(Strategy.RESIDENT, stage, "12")
    assert where == [(True, True)] * 2
    assert took > 1.5 * alone()


def test_a_pipeline_computes_on_the_device_whichever_is_there(stage):
    with stage(Strategy.STAGED).stage("denoise") as take:
        experts = take(FAMILY, EXPERTS)
        pipeline = WanPipeline(
            tokenizer=None, text_encoder=None, vae=None, scheduler=None, boundary_ratio=0.5, **experts
        )
        assert str(pipeline.device) == RAM
        assert str(pipeline._execution_device) == DEVICE


def test_what_is_dropped_is_not_kept_by_the_other(stage):
    made = stage(Strategy.STAGED)
    with made.stage("denoise") as take:
        dropped = weakref.ref(take(FAMILY, EXPERTS)["transformer"])
        take(FamilyStub("fp8"), ("transformer",))
        assert dropped() is None
        experts = take(FAMILY, EXPERTS)
        given = {name: tensor.to(DEVICE) for name, tensor in inputs().items()}
        for name in (*EXPERTS, *EXPERTS):
            experts[name](**given)
            assert [is_there(one) for one in experts.values()] == [part == name for part in EXPERTS]
        del experts
    assert made.loads == {"transformer": 3, "transformer_2": 1}


def test_a_denoiser_alone_has_no_turns(stage):
    with stage(Strategy.STAGED).stage("denoise") as take:
        assert is_there(take(FAMILY, ("transformer",))["transformer"])


def test_the_bits_of_both_are_those_of_the_stock_call(tmp_path):
    folder = build("wan22_t2v_a14b", tmp_path / "model")
    driven = drive("wan", folder, settings_of("wan22_t2v_a14b"))
    case = Case("red", width=64, num_frames=9, num_inference_steps=4)
    latents, _ = driven.latents(case)
    again = drive("wan", folder, settings_of("wan22_t2v_a14b"))
    experts = [offload_hooks.hook(module, "cpu") for module in again.of(EXPERTS).values()]
    offload_hooks.link(experts)
    fetched = []
    for module in experts:
        moves = module.to
        module.to = lambda device, module=module, moves=moves: fetched.append(module) or moves(device)
        module._hf_hook.execution_device = None  # is on no device yet, so that it comes at its turn
    assert torch.equal(again.latents(case)[0], latents)
    assert {id(module) for module in fetched} == {id(module) for module in experts}


def test_a_hook_that_loading_left_makes_way(tmp_path):
    from accelerate.hooks import AlignDevicesHook, add_hook_to_module

    module = torch.nn.Sequential(torch.nn.Linear(4, 4))
    add_hook_to_module(module, AlignDevicesHook(execution_device="cpu"))
    forward = offload_hooks.hook(module, "cpu").forward
    assert module._hf_hook.execution_device == torch.device("cpu") and not hasattr(module._hf_hook, "hooks")
    offload_hooks.unhook(module)
    assert not hasattr(module, "_hf_hook") and module.forward != forward
