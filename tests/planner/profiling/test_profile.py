"""A fake run takes what a real one takes, to the byte; its operations are those that others published."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests import tiny
from tests.planner.real_runs import FAMILIES, SLOW, RealStages, bound, peaks, spec_of
from tests.tiny import wan
from vgpipe.errors import ModelError
from vgpipe.memory.strategies import Role
from vgpipe.models.base import Family, Lora, Settings
from vgpipe.models.checkpoint.manifest import CheckpointManifest
from vgpipe.models.registry import family
from vgpipe.models.weights.load_component import load_component
from vgpipe.planner.profile_records import ClipSpec, ComponentUse, Profile, StageProfile
from vgpipe.planner.profiling import fake_components, fake_mode, fake_stages
from vgpipe.planner.profiling.alike_modules import share_runs
from vgpipe.planner.profiling.analytic import estimated
from vgpipe.planner.profiling.call_cache import CallCache
from vgpipe.planner.profiling.fake_stages import FakeStages
from vgpipe.planner.profiling.memory_mode import Tracker
from vgpipe.planner.profiling.meta_weights import meta_component
from vgpipe.planner.profiling.modules import parts_of
from vgpipe.planner.profiling.profile import profile
from vgpipe.planner.profiling.recorder import Recorder
from vgpipe.units import GIB


@pytest.fixture(scope="module")
def tiny_of(tmp_path_factory: pytest.TempPathFactory):
    """Builds tiny checkpoints of model options, each once."""
    built: dict[str, Path] = {}

    def of(option: str) -> Path:
        if option not in built:
            built[option] = tiny.build(option, tmp_path_factory.mktemp(option))
        return built[option]

    return of


def outlined(option: str, **changes) -> Family:
    """The family of a published checkpoint, of which only the configs are here."""
    told = json.loads((files("vgpipe.conf") / "components" / f"{option}.json").read_text())
    return family(FAMILIES[option], CheckpointManifest(told), Settings(**{"dtype": "bfloat16"} | changes))


def clip(width: int, height: int, num_frames: int, **changes) -> ClipSpec:
    told = {"num_inference_steps": 50, "guidance_scale": 6.0, "fps": 16.0}
    return ClipSpec(width=width, height=height, num_frames=num_frames, **told | changes)


def uses(made: Profile, stage: str) -> dict[str, ComponentUse]:
    return {use.component: use for one in made.stages if one.stage == stage for use in one.uses}


ALIKE = ("cogvideox_5b", "cogvideox15_5b", "hunyuan_video_15", "wan21_t2v_14b", "wan22_ti2v_5b")
"""Options with the classes of others."""


@pytest.mark.parametrize("option", sorted({*FAMILIES} - {*ALIKE, *SLOW}))
def test_live_bytes_equal_those_of_a_real_run_in_every_stage(option, tiny_of):
    one = bound(option, tiny_of(option))
    assert peaks(FakeStages(one, spec_of(option), "cpu")) == peaks(RealStages(one, spec_of(option), "cpu"))


@pytest.mark.parametrize(
    ("option", "dtype"),
    [("wan21_t2v_1_3b", "float16"), ("hunyuan_video", "bfloat16")],
)
def test_live_bytes_equal_in_half_precision(option, dtype, tiny_of):
    one = bound(option, tiny_of(option), dtype=dtype)
    assert peaks(FakeStages(one, spec_of(option), "cpu")) == peaks(RealStages(one, spec_of(option), "cpu"))


@pytest.mark.parametrize("option", ["hunyuan_video", "cogvideox_5b"])
def test_live_bytes_equal_where_the_vae_works_in_tiles(option, tiny_of):
    spec = spec_of(option, width=96, height=80, num_frames=9)
    one = bound(option, tiny_of(option), vae_tiling=True, vae_tile_size=64)
    whole = one.with_settings(replace(one.settings, vae_tiling=False))
    tiled = peaks(FakeStages(one, spec, "cpu"))
    assert tiled == peaks(RealStages(one, spec, "cpu"))
    assert tiled["decode"] < peaks(FakeStages(whole, spec, "cpu"))["decode"]


@pytest.mark.parametrize("option", ["wan22_ti2v_5b", "cogvideox_2b", "ltx_video_2b"])
def test_live_bytes_equal_where_no_value_is_known(option, tiny_of, monkeypatch):
    monkeypatch.setattr(fake_mode, "KNOWN_FLOATS", 0)  # as the inputs of a model of real size
    one = bound(option, tiny_of(option))
    assert peaks(FakeStages(one, spec_of(option), "cpu")) == peaks(RealStages(one, spec_of(option), "cpu"))


def test_live_bytes_equal_those_of_a_model_of_middle_size(tmp_path):
    from diffusers import WanPipeline, WanTransformer3DModel

    torch.manual_seed(0)
    sizes = wan.sizes() | {"num_attention_heads": 4, "attention_head_dim": 64, "ffn_dim": 1024, "num_layers": 4}
    WanPipeline(
        **wan.shared_parts(tmp_path, base_dim=16), transformer=WanTransformer3DModel(**sizes).eval()
    ).save_pretrained(tmp_path)
    one = bound("wan21_t2v_1_3b", wan.as_published(tmp_path))
    spec = spec_of("wan21_t2v_1_3b", width=160, height=96, num_frames=9)
    fake = peaks(FakeStages(one, spec, "cpu"))
    assert fake == peaks(RealStages(one, spec, "cpu"))
    assert fake["decode"] > 16 << 20


@pytest.mark.parametrize(
    ("option", "changes"),
    [
        ("hunyuan_video", {"width": 96, "height": 80, "num_frames": 17, "tile": 64}),
        ("cogvideox_5b", {"width": 96, "height": 80, "num_frames": 9, "tile": 64}),
    ],
)
def test_what_is_repeated_counts_as_if_it_were_run(option, changes, tiny_of, monkeypatch):
    monkeypatch.setattr(fake_mode, "KNOWN_FLOATS", 0)
    tile = changes.pop("tile", None)
    one = bound(option, tiny_of(option), vae_tiling=tile is not None, vae_tile_size=tile)
    short = profile(one, spec_of(option, **changes), "cuda", model="m")
    monkeypatch.setattr(fake_components, "CallCache", lambda _recorder, function: _plainly(_recorder, function))
    monkeypatch.setattr(fake_components, "shorten", lambda *_: None)
    monkeypatch.setattr(fake_components, "share_runs", lambda *_: None)
    assert profile(one, spec_of(option, **changes), "cuda", model="m") == short


def test_blocks_that_are_built_alike_run_once(tiny_of, monkeypatch):
    from diffusers.models.transformers.transformer_wan import WanTransformerBlock

    ran, forward = [], WanTransformerBlock.forward
    monkeypatch.setattr(WanTransformerBlock, "forward", lambda self, *args: ran.append(self) or forward(self, *args))
    made = profile(bound("wan21_t2v_1_3b", tiny_of("wan21_t2v_1_3b")), spec_of("wan21_t2v_1_3b"), "cuda", model="m")
    (use,) = uses(made, "denoise").values()
    assert len(use.blocks) > 1
    assert len(ran) == 1
    assert len({block.peak_bytes for block in use.blocks}) == 1


def test_modules_with_other_settings_are_not_alike():
    def block(**changes):
        made = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.0))
        vars(made).update(changes)
        return made

    recorder = Recorder(Tracker("cuda"))
    whole = torch.nn.ModuleDict({"blocks": torch.nn.ModuleList([block(), block(), block(window=2), block(window=3)])})
    share_runs(whole, recorder)
    shared = [isinstance(one.forward, CallCache) for one in whole["blocks"]]
    assert shared == [True, True, False, False]


def _plainly(recorder, function):
    def run(*args, **kwargs):
        with recorder.call():
            return function(*args, **kwargs)

    return run


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("option", ["wan21_t2v_1_3b", "hunyuan_video", "hunyuan_video_15", "cogvideox_2b"])
def test_every_tensor_has_the_precision_and_shape_that_loading_gives_it(option, dtype, tiny_of):
    one = bound(option, tiny_of(option), dtype=dtype)
    for component in one.components():
        real = load_component(one.checkpoint, component, one.settings, "cpu")
        if isinstance(real, torch.nn.Module):
            made = meta_component(one.checkpoint, component, one.settings)
            assert _layout(made) == _layout(real), component


def _layout(module: torch.nn.Module) -> dict[str, tuple]:
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in tensors.items()}


# Published operations, 10^15, of all calls that are counted; MagCache table 1 (arXiv 2506.09045) counts no attention
# proper, TaylorSeer's and PyramidalWan's tables do, and the latter counts one branch alone.
PUBLISHED = [
    ("cogvideox_2b", (720, 480, 49), 1.0, 50, False, 2.36),
    ("wan21_t2v_1_3b", (832, 448, 81), 5.0, 50, True, 12.592),
]


@pytest.mark.parametrize(("option", "size", "guidance", "calls", "attention", "published"), PUBLISHED)
def test_operations_are_the_published_ones(option, size, guidance, calls, attention, published, monkeypatch):
    monkeypatch.setattr(fake_stages, "STEPS", 1)  # each takes seconds, and counts the same
    tokens = {"cogvideox_2b": 226}.get(option, 512)
    stages = FakeStages(outlined(option, max_sequence_length=tokens), clip(*size, guidance_scale=guidance), "cuda")
    run = stages.denoise({"prompt_embeds": _embeds(tokens)["prompt_embeds"]})
    component = run.components["transformer"]
    work = component.record.work
    total = work.matmul + (work.attention if attention else 0.0)
    assert total / component.calls * calls / 1e15 == pytest.approx(published, rel=0.01)


def _embeds(tokens: int) -> dict[str, torch.Tensor]:
    """What large text encoders give, Hunyuan's two and T5 XXL: a profile of those takes seconds."""
    return {
        "prompt_embeds": torch.zeros(1, tokens, 4096, dtype=torch.bfloat16),
        "pooled_prompt_embeds": torch.zeros(1, 768, dtype=torch.bfloat16),
        "prompt_attention_mask": torch.ones(1, tokens, dtype=torch.int64),
    }


