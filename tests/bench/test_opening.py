import pytest

from vgpipe.bench.asked import asked
from vgpipe.bench.opening import _facts, opened
from vgpipe.config.load import load
from vgpipe.errors import UsageError


def root_of(*typed, keys=()):
    return opened(asked(list(keys)), load(["hardware=cpu", *typed]), None).bench.root


def test_the_same_bench_has_the_same_directory_whatever_it_varies(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = root_of()
    assert first.parent == tmp_path / "outputs/bench" and first.name.startswith("shapes-")
    assert root_of(keys=["levers=steps,guidance", "steps=[5]"]) == first
    assert root_of("executor.checkpoint_steps=9", "run.budget=1h") == first
    others = [
        root_of("clip.width=32"),
        root_of("clip.seed=9"),
        root_of("memory.vae_tiling=true"),
        root_of(keys=["clips=3"]),
    ]
    assert len({first, *others}) == 5


def test_what_is_as_by_default_is_no_part_of_the_directory():
    plain = [record for record in _facts(load(["hardware=cpu"]))[1:] if record]
    assert plain == []
    assert _facts(load(["clip.width=32", "memory.vae_tiling=true"]))[1:] == [{"vae_tiling": True}, {}, {"width": 32}]


def test_random_seeds_are_the_same_at_every_setting_and_when_it_continues():
    typed = ["hardware=cpu", "clip.prompt=a red circle", "clip.seed=random", "clip.takes=3"]
    found = [opened(asked([]), load(typed), None).bench for _ in range(2)]
    seeds = [[clip.seed for clip in one.requests(one.config).clips] for one in found]
    assert seeds[0] == seeds[1] and len(set(seeds[0])) == 3


def test_clips_of_different_steps_have_no_full_run(tmp_path):
    job = tmp_path / "job.yaml"
    job.write_text("prompts:\n- {prompt: a, num_inference_steps: 4}\n- {prompt: b, num_inference_steps: 8}\n")
    with pytest.raises(UsageError, match=r"4 or 8 steps -> clip.num_inference_steps=8"):
        opened(asked([]), load([f"job={job}"]), None)
    assert opened(asked([]), load([f"job={job}", "clip.num_inference_steps=8"]), None).bench.grid.full.name == "steps=8"


@pytest.mark.parametrize("typed", [["draft=4"], ["quality.best_of=4", "clip.prompt=a red circle"]])
def test_clips_that_are_not_all_finished_are_refused(typed):
    with pytest.raises(UsageError, match="bench measures"):
        opened(asked([]), load(["hardware=cpu", *typed]), None)


def test_other_models_have_prompts_of_real_scenes():
    lines = opened(asked([]), load(["model=ltx_video_2b"]), None).lines
    assert "harbour" in lines and "circle" not in lines
