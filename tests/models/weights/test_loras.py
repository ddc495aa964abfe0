"""LoRAs: the denoiser is, bit for bit, the stock pipeline's after `load_lora_weights` and `set_adapters`."""

from __future__ import annotations

import inspect
import logging
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import tiny
from tests.models.driven import Case, assert_equals_stock, drive
from vgpipe.clips.artifact_keys import ArtifactKeys
from vgpipe.errors import LoadError, ModelError
from vgpipe.job.clip import Clip
from vgpipe.models.base import Lora, Settings
from vgpipe.models.weights import loras
from vgpipe.stages.keys import KeyMaker
from vgpipe.store.file_hashes import FileHashes

CASE = Case("a small red circle", "blue", 3, 3.0, num_inference_steps=3)


@pytest.fixture(scope="module")
def files(tiny_wan: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two LoRAs of the tiny Wan: one with an alpha of its own in the file's header, one without a header."""
    pytest.importorskip("peft", reason="LoRAs need peft")
    from diffusers import WanTransformer3DModel

    folder = tmp_path_factory.mktemp("loras")
    made = []
    for seed, (rank, alpha, targets) in enumerate([(4, 12, ["to_q", "to_v"]), (2, 2, ["to_k", "proj_out"])]):
        module = WanTransformer3DModel.from_pretrained(tiny_wan / "transformer")
        made.append(save_lora(module, folder / str(seed), rank, alpha, targets, seed, header=seed == 0))
    return made[0], made[1]


def save_lora(module, folder: Path, rank=4, alpha=4, targets=("to_q", "to_v"), seed=0, *, header=False) -> Path:
    """Saves a random LoRA through diffusers' own `save_lora_weights`."""
    from diffusers import WanPipeline
    from diffusers.training_utils import _collate_lora_metadata
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    torch.manual_seed(seed)
    module.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(targets), init_lora_weights=False))
    layers = get_peft_model_state_dict(module)
    told = _collate_lora_metadata({"transformer": module}) if header else {}
    WanPipeline.save_lora_weights(folder, transformer_lora_layers=layers, **told)
    return folder / "pytorch_lora_weights.safetensors"


def lora(path: Path, weight: float = 1.0, component: str | None = None) -> Lora:
    return Lora(path=str(path), weight=weight, sha256=FileHashes(None).sha256(path), component=component)


def with_loras(*used: Lora) -> Settings:
    return Settings(max_sequence_length=16, loras=used)


def stock(folder: Path):
    from diffusers import WanPipeline

    pipeline = WanPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def run(pipeline, output_type: str):
    return pipeline(
        prompt=CASE.prompt, negative_prompt=CASE.negative_prompt, height=CASE.height, width=CASE.width,
        num_frames=CASE.num_frames, num_inference_steps=CASE.num_inference_steps,
        guidance_scale=CASE.guidance_scale, generator=torch.Generator().manual_seed(CASE.seed),
        max_sequence_length=16, output_type=output_type,
    ).frames  # fmt: skip


@pytest.mark.parametrize("weights", [(1.0,), (0.5,), (0.8, -0.4)])
def test_latents_and_frames_equal_the_stock_pipelines(tiny_wan, files, weights):
    pipeline = stock(tiny_wan)
    for place in range(len(weights)):
        pipeline.load_lora_weights(files[place].parent, weight_name=files[place].name, adapter_name=f"n{place}")
    pipeline.set_adapters([f"n{place}" for place in range(len(weights))], list(weights))
    used = [lora(file, weight) for file, weight in zip(files, weights, strict=False)]
    wan = drive("wan", tiny_wan, with_loras(*used))
    latents = run(pipeline, "latent")
    assert_equals_stock(wan, CASE, latents, run(pipeline, "np")[0])
    assert not torch.equal(latents, run(stock(tiny_wan), "latent"))


def test_a_weight_of_zero_is_the_model_without_it(tiny_wan, files):
    plain, off = drive("wan", tiny_wan), drive("wan", tiny_wan, with_loras(lora(files[0], 0.0)))
    assert torch.equal(plain.latents(CASE)[0], off.latents(CASE)[0])


@pytest.fixture(scope="module")
def two_experts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.build("wan22_t2v_a14b", tmp_path_factory.mktemp("a14b"))