def test_hunyuan_video_takes_what_was_measured(monkeypatch):
    monkeypatch.setattr(fake_stages, "STEPS", 1)
    # huggingface/blog, video_gen.md: 60.1 GiB with all on the device, 43.58 where the VAE works in tiles.
    one, spec = outlined("hunyuan_video", max_sequence_length=128), clip(768, 512, 121)
    names = [name for name in one.components() if not name.startswith("tokenizer")]
    weights = sum(parts_of(meta_component(one.checkpoint, name, one.settings)).weight_bytes for name in names)
    embeds = _embeds(128)
    tiled = one.with_settings(replace(one.settings, vae_tiling=True))
    denoised = FakeStages(one, spec, "cuda").denoise(embeds)
    whole, pieces = (FakeStages(each, spec, "cuda").decode(denoised.result, embeds) for each in (one, tiled))
    assert (weights + whole.peak_bytes) / GIB == pytest.approx(60.1, rel=0.01)
    assert (weights + denoised.peak_bytes) / GIB == pytest.approx(43.58, rel=0.01)
    assert pieces.peak_bytes < denoised.peak_bytes


def test_attention_without_fused_kernels_is_quadratic():
    fused, steps = (
        FakeStages(outlined("wan21_t2v_1_3b"), clip(256, 256, 17, guidance_scale=1.0), kernels)
        for kernels in ("cuda", "cuda_math")
    )
    embeds = {"prompt_embeds": _embeds(512)["prompt_embeds"]}
    lean, wide = (stages.denoise(embeds).components["transformer"] for stages in (fused, steps))
    tokens, heads = 5 * 16 * 16, 12
    assert wide.record.peak_bytes > lean.record.peak_bytes + heads * tokens * tokens * 4
    assert wide.record.work.attention == pytest.approx(lean.record.work.attention, rel=1e-6)
    assert wide.record.work.matmul == lean.record.work.matmul


