"""Every placing gives the bits of the plain model, in every family, stage by stage."""

from __future__ import annotations

import gc
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.configs import model_of
from tests.models.driven import Case, Driven, drive
from tests.models.pairs import settings_of
from tests.tiny import BUILDERS, build
from vgpipe.memory.budget import enforced
from vgpipe.memory.placement import move, place
from vgpipe.memory.strategies import Placement, Role, Strategy, placement_of, role_by_name
from vgpipe.models.open import Origin
from vgpipe.models.weights.load_component import load_component
from vgpipe.store.artifacts import Store

IN_FILES = (Strategy.BLOCK_OFFLOAD, Strategy.LEAF_OFFLOAD, Strategy.DISK_OFFLOAD)
WIDTHS = {
    "cogvideox_2b": 48, "cogvideox_5b_i2v": 48,  # learnt positions, of one size
    "text_to_video_ms": 32, "animatediff_sd15": 32, "hunyuan_video_15": 32,  # the slowest
}  # fmt: skip
HEIGHTS = {"ltx2": 64}  # of two latents, at least
FIRST = np.arange(32 * 48 * 3, dtype=np.uint8).reshape(1, 32, 48, 3)


@dataclass
class Placed(Driven):
    """A family whose components are placed as a strategy says, on the CPU."""

    strategy: Strategy = Strategy.STAGED
    offload_dir: Path = Path()

    def of(self, names):
        for name in set(names) - set(self.components):
            one, role = self.family, role_by_name(name)
            loaded = one.load(name, lambda part, one=one: load_component(one.checkpoint, part, one.settings, "cpu"))
            where = placement_of(self.strategy, role)
            self.components[name] = place(loaded, where, role, "cpu", offload_dir=self.offload_dir)
        return super().of(names)


ALIKE = (
    "cogvideox_2b", "cogvideox15_5b", "cogvideox_5b_i2v", "framepack_f1", "hunyuan_video_15_480p_distilled",
    "hunyuan_video_15_i2v", "ltx_video_2b", "ltx2_distilled", "ltx2_distilled_two_stage", "wan21_flf2v_14b",
    "wan21_i2v_14b_720p", "wan21_t2v_1_3b", "wan21_t2v_14b", "wan22_i2v_a14b", "wan22_ti2v_5b", "anyflow_wan",
    "skyreels_v2_df_1_3b",
)  # fmt: skip
"""Options whose classes other options have, but for SigLIP (`planner/estimate/test_device_memory.py` places it)."""
SLOW = ("minimax_h3",)  # `benchmarks/minimax_h3_bits.py` places it


@pytest.mark.parametrize("option", sorted({*BUILDERS} - {*ALIKE, *SLOW}))
def test_all_strategies_keep_the_bits(tmp_path, option):
    folder = build(option, tmp_path / "model")
    family, rules = model_of(option).family, model_of(option).rules
    others = {"motion_adapter": Origin(str(folder / "adapter"))} if option.startswith("animatediff") else None
    driven = drive("generic" if family == "auto" else family, folder, settings_of(option), others)
    case = Case(
        "red", width=WIDTHS.get(option, 64), height=HEIGHTS.get(option, 32), num_frames=9, num_inference_steps=3
    )
    if rules.image == "required":
        case = replace(case, frames_NHWC=FIRST, last_frame_HWC=FIRST[0] if rules.last_image == "required" else None)
    latents, decode = driven.latents(case)
    pixels = driven.frames(decode)
    assert torch.isfinite(latents).all() and np.ptp(pixels) > 0
    for strategy in IN_FILES:
        placed = Placed(driven.family, strategy=strategy, offload_dir=tmp_path / strategy.value)
        again, decode = placed.latents(case)
        assert torch.equal(again, latents), strategy
        assert np.array_equal(placed.frames(decode), pixels), strategy
        assert list((tmp_path / strategy.value).glob("*/*/*.safetensors")), f"{strategy} wrote nothing"


class Net(torch.nn.Module):
    """Two blocks between two layers, with a buffer and a parameter of its own, and a weight that two layers share."""

    def __init__(self, width: int = 64, blocks: int = 2):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.full((1,), 1.5))
        self.register_buffer("shift", torch.full((1,), 0.5))
        self.first = torch.nn.Linear(width, width)
        self.blocks = torch.nn.ModuleList(torch.nn.Linear(width, width) for _ in range(blocks))
        self.last = torch.nn.Linear(width, width)
        self.last.weight = self.first.weight

    def forward(self, x):
        x = self.first(x) * self.scale
        for block in self.blocks:
            x = torch.relu(block(x))
        return self.last(x) + self.shift


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net().requires_grad_(False)


INPUT = torch.linspace(-1, 1, 64).view(1, 64)


