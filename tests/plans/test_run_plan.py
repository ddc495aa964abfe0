"""From the config to a plan, with a model made up for the purpose."""

from __future__ import annotations

import pytest

from tests.plans.plan_runs import MadeUpProfiles
from vgpipe.config.load import load
from vgpipe.errors import ConfigError, ModelError
from vgpipe.memory.strategies import Strategy
from vgpipe.planner.estimate.calibration import record
from vgpipe.plans import profiles as plan_profiles
from vgpipe.plans.inputs import clips_to_plan, planned_model
from vgpipe.plans.planning import make_plan, plan_of, request_of
from vgpipe.plans.profiles import PlanError
from vgpipe.plans.refusal import refuse_what_cannot_fit
from vgpipe.plans.target import target_of
from vgpipe.user_cache import user_cache_folder

MODEL = ("model=cogvideox_5b", "clip.width=720", "clip.height=480", "clip.num_frames=49")


@pytest.fixture
def profiles(monkeypatch, tmp_path):
    monkeypatch.setenv("VGPIPE_CACHE", str(tmp_path / "cache"))
    made = MadeUpProfiles()
    monkeypatch.setattr(plan_profiles, "cached_profile", made)
    return made


def config_of(*overrides):
    return load([*MODEL, *overrides])


def job(workdir, text):
    (workdir / "job.yaml").write_text(text)
    return "job=job.yaml"


def chosen(*overrides):
    (shape,) = plan_of(config_of(*overrides)).shapes
    return shape.chosen


def test_the_best_is_taken_where_there_is_room(profiles):
    found = plan_of(config_of("hardware=a100_80gb"))
    assert found.strategies() == dict.fromkeys(("encode", "denoise", "decode"), Strategy.RESIDENT)
    assert found.fits and found.dtype == "bfloat16" and not found.stream
    assert found.download_bytes > 15 * (1 << 30)  # nothing of it is here


def test_each_stage_has_the_strategy_that_it_needs(profiles):
    found = plan_of(config_of("hardware=rtx3060_8gb", "memory.vae_tiling=true"))
    strategies = found.strategies()
    assert strategies["encode"] is Strategy.DISK_OFFLOAD  # as fast as leaf by leaf from RAM
    assert strategies["denoise"] is strategies["decode"] is Strategy.STAGED


def test_weights_are_fetched_ahead_only_as_asked_or_where_that_fits(profiles):
    offload = "hardware=rtx4090_24gb", "memory=block_offload"
    assert plan_of(config_of(*offload, "memory.stream=true")).stream
    assert not plan_of(config_of(*offload, "memory.stream=false")).stream
    assert plan_of(config_of(*offload)).stream


def test_tiles_come_only_where_nothing_else_fits_and_are_allowed(profiles):
    found = plan_of(config_of("hardware=rtx3080_10gb"))
    (shape,) = found.shapes
    assert shape.chosen.vae_tiling and "VAE tiling" in shape.why
    assert not shape.rows[0].vae_tiling  # as asked, shown first
    assert {row.vae_tiling for row in shape.rows} == {False, True}
    for forbidden in ("run.degrade=strict", "memory.vae_tiling=false"):
        assert not request_of(config_of(forbidden)).may_tile
        assert chosen("hardware=rtx3080_10gb", forbidden) is None


def test_a_pinned_strategy_gives_one_row(profiles):
    for strategy in Strategy:
        found = plan_of(config_of("hardware=a100_80gb", f"memory={strategy.value}", "memory.vae_tiling=true"))
        (shape,) = found.shapes
        (row,) = shape.rows
        assert row.strategy is strategy and row is shape.chosen and row.vae_tiling
        assert set(found.strategies().values()) == {strategy}


def test_a_pinned_strategy_that_does_not_fit_is_not_left(profiles):
    config = config_of("hardware=rtx3060_8gb", "memory=resident")
    found = plan_of(config)
    assert {row.strategy for row in found.shapes[0].rows} == {Strategy.RESIDENT} and not found.fits
    with pytest.raises(ConfigError) as told:
        refuse_what_cannot_fit(found, config)
    assert "fits with memory" in str(told.value) and "rtx3060_8gb" in str(told.value)


def test_only_distinct_shapes_are_profiled(profiles, workdir):
    prompts = "\n".join(f"  - prompt {number}" for number in range(300))
    found = plan_of(config_of("hardware=a100_80gb", job(workdir, f"prompts:\n{prompts}\n")))
    (shape,) = found.shapes
    assert shape.clips == 300 and len(profiles.calls) == 1
    load, each = shape.chosen.load_seconds, [stage.seconds for stage in shape.chosen.stages]
    for end in (0, 1):  # each component is loaded once
        assert found.seconds()[end] == pytest.approx(load[end] + 300 * sum(span[end] for span in each))