def test_half_precision_convolutions_of_video_take_a_workspace_on_cuda(tiny_of):
    folder = tiny_of("hunyuan_video")
    halves, fulls = (bound("hunyuan_video", folder, dtype=dtype) for dtype in ("bfloat16", "float32"))
    spec = spec_of("hunyuan_video")
    decoded = {
        (dtype, kernels): peaks(FakeStages(one, spec, kernels))["decode"]
        for dtype, one in (("bf16", halves), ("fp32", fulls))
        for kernels in ("cuda", "cpu")
    }
    assert decoded["bf16", "cuda"] > 1.2 * decoded["bf16", "cpu"]
    assert decoded["fp32", "cuda"] <= decoded["fp32", "cpu"]


def test_convolutions_on_a_cpu_keep_copies_for_themselves(tiny_of):
    one = bound("hunyuan_video", tiny_of("hunyuan_video"))
    stages = [profile(one, spec_of("hunyuan_video"), kernels, model="m").stages for kernels in ("cpu", "cuda")]
    encode, _, decode = stages[0]
    assert encode.workspace_bytes == 0  # no convolution
    assert 0 < decode.workspace_bytes < uses_of(decode)["vae"].peak_bytes
    assert [stage.workspace_bytes for stage in stages[1]] == [0, 0, 0]


