"""What is read from the source of diffusers' pipelines."""

from __future__ import annotations

import subprocess
import sys

import pytest

from vgpipe.errors import ModelError
from vgpipe.models.pipeline.stock_source import read_source


def test_it_equals_what_python_says_of_the_imported_class():
    import inspect

    import diffusers

    for name in ("MochiPipeline", "WanPipeline", "LattePipeline", "TextToVideoZeroPipeline", "StableAudioPipeline"):
        found, real = read_source(name), getattr(diffusers, name)
        call = dict(list(inspect.signature(real.__call__).parameters.items())[1:])
        assert found.arguments == tuple(call)
        assert found.required == tuple(one for one, given in call.items() if given.default is inspect.Parameter.empty)
        assert found.defaults.items() <= {one: given.default for one, given in call.items()}.items()
        assert found.components == tuple(inspect.signature(real.__init__).parameters)[1:]


@pytest.mark.parametrize(
    ("name", "obstacle"),
    [
        ("MochiPipeline", None),
        ("WanPipeline", None),
        ("LTXPipeline", None),
        ("TextToVideoZeroPipeline", "its call takes no prompt_embeds"),
        ("LattePipeline", "its encode_prompt does not say in one return what it gives"),
        ("AnimateDiffPipeline", "it asks for the class of its unet"),
        ("AnimateDiffSDXLPipeline", "it asks for the class of its unet"),
        ("HunyuanVideo15Pipeline", "its guider decides which texts it needs"),
        ("LTX2Pipeline", "it denoises more than latents (audio_latents)"),
        ("SkyReelsV2DiffusionForcingPipeline", "its call needs a prompt"),
        ("TextToVideoZeroSDXLPipeline", "its call needs a prompt"),
        ("SkyReelsV2ImageToVideoPipeline", None),
        ("CosmosTextToWorldPipeline", "its prepare_latents changes latents that it is given"),
        ("LTXImageToVideoPipeline", "its frames are made from more than latents (generator)"),
        ("WanImageToVideoPipeline", "its frames are made from more than latents (condition)"),
        ("WanVACEPipeline", "its vae encodes, too"),
        ("I2VGenXLPipeline", "it has no encode_image"),
        ("ChronoEditPipeline", "its loop counts its steps (enable_temporal_reasoning and i == num_temporal_reason"),
    ],
)
def test_what_keeps_a_pipeline_from_being_staged(name, obstacle):
    import diffusers

    if not hasattr(diffusers, name):
        pytest.skip(f"diffusers {diffusers.__version__} has no {name}")
    found = read_source(name).obstacle
    assert found is None if obstacle is None else found.startswith(obstacle)


def test_a_second_scheduler_or_a_loop_in_a_loop_keeps_it_from_being_staged(tmp_path, monkeypatch):
    plain = written(tmp_path, monkeypatch, "Plain", "for i, t in enumerate(timesteps): pass")
    assert plain.obstacle is None and plain.embeds == ("prompt_embeds",)
    for number, loop in enumerate(
        [
            "for k in range(3):\n            for i, t in enumerate(timesteps): pass",
            "other = copy.deepcopy(self.scheduler)\n        for i, t in enumerate(timesteps): pass",
            "while True: pass",
        ]
    ):
        odd = written(tmp_path, monkeypatch, f"Odd{number}", loop)
        assert odd.obstacle == "its denoising is not one loop over the scheduler's timesteps"


def written(folder, monkeypatch, name, loop):
    """Reads a class out of a library of the test's own."""
    (folder / name / "pipelines").mkdir(parents=True)
    (folder / name / "pipelines" / "one.py").write_text(
        f"class {name}:\n"
        "    def __init__(self, vae): pass\n"
        "    def encode_prompt(self, prompt):\n"
        "        return (prompt_embeds,)\n"
        "    def __call__(self, prompt=None, prompt_embeds=None, latents=None, output_type='pil'):\n"
        f"        {loop}\n"
        "        return latents if output_type == 'latent' else None\n"
    )
    spec = type("Spec", (), {"submodule_search_locations": [str(folder / name)]})
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: spec)
    return read_source(name)


def test_a_loop_that_needs_its_first_noise_keeps_it_from_being_staged(tmp_path, monkeypatch):
    loop = "start = latents * 2\n        for i, t in enumerate(timesteps): pass"
    assert (
        written(tmp_path, monkeypatch, "Kept", loop).obstacle == "its loop needs the noise that it began with (start)"
    )
    loop = "shape = latents.shape\n        for i, t in enumerate(timesteps): pass"
    assert written(tmp_path, monkeypatch, "Measured", loop).obstacle is None


def test_a_package_that_the_constructor_needs_is_known():
    assert read_source("CosmosTextToWorldPipeline").packages == ("cosmos_guardrail",)
    assert read_source("WanPipeline").packages == ()


def test_a_class_that_diffusers_lacks_is_an_error():
    with pytest.raises(ModelError, match="its pipeline is NoSuchPipeline, which diffusers"):
        read_source("NoSuchPipeline")


def test_nothing_heavy_is_imported():
    code = (
        "import sys; from vgpipe.models.pipeline.stock_source import read_source; read_source('MochiPipeline'); "
        "import vgpipe.models.families.generic; sys.exit(bool({'torch', 'diffusers', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