def test_guidance_and_rate_that_change_nothing_make_no_kinds_of_their_own(profiles, workdir):
    kinds = "{prompt: a, guidance_scale: 5}", "{prompt: b, guidance_scale: 6, fps: 9}", "{prompt: c, guidance_scale: 1}"
    text = f"prompts: [{', '.join(kinds)}]"
    found = plan_of(config_of("hardware=a100_80gb", job(workdir, text)))
    assert [shape.clips for shape in found.shapes] == [2, 1]  # without guidance there is one branch


def test_steps_count_though_one_profile_serves_them_all(profiles):
    few, many = (chosen("hardware=a100_80gb", f"clip.num_inference_steps={steps}") for steps in (10, 40))
    assert many.stages[1].flops == pytest.approx(4 * few.stages[1].flops)
    assert many.stages[0].flops == few.stages[0].flops


def test_a_draft_takes_its_share_of_denoising_one_decode_and_a_checkpoint(profiles, workdir):
    text = job(workdir, "prompts: [a, b, c]")
    small = "model=cogvideox_5b", "hardware=a100_80gb", text
    whole, drafts = (plan_of(load([*small, *more])) for more in ([], ["draft=10"]))
    (final,), (draft,) = whole.shapes, drafts.shapes
    denoise, first = final.chosen.stages[1], draft.chosen.stages[1]
    assert first.flops == pytest.approx(denoise.flops * 10 / final.spec.num_inference_steps)
    assert draft.chosen.peak_bytes == final.chosen.peak_bytes
    assert draft.chosen.stages[2] == final.chosen.stages[2]
    assert drafts.disk_bytes() >= whole.disk_bytes()
    assert whole.rest is None and drafts.rest.clips == 3 and drafts.rest.fits
    for end in (0, 1):  # what is left: the other steps and another decode each
        left = 3 * (denoise.seconds[end] - first.seconds[end] + draft.chosen.stages[2].seconds[end])
        assert drafts.rest.seconds[end] == pytest.approx(left)
    clip = clips_to_plan(load(list(small)))[0][0]
    assert drafts.forecast_of(clip) is draft.chosen and drafts.forecasts_of(clip) == [draft.chosen]


def test_every_clip_finds_its_forecast_and_others_do_not(profiles, workdir):
    text = "prompts: [{prompt: a}, {prompt: b, num_frames: 17}]"
    config = load(["model=cogvideox_5b", "hardware=a100_80gb", job(workdir, text)])
    found = plan_of(config)
    clips, _ = clips_to_plan(config)
    assert [found.forecast_of(clip).spec.num_frames for clip in clips] == [49, 17]
    other, _ = clips_to_plan(config_of("clip.num_frames=9"))
    assert found.forecast_of(other[0]) is None


def test_the_most_frugal_that_any_shape_needs_is_taken_for_all(profiles, workdir):
    text = "prompts: [{prompt: a}, {prompt: b, width: 256, height: 256, num_frames: 1}]"
    config = load(["model=cogvideox_5b", "hardware=rtx4080_16gb", "memory.vae_tiling=true", job(workdir, text)])
    found = plan_of(config)
    per_shape = [[stage.strategy or shape.chosen.strategy for stage in shape.chosen.stages] for shape in found.shapes]
    order = list(Strategy).index
    assert list(found.strategies().values()) == [max(some, key=order) for some in zip(*per_shape, strict=True)]


def test_what_cannot_fit_is_refused_all_at_once_with_what_does(profiles, workdir):
    text = "prompts: [{prompt: a}, {prompt: b, num_frames: 33}]"
    config = load(["model=cogvideox_5b", "hardware=gtx1660ti_6gb", "run.degrade=strict", job(workdir, text)])
    with pytest.raises(ConfigError) as told:
        refuse_what_cannot_fit(plan_of(config), config)
    text = str(told.value)
    assert "720x480, 49 frames" in text and "720x480, 33 frames" in text
    assert "clip.width=" in text and "clip.num_frames=" in text and "memory.vae_tiling=true" in text


def test_auto_precision_follows_the_tier(profiles):
    assert plan_of(load(["model=wan21_t2v_1_3b", "hardware=rtx4090_24gb"])).dtype == "bfloat16"
    assert plan_of(load(["model=wan21_t2v_1_3b", "hardware=gtx1660ti_6gb"])).dtype == "float32"
    pinned = plan_of(load(["model=wan21_t2v_1_3b", "hardware=gtx1660ti_6gb", "model.dtype=bfloat16"]))
    assert pinned.dtype == "bfloat16"
    assert profiles.calls[-1][3] == "bfloat16"


def test_kernels_are_those_of_the_tier(profiles):
    plan_of(config_of("hardware=apple_m_16gb"))
    assert profiles.calls[-1][2] == "cuda_math"


