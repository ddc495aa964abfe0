"""Profiles a model: what every stage takes, from a run of its real classes on fake tensors."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from vgpipe.collection import START_UP
from vgpipe.errors import VgpipeError, first_line
from vgpipe.models.base import Family
from vgpipe.planner.profile_records import (
    Block,
    ClipSpec,
    ComponentFacts,
    ComponentUse,
    Kernels,
    Leaf,
    Profile,
    StageProfile,
)
from vgpipe.planner.profiling.analytic import estimated
from vgpipe.planner.profiling.fake_components import FakeComponent
from vgpipe.planner.profiling.fake_stages import FakeStages, StageRun
from vgpipe.planner.profiling.known_stages import KnownStage, KnownStages, stage_key
from vgpipe.planner.profiling.loras import with_adapters
from vgpipe.planner.profiling.modules import ModuleParts
from vgpipe.planner.profiling.roles import file_bytes, is_denoiser, role_of
from vgpipe.vocabulary import DECODE, DENOISE, ENCODE

log = logging.getLogger(__name__)


def profile(
    family: Family, spec: ClipSpec, kernels: Kernels, *, model: str, known: KnownStages | None = None
) -> Profile:
    """Runs all stages of a model for one clip on fake tensors; loads no weights.

    Args:
        family: bound to the model; its weights need not be downloaded.
        spec: the clip.
        kernels: those to assume.
        model: the model's name, for the record.
        known: stages of other profiles, of which those that this one shares are not run again; gets those that are.

    Returns:
        The memory and the operations of every stage.

    Raises:
        ModelError: where the family refuses the clip.
    """
    START_UP.end()  # fake tensors are garbage that must be found
    bound = _reduced(family)
    made = _StageProfiles(bound, spec, kernels, KnownStages() if known is None else known)
    made.run()
    plain = Profile(
        model=model,
        spec=spec,
        kernels=kernels,
        dtype=bound.settings.dtype,
        components=tuple(_facts(bound, name, parts) for name, parts in made.found.items()),
        stages=tuple(made.stages),
        vae_tiling=bound.settings.vae_tiling,
    )
    return with_adapters(plain, family.settings.loras)


class _StageProfiles:
    """The stages of one profile, each from a fake run if that succeeds.

    Attributes:
        stages: so far.
        found: part -> its modules.
    """

    def __init__(self, family: Family, spec: ClipSpec, kernels: Kernels, known: KnownStages):
        self.stages: list[StageProfile] = []
        self.found: dict[str, ModuleParts] = {}
        self._family, self._spec, self._kernels, self._known = family, spec, kernels, known
        self._stages = FakeStages(family, spec, kernels)

    def run(self) -> None:
        """Profiles all stages; one whose input is missing is estimated too."""
        encoded = self._add(ENCODE, self._stages.encode)
        denoised = self._add(DENOISE, partial(self._stages.denoise, encoded.result) if encoded else None)
        decode = partial(self._stages.decode, denoised.result, encoded.result) if denoised and encoded else None
        self._add(DECODE, decode)

    def _add(self, stage: str, run: Callable[[], StageRun] | None) -> KnownStage | None:
        """Adds a stage; returns it only where it has run, so that what follows can."""
        key = stage_key(self._family, self._spec, self._kernels, stage)
        done = self._known.get(key)
        if done is None:
            done = self._made(stage, run)
            self._known.put(key, done)
        self.stages.append(done.profile)
        self.found = done.parts | self.found
        return done if done.profile.method == "fake" else None

    def _made(self, stage: str, run: Callable[[], StageRun] | None) -> KnownStage:
        done = self._try(stage, run) if run is not None else None
        if done is None:
            return KnownStage(*estimated(self._family, stage, self._spec))
        parts = {name: component.parts for name, component in done.components.items()}
        return KnownStage(_stage(done, self._family, self._spec), parts, done.result)

    def _try(self, stage: str, run: Callable[[], StageRun]) -> StageRun | None:
        try:
            return run()
        except VgpipeError:
            raise
        except Exception as error:  # the classes of any model run here, and raise anything
            cause = f"{type(error).__name__}: {first_line(error)}"
            log.warning("%s cannot run on fake tensors; its figures are estimated (%s)", stage, cause)
            log.debug("%s", stage, exc_info=error)
            return None


def _reduced(family: Family) -> Family:
    """Returns the family without settings that arithmetic covers, or that need another package to run."""
    attention = "sliced" if family.settings.attention == "sliced" else "sdpa"
    return family.with_settings(replace(family.settings, loras=(), quantization={}, attention=attention, cache=None))


def _stage(run: StageRun, family: Family, spec: ClipSpec) -> StageProfile:
    uses = []
    for name, component in run.components.items():
        # What runs once per clip is spread over the clip's own steps; a fake run makes only a few.
        each_step = run.stage != DENOISE or is_denoiser(family, name)
        uses.append(_use(name, component, run.rounds if each_step else spec.num_inference_steps))
    return StageProfile(
        stage=run.stage,
        uses=tuple(_reached(use, uses) for use in uses),
        pipeline_bytes=run.pipeline_bytes,
        workspace_bytes=run.workspace_bytes,
    )


def _reached(use: ComponentUse, uses: list[ComponentUse]) -> ComponentUse:
    """Returns an expert that the few steps did not reach with its twin's figures; others unchanged."""
    if use.calls:
        return use
    twins = [one for one in uses if one.calls and _weights(one) == _weights(use)]
    return replace(twins[0], component=use.component, calls=0.0) if twins else use


def _weights(use: ComponentUse) -> list[tuple[str, int]]:
    return [(leaf.name, leaf.weight_bytes) for leaf in use.leaves]


def _use(name: str, component: FakeComponent, rounds: int) -> ComponentUse:
    record, parts, calls = component.record, component.parts, max(component.calls, 1)
    return ComponentUse(
        component=name,
        calls=component.calls / rounds,
        weight_bytes=parts.weight_bytes,
        peak_bytes=record.peak_bytes,
        outside_leaves_bytes=record.outside_leaves_bytes,
        outside_blocks_bytes=record.outside_blocks_bytes,
        matmul_flops=record.work.matmul / calls,
        conv_flops=record.work.conv / calls,
        attention_flops=record.work.attention / calls,
        kernels=record.work.kernels / calls,
        moved_bytes=record.work.moved_bytes / calls,
        output_bytes=component.output_bytes,
        leaves=tuple(_leaf(leaf, component) for leaf in parts.leaves),
        blocks=tuple(
            Block(name=block, weight_bytes=size, peak_bytes=record.blocks.get(block, 0))
            for block, size in parts.blocks.items()
        ),
    )


def _leaf(name: str, component: FakeComponent) -> Leaf:
    known = component.parts.leaves[name]
    return Leaf(
        name=name,
        kind=known.kind,
        weight_bytes=known.weight_bytes,
        elements=known.elements,
        rows=known.rows,
        itemsize=known.itemsize,
        peak_bytes=component.record.leaves.get(name, 0),
        block=known.block,
        tokens=component.record.tokens.get(name, 0),
    )


def _facts(family: Family, name: str, parts: ModuleParts) -> ComponentFacts:
    return ComponentFacts(
        name=name,
        role=role_of(family, name),
        parameters=parts.parameters,
        weight_bytes=parts.weight_bytes,
        file_bytes=file_bytes(family, name),
        largest_leaf_bytes=max((leaf.weight_bytes for leaf in parts.leaves.values()), default=0),
        kept=parts.kept,
        is_indivisible=parts.is_indivisible,
    )
