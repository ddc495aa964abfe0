"""Workers on machines with other versions."""

from __future__ import annotations

from vgpipe.executor.workers.versions import degradation_of, refusal_of_versions, skew, versions_here

HERE = {"vgpipe": "0.9.0", "torch": "2.13.0+cpu", "numpy": "2.4.6", "imageio-ffmpeg": "0.8.1"}


def test_a_difference_names_both_versions_and_what_to_type():
    found = skew(HERE, {**HERE, "torch": "2.12.1", "imageio-ffmpeg": "0.5.1"})
    assert found == {"torch": ("2.13.0+cpu", "2.12.1")}
    told = refusal_of_versions(found)
    assert "torch 2.12.1 (the driver has 2.13.0+cpu)" in told and "executor.allow_version_skew=true" in told


def test_another_build_of_a_version_is_the_same_version():
    assert skew(HERE, {**HERE, "torch": "2.13.0+cu126"}) == {} == skew(HERE, HERE)


def test_a_package_that_one_of_them_lacks_is_a_difference():
    assert skew(HERE, {name: HERE[name] for name in ("vgpipe", "torch")}) == {"numpy": ("2.4.6", "none")}


def test_clips_of_a_worker_with_another_version_say_so():
    told = degradation_of({"torch": ("2.13.0", "2.12.1")}, "desk/cuda:0")
    assert (told.kind, told.asked, told.got) == ("versions", "torch 2.13.0", "torch 2.12.1")
    assert "desk/cuda:0" in told.reason


def test_what_is_compared_is_what_is_installed():
    assert {"vgpipe", "torch", "diffusers", "transformers", "numpy"} <= set(versions_here())