@pytest.fixture(scope="module")
def expert_file(two_experts: Path, files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from diffusers import WanTransformer3DModel

    module = WanTransformer3DModel.from_pretrained(two_experts / "transformer")
    return save_lora(module, tmp_path_factory.mktemp("expert"))


def test_one_lora_goes_into_both_experts(two_experts, expert_file):
    pipeline = stock(two_experts)
    own = {"weight_name": expert_file.name, "adapter_name": "one"}
    pipeline.load_lora_weights(expert_file.parent, **own)
    pipeline.load_lora_weights(expert_file.parent, **own, load_into_transformer_2=True)
    pipeline.set_adapters(["one"], [0.7])
    wan = drive("wan", two_experts, with_loras(lora(expert_file, 0.7)))
    assert torch.equal(wan.latents(CASE)[0], run(pipeline, "latent"))


@pytest.mark.parametrize("weights", [(3.0, 1.5), (1.0, None), (None, 1.0)])
def test_each_expert_can_have_its_own(two_experts, expert_file, weights):
    pipeline = stock(two_experts)
    used = []
    for component, weight in zip(("transformer", "transformer_2"), weights, strict=True):
        if weight is not None:
            own = {"weight_name": expert_file.name, "adapter_name": component}
            second = component == "transformer_2"
            pipeline.load_lora_weights(expert_file.parent, **own, load_into_transformer_2=second)
            getattr(pipeline, component).set_adapters([component], [weight])
            used.append(lora(expert_file, weight, component))
    wan = drive("wan", two_experts, with_loras(*used))
    assert torch.equal(wan.latents(CASE)[0], run(pipeline, "latent"))


def test_names_in_the_file_can_say_which_expert_it_is_for(two_experts, expert_file, tmp_path):
    named = {f"transformer_2.{name.partition('.')[2]}": tensor for name, tensor in load_file(expert_file).items()}
    save_file(named, tmp_path / "second.safetensors")
    told, chosen = (
        drive("wan", two_experts, with_loras(one)).latents(CASE)[0]
        for one in (lora(tmp_path / "second.safetensors"), lora(expert_file, component="transformer_2"))
    )
    assert torch.equal(told, chosen)


def test_a_lora_for_a_denoiser_that_the_model_lacks_is_refused_before_anything_is_loaded(tiny_wan, files):
    with pytest.raises(ModelError, match="component=transformer_2, and this model has transformer ->"):
        drive("wan", tiny_wan, with_loras(lora(files[0], component="transformer_2")))


def cogvideox():
    from diffusers import CogVideoXPipeline, CogVideoXTransformer3DModel

    return CogVideoXPipeline, CogVideoXTransformer3DModel(
        num_attention_heads=2, attention_head_dim=8, in_channels=4, out_channels=4, time_embed_dim=4,
        text_embed_dim=8, num_layers=1, sample_width=8, sample_height=8, sample_frames=9, max_text_seq_length=8,
    )  # fmt: skip


def ltx():
    from diffusers import LTXPipeline, LTXVideoTransformer3DModel

    return LTXPipeline, LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, num_attention_heads=2, attention_head_dim=4, cross_attention_dim=8,
        num_layers=1, caption_channels=8,
    )  # fmt: skip


def hunyuan_video():
    from diffusers import HunyuanVideoPipeline, HunyuanVideoTransformer3DModel

    return HunyuanVideoPipeline, HunyuanVideoTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=10, num_layers=1,
        num_single_layers=1, num_refiner_layers=1, text_embed_dim=8, pooled_projection_dim=8, rope_axes_dim=(2, 4, 4),
    )  # fmt: skip


def animatediff():
    from diffusers import AnimateDiffPipeline, MotionAdapter, UNet2DConditionModel, UNetMotionModel

    sizes = {"block_out_channels": (8, 8), "norm_num_groups": 4}
    unet = UNet2DConditionModel(
        layers_per_block=1, sample_size=8, cross_attention_dim=8, attention_head_dim=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        **sizes,
    )  # fmt: skip
    adapter = MotionAdapter(motion_num_attention_heads=2, motion_layers_per_block=1, **{
        "block_out_channels": sizes["block_out_channels"], "motion_norm_num_groups": sizes["norm_num_groups"],
    })  # fmt: skip
    return AnimateDiffPipeline, UNetMotionModel.from_unet2d(unet, adapter)


