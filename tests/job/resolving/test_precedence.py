"""Which place a setting comes from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vgpipe.job.record import Entry, Job, RawSettings
from vgpipe.job.resolving.expand import expand
from vgpipe.job.resolving.precedence import SettingSource, strongest
from vgpipe.job.rules import ShapeRules

ALL = dict(width=64, height=64, fps=8.0, num_frames=5, num_inference_steps=1, guidance_scale=0.0)
ANY_LEVEL = st.fixed_dictionaries(
    {},
    optional={
        "fps": st.sampled_from([4.0, 8.0, 16.0]),
        "guidance_scale": st.floats(0, 100),
        "num_inference_steps": st.integers(1, 1000),
        "width": st.integers(2, 16).map(lambda n: 16 * n),
        "negative_prompt": st.sampled_from(["", "blur"]),
    },
)
ANY_LENGTH = st.sampled_from([{}, {"num_frames": 9}, {"num_frames": 17}, {"seconds": 1.0}, {"seconds": 2.5}])
ANY_SEEDS = st.sampled_from([{}, {"seed": 3}, {"seeds": [4, 5]}])


def test_none_counts_as_not_set() -> None:
    sources = [SettingSource.of_config({"seed": None}, "clip."), SettingSource.of_config({"seed": 3}, "quality.")]
    found = strongest(sources, "seed")
    assert found is not None and (found.value, found.source.prefix) == (3, "quality.")
    assert strongest(sources, "fps") is None


@given(*[st.tuples(ANY_LEVEL, ANY_LENGTH)] * 4, ANY_SEEDS, ANY_SEEDS, st.sampled_from([{}, {"seed": 9}]))
def test_the_strongest_level_wins(over, own, middle, preset, own_seeds, middle_seeds, over_seed) -> None:
    layers = [dict(**values, **length) for values, length in (over, own, middle, preset)]
    for layer, seeds in zip(layers, (over_seed, own_seeds, middle_seeds), strict=False):
        layer |= seeds
    lines = dict.fromkeys((*ALL, "seed", "seeds", "seconds", "negative_prompt"), 1)
    entry = Entry(line=1, prompt="x", settings=RawSettings(layers[1], lines))
    job = Job(source="a", name="a", title="a", defaults=RawSettings(layers[2], lines), entries=(entry,))
    clips = expand(job, overrides=layers[0], preset=layers[3], reference=ALL, rules=ShapeRules(), model="m").clips
    everything = [*layers, {**ALL, "negative_prompt": "", "seed": 0}]
    for name in ("fps", "guidance_scale", "num_inference_steps", "width", "negative_prompt"):
        assert getattr(clips[0], name) == next(layer[name] for layer in everything if name in layer)
    assert clips[0].num_frames == _num_frames(everything, clips[0].fps)
    assert [clip.seed for clip in clips] == _seeds(everything)


def _num_frames(layers: list[dict], fps: float) -> int:
    layer = next(layer for layer in layers if layer.keys() & {"num_frames", "seconds"})
    return layer["num_frames"] if "num_frames" in layer else ShapeRules().num_frames_for(layer["seconds"], fps)


def _seeds(layers: list[dict]) -> list[int]:
    layer = next(layer for layer in layers if layer.keys() & {"seed", "seeds"})
    return layer["seeds"] if "seeds" in layer else [layer["seed"]]