def uses_of(stage: StageProfile) -> dict[str, ComponentUse]:
    return {use.component: use for use in stage.uses}


def test_guidance_calls_the_denoiser_twice_a_step(tiny_of):
    one = bound("wan21_t2v_1_3b", tiny_of("wan21_t2v_1_3b"))
    for guidance, calls in ((3.0, 2), (1.0, 1)):
        made = profile(one, spec_of("wan21_t2v_1_3b", guidance_scale=guidance), "cuda", model="m")
        assert uses(made, "denoise")["transformer"].calls == calls


@pytest.mark.parametrize("option", ["cogvideox_5b_i2v", "wan21_flf2v_14b"])
def test_an_image_is_encoded_once_a_clip(tiny_of, option):
    one = bound(option, tiny_of(option))
    made = profile(one, spec_of(option, num_inference_steps=20), "cuda", model="m")
    vae = uses(made, "denoise")["vae"]
    assert vae.calls * 20 == pytest.approx(1)
    assert vae.conv_flops > 0
    assert uses(made, "decode")["vae"].calls == 1
    if option == "wan21_flf2v_14b":
        encoder = uses(made, "denoise")["image_encoder"]
        assert encoder.calls * 20 == pytest.approx(1) and encoder.weight_bytes > 0
        assert "image_encoder" not in {*uses(made, "encode"), *uses(made, "decode")}
        (facts,) = (one for one in made.components if one.name == "image_encoder")
        assert facts.role is Role.ENCODER


def test_both_experts_are_in_the_profile(tiny_of):
    one = bound("wan22_t2v_a14b", tiny_of("wan22_t2v_a14b"))
    experts = uses(profile(one, spec_of("wan22_t2v_a14b"), "cuda", model="m"), "denoise")
    assert experts["transformer"].calls + experts["transformer_2"].calls == 2
    assert experts["transformer"].peak_bytes == pytest.approx(experts["transformer_2"].peak_bytes, rel=0.01)


def test_an_expert_that_few_steps_do_not_reach_has_its_twins_figures(tiny_of):
    one = bound("wan22_t2v_a14b", tiny_of("wan22_t2v_a14b"))
    one.checkpoint.index["boundary_ratio"] = 0.0
    experts = uses(profile(one, spec_of("wan22_t2v_a14b"), "cuda", model="m"), "denoise")
    assert (experts["transformer"].calls, experts["transformer_2"].calls) == (2, 0)
    assert experts["transformer_2"].peak_bytes == experts["transformer"].peak_bytes > 0


def test_peaks_of_parts_lie_within_the_components_peak(tiny_of):
    one = bound("cogvideox_5b", tiny_of("cogvideox_5b"))
    made = profile(one, spec_of("cogvideox_5b"), "cuda", model="m")
    use = uses(made, "denoise")["transformer"]
    assert max(use.outside_leaves_bytes, *(leaf.peak_bytes for leaf in use.leaves)) == use.peak_bytes
    assert max(use.outside_blocks_bytes, *(block.peak_bytes for block in use.blocks)) == use.peak_bytes
    assert use.outside_blocks_bytes < use.peak_bytes
    assert sum(leaf.weight_bytes for leaf in use.leaves) == use.weight_bytes
    assert {leaf.block for leaf in use.leaves if leaf.block} == {block.name for block in use.blocks}
    assert {"linear", "conv", "other"} <= {leaf.kind for leaf in use.leaves}


def test_what_cannot_be_run_is_estimated_and_labelled(tiny_of, monkeypatch, caplog):
    one = bound("wan21_t2v_1_3b", tiny_of("wan21_t2v_1_3b"))
    whole = profile(one, spec_of("wan21_t2v_1_3b"), "cuda", model="m")

    def denoise(*_args, **_kwargs):
        raise NotImplementedError("no kernel for it")

    monkeypatch.setattr(type(one), "denoise", denoise)
    with caplog.at_level(logging.WARNING, logger="vgpipe.planner.profiling.profile"):
        made = profile(one, spec_of("wan21_t2v_1_3b"), "cuda", model="m")
    assert [stage.method for stage in made.stages] == ["fake", "analytic", "analytic"]
    assert "no kernel for it" in caplog.text
    assert [one.weight_bytes for one in made.components] == [one.weight_bytes for one in whole.components]