@pytest.mark.parametrize("build", [cogvideox, ltx, hunyuan_video, animatediff])
@pytest.mark.parametrize("has_text_encoder_too", [False, True])
def test_every_pipeline_with_lora_methods_gives_what_its_own_do(build, has_text_encoder_too, tmp_path, caplog):
    pytest.importorskip("peft", reason="LoRAs need peft")
    pipeline_class, module = build()
    part = "unet" if build is animatediff else "transformer"
    tensors = load_file(save_lora(module, tmp_path / "made"))
    tensors = {name.replace("transformer.", f"{part}.", 1): tensor for name, tensor in tensors.items()}
    save_file(tensors, tmp_path / "own.safetensors")
    torch.manual_seed(0)
    theirs, ours = (holding(pipeline_class, part, build()[1]) for _ in range(2))
    theirs.load_lora_weights(tmp_path, weight_name="own.safetensors", adapter_name="lora_0")
    theirs.set_adapters(["lora_0"], [0.6])
    if has_text_encoder_too:
        text = {"text_encoder.layers.0.q_proj.lora_A.weight": torch.zeros(2, 2)}
        save_file(tensors | text, tmp_path / "own.safetensors")
    with caplog.at_level(logging.WARNING, "vgpipe"):
        loras.apply(ours, [lora(tmp_path / "own.safetensors", 0.6)], part)
    assert adapters(getattr(ours, part)) == adapters(getattr(theirs, part))
    assert len(adapters(getattr(ours, part))) == len(tensors)
    assert ("1 tensors for the text encoder are not applied" in caplog.text) == has_text_encoder_too


def holding(pipeline_class, part: str, module):
    """Returns a pipeline that holds one denoiser and nothing else."""
    parameters = inspect.signature(pipeline_class.__init__).parameters
    needed = [name for name, one in parameters.items() if one.default is inspect.Parameter.empty and name != "self"]
    return pipeline_class(**{**dict.fromkeys(needed), part: module})


def adapters(module) -> dict[str, tuple]:
    """Returns name -> (bytes, scale, whether active) of every adapter tensor."""
    scales = {name: one.scaling["lora_0"] for name, one in module.named_modules() if hasattr(one, "scaling")}
    active = {name: one.active_adapters for name, one in module.named_modules() if hasattr(one, "scaling")}
    return {
        name: (tensor.detach().numpy().tobytes(), scales[layer], tuple(active[layer]))
        for name, tensor in module.named_parameters()
        if ".lora_" in name and (layer := name.partition(".lora_")[0]) in scales
    }


def test_a_pipeline_without_lora_methods_takes_them_by_its_transformer(tmp_path):
    pytest.importorskip("peft", reason="LoRAs need peft")
    diffusers = pytest.importorskip(
        "diffusers", minversion="0.38", reason="older diffusers weigh no LoRA of this transformer"
    )

    folder = tiny.build("hunyuan_video_15", tmp_path / "model")
    made, theirs = (
        diffusers.HunyuanVideo15Transformer3DModel.from_pretrained(folder / "transformer") for _ in range(2)
    )
    file = save_lora(made, tmp_path / "lora", alpha=2, header=True)
    driven = drive("hunyuan_video_15", folder, with_loras(lora(file, 0.5)))
    theirs.load_lora_adapter(str(file.parent), weight_name=file.name, adapter_name="lora_0")
    theirs.set_adapters(["lora_0"], [0.5])
    assert adapters(driven.of(("transformer",))["transformer"]) == adapters(theirs) != {}


def renamed(old: str, new: str):
    return lambda tensors: {name.replace(old, new): tensor for name, tensor in tensors.items()}


def narrowed(tensors):
    return {name: one[:, :5].clone() if "lora_A" in name else one for name, one in tensors.items()}


