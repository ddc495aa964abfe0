"""diffusers' own hooks on a device that is not there take what arithmetic on one plain run says, to the byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from diffusers import WanTransformer3DModel  # here, as nothing can be imported on a device that is not there
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.memory.fake_device import DEVICE, RAM, fused_attention, peak_on_device
from vgpipe.memory.allocation import rounded_up
from vgpipe.memory.live_bytes import LiveBytes
from vgpipe.memory.placement import place
from vgpipe.memory.strategies import Placement, Role

DTYPE = torch.bfloat16
LEAVES = (torch.nn.Linear, torch.nn.Conv3d)


def make() -> torch.nn.Module:
    torch.set_default_dtype(DTYPE)
    try:
        return WanTransformer3DModel(
            num_attention_heads=4, attention_head_dim=32, in_channels=16, out_channels=16, text_dim=64, freq_dim=64,
            ffn_dim=512, num_layers=4,
        )  # fmt: skip
    finally:
        torch.set_default_dtype(torch.float32)


def inputs() -> dict[str, torch.Tensor]:
    return {
        "hidden_states": torch.zeros(1, 16, 5, 16, 16, dtype=DTYPE),
        "timestep": torch.zeros(1),
        "encoder_hidden_states": torch.zeros(1, 32, 64, dtype=DTYPE),
    }


def size_of(*modules: torch.nn.Module) -> int:
    tensors = {tensor for module in modules for tensor in [*module.parameters(), *module.buffers()]}
    return sum(rounded_up(tensor.untyped_storage().nbytes()) for tensor in tensors)


class Plain:
    """One run of the model on fake CPU tensors: what is alive during each module, and outside of them; weights not."""

    def __init__(self, is_watched: Callable[[str, torch.nn.Module], bool]):
        with FakeTensorMode(), torch.no_grad():
            self.model = make().eval().requires_grad_(False)
            given = inputs()
            self.watched = {name: one for name, one in self.model.named_modules() if is_watched(name, one)}
            self.during: dict[str, int] = dict.fromkeys(self.watched, 0)
            for name, module in self.watched.items():
                self._watch(name, module)
            tensors = [*self.model.parameters(), *self.model.buffers()]
            weights = {tensor.untyped_storage()._cdata for tensor in tensors}
            counts = lambda tensor: tensor.untyped_storage()._cdata not in weights  # noqa: E731
            with LiveBytes(counts=counts) as self.live, fused_attention():
                self.live.hold(given.values())
                self.model(**given)
            self.outside = self.live.top.own_bytes

    def _watch(self, name, module):
        def begin(*_):
            self._open = self.live.window()
            self._window = self._open.__enter__()

        def end(*_):
            self._open.__exit__(None, None, None)
            self.during[name] = max(self.during[name], self._window.peak_bytes)

        module.register_forward_pre_hook(begin)
        module.register_forward_hook(end)


def measured(where: Placement, *, stream: bool = False, calls: int = 3) -> int:
    def put(model: torch.nn.Module) -> torch.nn.Module:
        return place(model, where, Role.DENOISER, DEVICE, stream=stream)

    return peak_on_device(make, inputs, put, calls=calls)


def is_block(name: str, _module: torch.nn.Module) -> bool:
    return name.startswith("blocks.") and name.count(".") == 1


def is_leaf(_name: str, module: torch.nn.Module) -> bool:
    return isinstance(module, LEAVES)


def test_whole_takes_all_weights_and_the_activations():
    plain = Plain(is_block)
    assert measured(Placement.WHOLE) == size_of(plain.model) + plain.live.top.peak_bytes


def test_blocks_take_one_block_and_what_is_in_none():
    plain = Plain(is_block)
    blocks = list(plain.watched.values())
    others = size_of(plain.model) - size_of(*blocks)
    most = max(plain.outside, *(size_of(block) + plain.during[name] for name, block in plain.watched.items()))
    assert measured(Placement.BLOCKS, calls=1) == others + most
    # diffusers remembers the buffers that a module had before it was first moved away, and fetches them too.
    fetched_twice = sum(rounded_up(buffer.nbytes) for buffer in plain.model.buffers())
    assert measured(Placement.BLOCKS) == others + most + fetched_twice


def test_model_offload_leaves_nothing_behind():
    from vgpipe.memory.placement import move

    def there_and_back(model: torch.nn.Module) -> torch.nn.Module:
        move(model, DEVICE)
        move(model, RAM)
        return move(model, DEVICE)

    assert peak_on_device(make, inputs, there_and_back) == measured(Placement.WHOLE)


def test_leaves_take_one_leaf_and_what_no_leaf_owns():
    plain = Plain(is_leaf)
    own = size_of(plain.model) - size_of(*plain.watched.values())
    most = max(plain.outside, *(size_of(leaf) + plain.during[name] for name, leaf in plain.watched.items()))
    took = measured(Placement.LEAVES)
    assert most < took <= own + most


@pytest.mark.parametrize("where", [Placement.BLOCKS, Placement.LEAVES])
def test_a_stream_takes_room_for_the_next_one_too(where):
    plain = Plain(is_block if where is Placement.BLOCKS else is_leaf)
    sizes = [size_of(module) for module in plain.watched.values()]
    alone, fetching = measured(where), measured(where, stream=True)
    assert alone < fetching <= alone + max(sizes)
