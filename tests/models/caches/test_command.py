"""A step cache from the command line: in the result, its recipe, and what is said of a change."""

from __future__ import annotations

from vgpipe.provenance.replay import read

CACHED = ("quality.cache=taylorseer", "quality.cache_interval=2", "clip.num_inference_steps=6", "checks=off")


def test_it_is_part_of_the_clip_its_recipe_and_what_changed(render, vgpipe):
    made = render("clip.prompt=a red circle", *CACHED)
    assert made.code == 0, made.err
    (record,) = made.records()
    file = made.root / record["files"]["mp4"]
    assert read(file)["quality"] == {"cache": "taylorseer", "cache_interval": 2}
    told = render("plan", "--why", "clip.prompt=a red circle", *CACHED[2:], "quality.cache=firstblock")
    assert "quality.cache taylorseer -> firstblock" in told.out, (told.out, told.err)
    again = vgpipe("rerun", file, "store.dir=other", "checks=off")
    assert again.code == 0 and "same" in again.out, (again.out, again.err)
    plain = render("clip.prompt=a red circle", "clip.num_inference_steps=6", "checks=off")
    (other,) = plain.records()
    assert other["artifacts"]["latents"] != record["artifacts"]["latents"] and not other["reused"]
    assert "quality" not in read(plain.root / other["files"]["mp4"])


def test_what_does_not_work_ends_before_anything_starts(render, workdir):
    refused = render("clip.prompt=a", "quality.cache=magcache", "model.mag_ratios=[]")
    assert refused.code == 2 and "quality.cache=seacache|firstblock|taylorseer|none" in refused.err
    assert not (workdir / "outputs" / "single").exists()
