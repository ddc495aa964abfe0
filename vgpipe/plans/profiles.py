"""Profiles of the clips of a job: from the cache, or measured now."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import replace

from vgpipe.errors import ConfigError, ModelError, VgpipeError, first_line
from vgpipe.job.clip import Clip
from vgpipe.models.base import Family
from vgpipe.planner.profile_records import ClipSpec, Kernels, Profile
from vgpipe.planner.profiling.known_stages import KnownStages
from vgpipe.planner.profiling.profile_cache import ProfileCache, cached_profile
from vgpipe.plans.parts import Part, Steps, StepsOf, all_steps, parts_of
from vgpipe.user_cache import user_cache_folder

log = logging.getLogger(__name__)


class PlanError(VgpipeError):
    """A model that cannot be planned for: its code does not run on fake tensors."""


class Profiles:
    """Profiles of one model for one kind of device.

    Args:
        family: drives the model, as it was asked for.
        model: its name.
        kernels: whose kernels to stand for.
        fps: frames a second for models that make no use of them.
        guidance: whether a clip is guided (negative prompt, two branches) -> the guidance that stands for it, as far as
            that is known already.
        steps_of: which steps of a clip are made.
        stages: those that have run for other devices.
    """

    def __init__(
        self,
        family: Family,
        model: str,
        kernels: Kernels,
        fps: float,
        guidance: Mapping[tuple[bool, bool], float] | None = None,
        steps_of: StepsOf = all_steps,
        stages: KnownStages | None = None,
    ):
        self._family, self._model, self._kernels, self._fps = family, model, kernels, fps
        self._known: dict[tuple[ClipSpec, bool, int | None], Profile] = {}
        self._guidance: dict[tuple[bool, bool], float] = dict(guidance or {})
        self.steps_of = steps_of
        self._stages = KnownStages() if stages is None else stages

    @property
    def guidance(self) -> dict[tuple[bool, bool], float]:
        """Whether a clip is guided -> the guidance that stands for it, as far as clips were asked about."""
        return dict(self._guidance)

    def smaller_tiles(self, spec: ClipSpec) -> tuple[int, ...]:
        """Returns the sides of tiles below the VAE's own that a clip may be decoded in, pixels, largest first."""
        from vgpipe.models.pipeline.vae_options import tile_sizes

        sizes = tile_sizes(self._family, max(spec.width, spec.height))
        return tuple(size for size in sizes if size is not None)

    def __call__(self, spec: ClipSpec, tiling: bool, tile_size: int | None) -> Profile:
        """Returns a profile.

        Args:
            spec: the clip.
            tiling: whether the VAE works in tiles.
            tile_size: side of a tile, pixels; None is the VAE's own.

        Raises:
            PlanError: where the model's code does not run on fake tensors.
            ConfigError: where the VAE has no tiles.
        """
        key = spec, tiling, tile_size
        if key not in self._known:
            self._known[key] = self._made(spec, tiling, tile_size)
        return self._known[key]

    def lenient(self, spec: ClipSpec, tiling: bool, tile_size: int | None) -> Profile:
        """Returns the same, or the profile of an untiled VAE where the VAE cannot tile."""
        try:
            return self(spec, tiling, tile_size)
        except (ConfigError, ModelError) as error:
            if not tiling:
                raise
            log.debug("no tiles: %s", error)
            return self(spec, False, None)

    def kinds(self, clip: Clip, steps: Steps | None = None) -> tuple[ClipSpec, ...]:
        """Returns what is planned for a whole clip, in the order in which it is made.

        Args:
            clip: the clip.
            steps: which of its steps are made; None: as this plan has it.
        """
        return tuple(self.of_part(part) for part in parts_of(clip, steps or self.steps_of(clip)))

    def of_part(self, part: Part) -> ClipSpec:
        """Returns what is planned for one pass of a clip."""
        return replace(self.kind(part.clip), of_steps=part.of_steps, is_draft=part.is_draft)

    def kind(self, clip: Clip) -> ClipSpec:
        """Returns what is planned for a pass that makes all its steps; what no figure depends on is left out."""
        guided = self._family.uses_negative_prompt(clip.guidance_scale), clip.guidance_scale > 1
        guidance_scale = self._guidance.setdefault(guided, clip.guidance_scale)
        fps = clip.fps if self._family.uses_fps else self._fps
        return replace(spec_of(clip), guidance_scale=guidance_scale, fps=fps)

    def _made(self, spec: ClipSpec, tiling: bool, tile_size: int | None) -> Profile:
        settings = replace(self._family.settings, vae_tiling=tiling, vae_tile_size=tile_size)
        bound = self._family.with_settings(settings)
        cache = _LoggedCache(
            f"{self._model} at {spec.width}x{spec.height}, {spec.num_frames} frames{', in tiles' * tiling}"
        )
        try:
            found = cached_profile(bound, spec, self._kernels, model=self._model, cache=cache, known=self._stages)
        except VgpipeError:
            raise
        except Exception as error:  # any model's code runs here, and may raise anything
            log.debug("%s cannot be profiled", self._model, exc_info=error)
            reason = f"{type(error).__name__}: {first_line(error)}"
            raise PlanError(f"{self._model}: its code does not run on fake tensors ({reason})") from error
        return replace(found, spec=spec)


class _LoggedCache(ProfileCache):
    """Logs each profile that is not in the cache, which takes seconds to make, and how long it took."""

    def __init__(self, what: str):
        super().__init__(user_cache_folder())
        self._what, self._started = what, time.monotonic()

    def get(self, key: str) -> Profile | None:
        """Returns a profile; None where there is none, or it is damaged."""
        found = super().get(key)
        self._started = time.monotonic()
        if found is None:
            log.info("planning %s: estimating memory (loads no weights) ...", self._what)
        return found

    def put(self, key: str, profile: Profile) -> None:
        """Keeps a profile."""
        log.info("planning %s: took %.1f s", self._what, time.monotonic() - self._started)
        super().put(key, profile)


def spec_of(clip: Clip) -> ClipSpec:
    """Returns the kind of a clip."""
    return ClipSpec(
        width=clip.width,
        height=clip.height,
        num_frames=clip.num_frames,
        num_inference_steps=clip.num_inference_steps,
        guidance_scale=clip.guidance_scale,
        fps=clip.fps,
        from_image=clip.is_given_frames,
        first_frames=clip.video_num_frames or int(clip.image is not None),
        last_image=clip.last_image is not None,
        num_images=len(clip.images),
        restyles=clip.strength is not None and clip.video is not None,
    )