def second_half_missing(tensors):
    return {name: one for name, one in tensors.items() if "blocks.0" not in name or "lora_B" not in name}


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            renamed("blocks", "layers"),
            "none of its 16 tensors is for transformer, a WanTransformer3DModel (they change",
        ),
        (renamed("blocks", "double_blocks"), "is for another model: it changes double_blocks, and a WanTransformer3D"),
        (lambda tensors: {"transformer.proj_out.weight": torch.ones(16, 24)}, "are not named as a LoRA's"),
        (narrowed, "size mismatch for blocks.0.attn1.to_q.lora_A"),
        (second_half_missing, "lacks blocks.0.attn1.to_q.lora_B.weight"),
    ],
)
def test_a_lora_that_is_not_for_this_model_is_refused_by_name(tiny_wan, files, tmp_path, damage, told):
    path = tmp_path / "damaged.safetensors"
    save_file(damage(load_file(files[0])), path)
    with pytest.raises(ModelError) as caught:
        drive("wan", tiny_wan, with_loras(lora(path))).latents(CASE)
    assert str(caught.value).startswith(f"model.loras: {path}")
    assert told in str(caught.value)
    assert "-> give a LoRA" in str(caught.value)


def test_tensors_that_fit_nothing_are_counted_and_the_others_applied(tiny_wan, files, tmp_path, caplog):
    tensors = load_file(files[1])
    strangers = {name.replace("blocks.0", "blocks.9"): one.clone() for name, one in tensors.items()}
    save_file(strangers | tensors, tmp_path / "more.safetensors")
    caplog.set_level(logging.WARNING, "vgpipe")
    more, exact = (
        drive("wan", tiny_wan, with_loras(lora(path))).latents(CASE)[0]
        for path in (tmp_path / "more.safetensors", files[1])
    )
    assert torch.equal(more, exact)
    assert f"only {len(tensors)} of its {len(strangers | tensors)} tensors fit transformer" in caplog.text


def test_a_model_that_diffusers_applies_none_to_says_so(files):
    from diffusers import AutoencoderKLWan

    class Pipeline:
        vae = AutoencoderKLWan(base_dim=4, z_dim=4, num_res_blocks=1)

    with pytest.raises(LoadError, match="applies none to a AutoencoderKLWan ->"):
        loras.apply(Pipeline(), [lora(files[0])], "vae")


def test_without_peft_the_run_does_not_start(render, tmp_path, monkeypatch):
    save_file({"transformer.x.lora_A.weight": torch.zeros(1)}, tmp_path / "one.safetensors")
    monkeypatch.setitem(sys.modules, "peft", None)
    ran = render("clip.prompt=a circle", f"model.loras=[{{id: {tmp_path / 'one.safetensors'}}}]")
    assert ran.code != 0
    assert 'model.loras: needs the package peft -> pip install "vgpipe[lora]"' in ran.err


def test_a_lora_that_is_cut_short_is_found_before_anything_is_loaded(tiny_wan, files, tmp_path):
    (tmp_path / "short.safetensors").write_bytes(files[0].read_bytes()[:-8])
    with pytest.raises(ModelError, match=r"model\.loras: .*short\.safetensors is truncated"):
        drive("wan", tiny_wan, with_loras(lora(tmp_path / "short.safetensors")))


def keys_of(family, clip):
    return ArtifactKeys(KeyMaker(family), ()).of_clip(clip)[0]


def test_keys_change_with_the_files_bytes_its_weight_the_order_and_the_component(tiny_wan, files):
    clip = Clip(
        id="a", prompt="a circle", negative_prompt="", seed=1, width=32, height=32, num_frames=5, fps=8.0,
        num_inference_steps=4, guidance_scale=3.0, model="shapes",
    )  # fmt: skip
    a, b = lora(files[0]), lora(files[1])
    used = [(), (a,), (b,), (lora(files[0], 0.5),), (a, b), (b, a)]
    keys = [keys_of(drive("wan", tiny_wan, with_loras(*one)).family, clip) for one in used]
    assert len({key.latents.digest for key in keys}) == len(used)
    assert len({key.prompt.digest for key in keys}) == 1
    same = drive("wan", tiny_wan, with_loras(lora(files[0], component="transformer")))
    assert keys_of(same.family, clip).latents == keys[1].latents


def test_a_run_applies_the_lora_and_a_second_run_reuses_it(render, files):
    asked = ("clip.prompt=a small red circle", f"model.loras=[{{id: {files[0]}, weight: 0.8}}]")
    plain, first, second = render(asked[0]), render(*asked), render(*asked)
    assert [one.code for one in (plain, first, second)] == [0, 0, 0]
    videos = [next(one.root.rglob("*.mp4")).read_bytes() for one in (plain, first, second)]
    assert videos[0] != videos[1] == videos[2]
    assert first.records()[0]["state"] == "done" and not first.records()[0].get("degradations")
    assert "model.loras" not in first.err