def test_an_estimate_is_of_the_right_size_and_rather_too_large():
    one, spec = outlined("cogvideox_2b", max_sequence_length=226), clip(720, 480, 49)
    embeds = {"prompt_embeds": _embeds(226)["prompt_embeds"]}
    run = FakeStages(one, spec, "cuda").denoise(embeds).components["transformer"]
    use = estimated(one, "denoise", spec)[0].uses[0]
    assert 1 < use.peak_bytes / run.record.peak_bytes < 2.5
    assert 1 < use.matmul_flops / run.record.work.matmul * run.calls < 2.5


def test_a_refused_clip_stays_refused(tiny_of):
    one = bound("wan21_t2v_1_3b", tiny_of("wan21_t2v_1_3b"))
    with pytest.raises(ModelError, match="from text alone"):
        profile(one, spec_of("wan21_t2v_1_3b", from_image=True), "cuda", model="m")


def test_adapters_are_part_of_the_denoisers_weights(tiny_of, tmp_path):
    path = tmp_path / "lora.safetensors"
    save_file(
        {
            "transformer.blocks.0.attn1.to_q.lora_A.weight": torch.zeros(4, 24),
            "transformer.blocks.0.attn1.to_q.lora_B.weight": torch.zeros(24, 4),
            "transformer.blocks.0.attn1.to_q.alpha": torch.tensor(4.0),
        },
        path,
    )
    one = bound("wan21_t2v_1_3b", tiny_of("wan21_t2v_1_3b"))
    adapted = one.with_settings(replace(one.settings, loras=(Lora(path=str(path), weight=1.0, sha256="0" * 64),)))
    plain, made = (profile(each, spec_of("wan21_t2v_1_3b"), "cuda", model="m") for each in (one, adapted))
    before, after = (uses(each, "denoise")["transformer"].weight_bytes for each in (plain, made))
    assert after - before == 2 * 512
    assert made.components[1].parameters - plain.components[1].parameters == 2 * 4 * 24


def test_a_pipeline_run_whole_is_profiled_in_one_stage(tiny_of):
    one = family("generic_whole", bound("generic", tiny_of("generic")).checkpoint, Settings(max_sequence_length=32))
    made = profile(one, spec_of("generic"), "cuda", model="m")
    assert [list(uses(made, stage)) for stage in ("encode", "decode")] == [[], []]
    called = uses(made, "denoise")
    assert called["transformer"].calls == 1
    assert called["text_encoder"].calls * 4 == pytest.approx(2)
    assert called["vae"].peak_bytes > 0


def test_frames_of_full_size_are_never_in_memory():
    import resource

    stages = FakeStages(outlined("wan21_t2v_1_3b"), clip(1280, 720, 81), "cuda")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    embeds = {"prompt_embeds": _embeds(512)["prompt_embeds"]}
    decoded = stages.decode(stages.denoise(embeds).result, embeds)
    assert decoded.peak_bytes > 5 * GIB
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < GIB / 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize(("inputs", "outputs"), [(8, 16), (16, 8)])
def test_a_convolutions_copies_are_of_its_input_or_of_its_sums(dtype, inputs, outputs):
    tracker = Tracker("cpu")
    given = torch.zeros(1, inputs, 2, 16, 16, dtype=dtype)
    weight = torch.zeros(outputs, inputs, 1, 1, 1, dtype=dtype)
    with tracker:
        result = torch.nn.functional.conv3d(given, weight)
    assert tracker.workspace_peak_bytes == result.nbytes + max(given.nbytes, 4 * result.numel())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("sides", [(16, 16), (2, 16, 16)])
def test_half_precision_convolutions_on_cuda_copy_all_that_they_read_and_write(dtype, sides):
    given = torch.zeros(1, 8, *sides, dtype=dtype)
    weight = torch.zeros(16, 8, *(1 for _ in sides), dtype=dtype)
    run = torch.nn.functional.conv2d if len(sides) == 2 else torch.nn.functional.conv3d
    with Tracker("cuda") as tracker:
        result = run(given, weight)
    copies = given.nbytes + weight.nbytes + result.nbytes if dtype.itemsize == 2 else 0
    assert tracker.top.peak_bytes == result.nbytes + copies


def test_operations_and_what_they_move_are_counted_but_neither_views_nor_what_a_cache_holds():
    large, small = torch.ones(1 << 20), torch.ones(8)
    with Tracker("cpu") as tracker:
        large + large  # reads and writes three times 4 MiB
        large.view(1024, 1024).t()
        torch.empty(1 << 20)
        small + small
        large.view(1024, 1024) @ large.view(1024, 1024)  # has a count of its own
    assert (tracker.work.kernels, tracker.work.moved_bytes) == (3, 12 << 20)
    assert tracker.work.matmul == 2 * 1024**3
