"""What a plan says of a step cache, in a sentence."""

from __future__ import annotations

from vgpipe.models.caches.choice import StepCache
from vgpipe.planner.estimate.step_cache import SKIPPED, computed_share, denoisers_of, state_bytes
from vgpipe.planner.profile_records import ClipSpec, Profile
from vgpipe.plans.figures import gib
from vgpipe.vocabulary import DENOISE


def cache_note(cache: StepCache, spec: ClipSpec, profile: Profile) -> str:
    """Returns how much of the denoiser's work a cache skips, how that is known, and what it keeps in memory.

    Args:
        cache: the cache.
        spec: a clip.
        profile: of the model at its size.
    """
    stage = next(one for one in profile.stages if one.stage == DENOISE)
    uses = denoisers_of(profile, stage)
    most, least = (round(100 * (1 - share)) for share in computed_share(cache, spec, uses))
    skipped = f"{least} %" if least == most else f"{least} to {most} %"
    how = "as measured with the embedded model" if cache.name in SKIPPED else "by its schedule"
    kept = gib(state_bytes(cache, uses))
    return f"quality.cache={cache.name}: skips {skipped} of the denoiser's work ({how}) and keeps {kept} GiB"