@pytest.mark.parametrize("option", ["cogvideox_5b_i2v", "wan21_flf2v_14b"])
def test_a_model_that_needs_images_is_planned_without_them(profiles, option):
    (shape,) = plan_of(load([f"model={option}", "hardware=a100_80gb"])).shapes
    assert shape.spec.from_image


@pytest.mark.parametrize(
    ("option", "adapters"),
    [("wan22_t2v_a14b_lightning", 2), ("wan22_i2v_a14b_lightning", 2), ("wan21_t2v_14b_lightx2v", 1)],
)
def test_distilled_weights_are_planned_for_before_their_adapters_are_here(profiles, option, adapters):
    plan = plan_of(load([f"model={option}", "hardware=a100_80gb"]))
    assert [(shape.spec.num_inference_steps, shape.spec.guidance_scale) for shape in plan.shapes] == [(4, 1.0)]
    assert any(f"{adapters} of them are not downloaded yet" in note for note in plan.notes)


def test_weights_of_no_component_are_refused(profiles):
    with pytest.raises(ConfigError, match=r"memory\.weights\.transfomer"):
        plan_of(config_of("hardware=a100_80gb", "memory.weights.transfomer=int8"))


def test_fewer_bits_take_less(profiles):
    native = chosen("hardware=a100_80gb", "memory=model_offload")
    small = chosen("hardware=a100_80gb", "memory=model_offload", "memory.weights.text_encoder=int8")
    assert small.weights["text_encoder"] == "int8" and small.weight_bytes < native.weight_bytes
    assert small.stages[0].allocated_bytes < 0.65 * native.stages[0].allocated_bytes


def test_a_model_whose_classes_do_not_run_without_values_has_no_plan(profiles, monkeypatch):
    def fails(*_args, **_options):
        raise RuntimeError("no kernel for a fake tensor\nmore")

    monkeypatch.setattr(plan_profiles, "cached_profile", fails)
    with pytest.raises(PlanError, match=r"cogvideox_5b: .*fake tensors \(RuntimeError: no kernel for a fake tensor\)"):
        plan_of(config_of("hardware=a100_80gb"))


def test_a_vae_without_tiles_is_planned_whole(profiles, monkeypatch):
    def made(family, *args, **options):
        if family.settings.vae_tiling:
            raise ConfigError("memory.vae_tiling: it cannot decode in tiles")
        return profiles(family, *args, **options)

    monkeypatch.setattr(plan_profiles, "cached_profile", made)
    assert plan_of(config_of("hardware=a100_80gb")).fits
    config = config_of("hardware=rtx3080_10gb")
    found = plan_of(config)
    assert not found.fits
    with pytest.raises(ConfigError, match="clip"):
        refuse_what_cannot_fit(found, config)


def test_runs_of_this_machine_narrow_the_time(profiles):
    config = config_of("hardware=a100_80gb")
    plan = plan_of(config)
    low, high = plan.shapes[0].chosen.stages[1].seconds
    for _ in range(3):
        record(
            user_cache_folder(), device="a100_80gb", attention="sdpa", stage="denoise", model=plan.model,
            flops=1e12, seconds=200.0, expected_s=200.0,
        )  # fmt: skip
    closer = plan_of(config).shapes[0].chosen.stages[1].seconds
    assert low < closer[0] < closer[1] < high


def test_a_folder_of_the_users_own_is_opened(profiles, tmp_path):
    config = config_of("hardware=a100_80gb", f"model.id={tmp_path}")
    with pytest.raises(ModelError, match=r"model_index\.json"):
        plan_of(config)


def test_loras_are_said_not_to_be_counted(profiles):
    found = plan_of(config_of("hardware=a100_80gb", "model.loras=[{id: owner/name}]"))
    assert any("model.loras" in note for note in found.notes)


def test_the_disk_holds_what_all_clips_leave(profiles):
    config = config_of("hardware=a100_80gb")
    target = target_of(config.hardware, for_run=False)
    model = planned_model(config, target)
    clips, _ = clips_to_plan(config)
    one, three = (
        make_plan(model.config, model.family, list(clips) * count, target, download_bytes=0) for count in (1, 3)
    )
    frames = 3 * 720 * 480 * 49  # of one clip at a time: they are let go once the video is made
    assert three.disk_bytes() - frames == 3 * (one.disk_bytes() - frames) > 0
    (offloaded,) = plan_of(config_of("hardware=a100_80gb", "memory=disk_offload", "job=null")).shapes
    waiting = offloaded.chosen.disk_bytes - one.shapes[0].chosen.disk_bytes
    assert waiting > 10 * (1 << 30)
    pinned = config_of("hardware=a100_80gb", "memory=disk_offload")
    many = make_plan(pinned, model.family, list(clips) * 3, target, download_bytes=0)
    assert many.disk_bytes() == three.disk_bytes() + waiting
