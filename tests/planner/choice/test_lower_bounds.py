"""Fake runs that are spared, and that sparing them changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.planner.choice.requests import ANY, RULES, card
from tests.planner.profiles import CLIP, scaled_profile
from vgpipe.planner.choice.advice import largest, scaled
from vgpipe.planner.choice.choose import plan
from vgpipe.planner.choice.lower_bounds import BoundedProfiles, lower_bound
from vgpipe.planner.estimate.host_memory import PlanInputs
from vgpipe.planner.profile_records import ClipSpec, ComponentUse, Profile

ALL = replace(ANY, may_tile=True, may_shrink_weights=True)


class Noting:
    def __init__(self):
        self.calls = []

    def __call__(self, spec: ClipSpec, tiling: bool, tile_size: int | None) -> Profile:
        self.calls.append((spec, tiling))
        return scaled_profile(spec, tiling, tile_size)


def sizes(use: ComponentUse) -> list[int]:
    activations = [use.peak_bytes, use.outside_leaves_bytes, use.outside_blocks_bytes, use.output_bytes]
    return [*activations, *(leaf.peak_bytes for leaf in use.leaves), *(block.peak_bytes for block in use.blocks)]


def test_half_a_clip_takes_a_quarter_at_least():
    half = replace(CLIP, num_frames=CLIP.num_frames // 2)
    whole = scaled_profile(CLIP, False, None)
    least = lower_bound(whole, half)
    assert least.spec == half
    share = (half.num_frames / CLIP.num_frames) ** 2
    for before, after in zip(whole.stages, least.stages, strict=True):
        for use, less in zip(before.uses, after.uses, strict=True):
            assert sizes(less) == [int(size * share) for size in sizes(use)]
            assert less.weight_bytes == use.weight_bytes


def test_what_grows_is_no_reason_for_less():
    profile = scaled_profile(CLIP, False, None)
    assert lower_bound(profile, CLIP) is profile
    assert lower_bound(profile, replace(CLIP, num_frames=33)) is profile
    longer_and_smaller = replace(CLIP, width=CLIP.width // 2, num_frames=4 * CLIP.num_frames)
    least = lower_bound(profile, longer_and_smaller).stages[1].uses[0]
    assert least.peak_bytes == profile.stages[1].uses[0].peak_bytes // 4


def test_a_clip_that_cannot_fit_is_not_run():
    noting = Noting()
    bounded = BoundedProfiles(noting, card(0.01), ALL, PlanInputs())
    bounded(CLIP, False, None)
    smaller = scaled(CLIP, RULES, 0.5, 0.5)
    assert plan(smaller, card(0.01), ALL, bounded, inputs=PlanInputs()).chosen is None
    assert [clip for clip, tiling in noting.calls if not tiling] == [CLIP]


@pytest.mark.parametrize("memory_gb", [0.01, 0.4, 0.6, 1.0, 1.7])
@pytest.mark.parametrize("wanted", [ANY, ALL])
def test_the_largest_clip_is_the_same_with_fewer_runs(memory_gb, wanted, monkeypatch):
    tier, bounded, plain = card(memory_gb), Noting(), Noting()
    found = largest(tier, wanted, bounded, inputs=PlanInputs(), rules=RULES, reference=CLIP)
    monkeypatch.setattr("vgpipe.planner.choice.advice.BoundedProfiles", lambda profile_of, *_: profile_of)
    assert largest(tier, wanted, plain, inputs=PlanInputs(), rules=RULES, reference=CLIP) == found
    assert set(bounded.calls) <= set(plain.calls)
    if found is None:
        assert len(set(bounded.calls)) < len(set(plain.calls))