@pytest.mark.parametrize("where", [Placement.BLOCKS, Placement.LEAVES, Placement.DISK])
def test_what_is_in_files_is_not_in_memory(net, tmp_path, where):
    expected = net(INPUT)
    place(net, where, Role.DENOISER, "cpu", offload_dir=tmp_path)
    with enforced("cpu", 1) as live:
        live.hold([*net.parameters(), *net.buffers()])
        idle = live.live_bytes
        for _ in range(2):
            assert torch.equal(net(INPUT), expected)
        assert live.live_bytes == idle
    assert idle == 3 * 512, "the module's own two, and one value that stands for all others"
    layer, activations = 64 * 64 * 4 + 512, 3 * 512
    # The first and the last layer are in no block; they share a weight, not a bias.
    held = layer if where is not Placement.BLOCKS else 2 * layer + 512
    assert held < live.top.peak_bytes <= idle + held + activations


class NotingLinear(torch.nn.Linear):
    """Notes how many bytes past a cache line its weight starts whenever it computes."""

    def forward(self, x):
        self.starts_at = self.weight.data_ptr() % 64
        return super().forward(x)


@pytest.mark.parametrize("start_bytes", [0, 4, 12, 32])
@pytest.mark.parametrize("where", [Placement.BLOCKS, Placement.LEAVES, Placement.DISK])
def test_weights_in_files_are_read_to_the_alignment_they_had(tmp_path, where, start_bytes):
    """A CPU's kernel, and with it the last bits, depend on the address of the weights."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(NotingLinear(64, 64), NotingLinear(64, 63), NotingLinear(63, 64)).requires_grad_(False)
    for layer in net:
        first = start_bytes // 4
        buffer = torch.empty(first + layer.weight.numel())
        layer.weight.data = buffer[first:].view_as(layer.weight).copy_(layer.weight)
    expected = net(INPUT)
    place(net, where, Role.DENOISER, "cpu", offload_dir=tmp_path)
    for _ in range(2):
        assert torch.equal(net(INPUT), expected)
        assert [layer.starts_at for layer in net] == [start_bytes] * 3


def test_what_a_pipeline_reads_from_a_component_stays(net, tmp_path):
    place(net, Placement.DISK, Role.DECODER, "cpu", offload_dir=tmp_path)
    assert net.scale.item() == 1.5 and net.shift.item() == 0.5


def test_a_weight_used_past_its_layer_is_no_number(net, tmp_path):
    place(net, Placement.LEAVES, Role.DENOISER, "cpu", offload_dir=tmp_path)
    assert torch.isnan(torch.nn.functional.linear(INPUT, net.first.weight)).all()


def test_files_go_with_the_component(tmp_path):
    net = Net().requires_grad_(False)
    place(net, Placement.LEAVES, Role.DENOISER, "cpu", offload_dir=tmp_path)
    assert len(list(tmp_path.glob("Net/.tmp-*/*.safetensors"))) == 4
    parameters = list(net.parameters())
    del net
    gc.collect()
    assert parameters and not list(tmp_path.glob("Net/*"))


def test_files_of_a_killed_process_are_swept_with_the_stores_drafts(tmp_path):
    killed = torch.nn.Sequential(torch.nn.Linear(8, 8)).requires_grad_(False)
    process = os.fork()
    if not process:
        place(killed, Placement.LEAVES, Role.DENOISER, "cpu", offload_dir=tmp_path / "offload")
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
    assert len(list(tmp_path.glob("offload/*/.tmp-*/*.safetensors"))) == 1
    net = place(Net().requires_grad_(False), Placement.LEAVES, Role.DENOISER, "cpu", offload_dir=tmp_path / "offload")
    assert Store(tmp_path).sweep_leftovers() == 1
    assert len(list(tmp_path.glob("offload/*/.tmp-*"))) == 1 and net(INPUT).isfinite().all()


def test_two_components_of_one_class_do_not_share_files(tmp_path):
    nets = [Net().requires_grad_(False) for _ in range(2)]
    expected = [each(INPUT) for each in nets]
    for each in nets:
        place(each, Placement.LEAVES, Role.DENOISER, "cpu", offload_dir=tmp_path)
    assert all(torch.equal(each(INPUT), wanted) for each, wanted in zip(nets, expected, strict=True))


def test_a_full_disk_is_told_and_leaves_no_files(net, tmp_path, monkeypatch):
    from safetensors import SafetensorError

    from vgpipe.errors import StoreError, is_disk_full
    from vgpipe.memory import offloading

    def full(*_args, **_kwargs):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(offloading.safetensors.torch, "save_file", full)
    with pytest.raises(StoreError, match=r"No space left.*-> free some space") as raised:
        place(net, Placement.LEAVES, Role.DENOISER, "cpu", offload_dir=tmp_path)
    assert is_disk_full(raised.value)


def test_a_folder_that_cannot_be_made_is_told(net, tmp_path):
    from vgpipe.errors import StoreError

    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"offloaded weights cannot be written to .*file"):
        place(net, Placement.LEAVES, Role.DENOISER, "cpu", offload_dir=tmp_path / "file")


class Attending(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)
        self.blocks = torch.nn.ModuleList([torch.nn.Linear(8, 8)])

    def forward(self, x):
        return self.blocks[0](self.attention(x, x, x)[0])


@pytest.mark.parametrize("where", list(Placement))
def test_attention_that_reads_weights_past_their_layers_keeps_its_bits(tmp_path, where):
    module = Attending().requires_grad_(False).eval()
    x = torch.ones(1, 3, 8)
    expected = module(x)
    assert torch.equal(place(module, where, Role.DENOISER, "cpu", offload_dir=tmp_path)(x), expected)
    assert bool(list(tmp_path.iterdir())) == (where is Placement.BLOCKS)


def test_without_a_folder_it_stays_on_the_device(net):
    weight = net.first.weight.clone()
    assert torch.equal(place(net, Placement.DISK, Role.DENOISER, "cpu").first.weight, weight)


def test_a_tokenizer_stays_what_it_is():
    tokenizer = object()
    assert place(tokenizer, Placement.DISK, Role.ENCODER, "cuda") is tokenizer


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_8_bit_weights_of_bitsandbytes_stay_where_they_are(net, tmp_path, monkeypatch, device):
    net.is_loaded_in_8bit = True
    monkeypatch.setattr(net, "to", None)
    for where in Placement:
        assert place(net, where, Role.DENOISER, device, offload_dir=tmp_path) is net
    assert move(net, "cpu") is net and not list(tmp_path.iterdir())


def test_4_bit_weights_of_bitsandbytes_move_as_one(net, tmp_path, monkeypatch):
    """As diffusers has them wait in RAM; by blocks and leaves it cannot, for they are bound to their layers."""
    net.is_loaded_in_4bit, moved = True, []
    monkeypatch.setattr(net, "to", lambda device: moved.append(device) or net)
    for where in (Placement.WHOLE, Placement.BLOCKS, Placement.LEAVES, Placement.DISK):
        assert place(net, where, Role.DENOISER, "cuda", offload_dir=tmp_path) is net
    assert moved == ["cuda"] * 4 and not list(tmp_path.iterdir())
    assert move(net, "cpu") is net and moved[4:] == ["cpu"]


def test_torchaos_weights_are_not_written_to_files(tmp_path):
    quantization = pytest.importorskip("torchao.quantization")
    module = torch.nn.Sequential(torch.nn.Linear(64, 64)).requires_grad_(False)
    quantization.quantize_(module, quantization.Int8WeightOnlyConfig())
    expected = module(INPUT)
    assert torch.equal(place(module, Placement.DISK, Role.DENOISER, "cpu", offload_dir=tmp_path)(INPUT), expected)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("where", [Placement.BLOCKS, Placement.DISK])
def test_layerwise_casting_goes_with_it(net, tmp_path, where):
    from diffusers.hooks import apply_layerwise_casting

    apply_layerwise_casting(net, storage_dtype=torch.float8_e4m3fn, compute_dtype=torch.float32)
    expected = net(INPUT)
    place(net, where, Role.DENOISER, "cpu", offload_dir=tmp_path)
    assert torch.equal(net(INPUT), expected) and torch.equal(net(INPUT), expected)


@pytest.mark.gpu
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("where", list(Placement))
def test_on_a_gpu_only_what_runs_is_there(tmp_path, where, stream):
    torch.manual_seed(0)
    net = Net(width=1024, blocks=8).requires_grad_(False)
    x = torch.linspace(-1, 1, 1024, device="cuda").view(1, 1024)
    expected = Net(width=1024, blocks=8).requires_grad_(False)
    expected.load_state_dict(net.state_dict())
    wanted = expected.cuda()(x)
    del expected
    place(net, where, Role.DENOISER, "cuda", stream=stream, offload_dir=tmp_path)
    for _ in range(3):  # from the second call on it fetches ahead
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        assert torch.equal(net(x), wanted)
    took = torch.cuda.max_memory_allocated() - before
    layer, workspace = 1024 * 1024 * 4, 9 << 20
    at_once = {Placement.WHOLE: 0, Placement.ON_CALL: 0, Placement.BLOCKS: 4, Placement.LEAVES: 3, Placement.DISK: 3}[
        where
    ]
    assert took <= at_once * layer + workspace
    away = where not in (Placement.WHOLE, Placement.ON_CALL)
    assert net.blocks[0].weight.device.type == ("cpu" if away else "cuda")
